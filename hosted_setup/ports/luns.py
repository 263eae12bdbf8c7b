"""The LUNs that this host's kernel sees: over Fibre Channel, or however they came to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

_PASSING: Final = re.compile(r"/dev/sd[a-z]+")  # a name that the next disk may get at the next boot
_MULTIPATH: Final = ("/dev/mapper/", "/dev/disk/by-id/dm-uuid-mpath-")


@dataclass(frozen=True)
class HostLun:
    """A block device of a LUN; sizes in bytes, `wwid` as udev and multipath write it, empty where it has none."""

    path: str
    size: int
    block: int
    vendor: str
    product: str
    serial: str
    wwid: str
    read_only: bool
    paths_up: int
    paths: int

    @property
    def lasting(self) -> bool:
        """Tell whether the path is the LUN's after a reboot too."""
        return _PASSING.fullmatch(self.path) is None

    @property
    def multipath(self) -> bool:
        """Tell whether it is used through all of its paths."""
        return self.path.startswith(_MULTIPATH)


class Luns(Protocol):
    """Looks at block devices; changes nothing."""

    def listed(self) -> tuple[HostLun, ...]:
        """Give the LUNs, each once however many paths lead to it, in the order of their paths."""

    def device(self, path: str) -> HostLun | None:
        """Give the block device of that path, whatever kind it is; None where there is none."""

    def read(self, path: str, regions: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes, whole blocks) of a block device; raises OSError."""
