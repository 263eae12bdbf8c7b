"""iSCSI, as an initiator: what portals offer, and what is on it. Nothing stays connected after a call."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosted_setup.model.secret import Secret

WITHIN: Final = 6.0
"""Seconds after which a call is given up, whatever the portal does."""


@dataclass(frozen=True)
class Portal:
    """Where a target is reached: an IP address, a TCP port, and the tag of the portal group (0: not known)."""

    address: str
    port: int
    group: int = 0

    def __str__(self) -> str:
        """Give `address:port`, an IPv6 address in brackets."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def at(self, other: Portal) -> bool:
        """Tell whether it is the same place, whatever is known of the groups."""
        return (self.address, self.port) == (other.address, other.port)


@dataclass(frozen=True)
class Chap:
    """What to answer a challenge with."""

    user: str
    password: Secret


@dataclass(frozen=True)
class Target:
    """A target and the portals it is offered at."""

    name: str
    portals: tuple[Portal, ...]


@dataclass(frozen=True)
class Lun:
    """A disk of a target; `size` and `block` (a logical block) in bytes, `wwid` as udev and multipath write it."""

    number: int
    size: int
    block: int
    vendor: str
    product: str
    serial: str
    wwid: str
    read_only: bool
    thin: bool


class Initiator(Protocol):
    """Looks at targets.

    Raises, from every call: PortalDown, PortalHung, ChapRefused, InitiatorRefused, TargetMissing, LunMissing or
    IscsiFault.
    """

    def name(self) -> str:
        """Give this host's own name, an IQN, which access lists of targets know it by."""

    def discover(self, portal: Portal, chap: Chap | None) -> tuple[Target, ...]:
        """Ask a portal for its targets, in its order."""

    def luns(self, portal: Portal, target: str, chap: Chap | None) -> tuple[Lun, ...]:
        """Log in to a target and list its disks, by number."""

    def read(
        self, portal: Portal, target: str, chap: Chap | None, lun: int, regions: Sequence[tuple[int, int]]
    ) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes, whole blocks) of a disk."""


def list_command(portal: Portal, initiator: str = "") -> str:
    """Give the command that shows what a portal offers, to an initiator of that name."""
    return shlex.join(["iscsi-ls", "-s", *(["-i", initiator] if initiator else []), f"iscsi://{portal}"])
