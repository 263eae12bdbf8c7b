"""What a storage domain can do, however it is laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Self

from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hosted_setup.domain.domain_mark import DomainMark
    from hosted_setup.domain.host_slot import HostSlot
    from hosted_setup.domain.lun_contents import Contents
    from hosted_setup.domain.pointer import Pointer
    from hosted_setup.ports.images import DiskSource

CONF_FILES: Final = ("hosted-engine.conf", "vm.conf", "fhanswers.conf", "broker.conf", "ca.pem", "version")
"""The shared configuration."""

LENT: Final = ("he-seed", "he-backup")
"""What a VM may be lent for its first boot, beside its disk."""


class DomainDamaged(Problem):
    """What a storage domain says of itself does not read as this program or its like has written it."""

    code = "HE-DOMAIN-DAMAGED"
    title = "The storage domain is damaged"
    exit_code = ExitCode.FAILED


def damaged(what: str, why: str, command: str) -> DomainDamaged:
    """Give the problem for what cannot be read; `command` shows where it lies."""
    hint = _("Nothing of it is used or removed. Put it back from a copy, or remove it yourself; look at it with:")
    return DomainDamaged(what, why=why, where=what, hint=hint, command=command)


class LunUsed(Problem):
    """There is something on the LUN, so it is not taken."""

    code = "HE-LUN-USED"
    title = "The LUN is in use"

    @classmethod
    def by(cls, contents: Contents, where: str, command: str) -> Self:
        """Name what is on it."""
        why = ", ".join(one.told() for one in contents.findings)
        hint = _("Nothing on it is touched. Answer another LUN, or see whose it is; look at it with:")
        return cls(where, why=why, where=where, hint=hint, command=command)


class Layout(Protocol):
    """One storage domain, at work on its storage; holds nothing open between two calls.

    A volume is named by a UUID, which nobody else's volume can have. All of it may raise OSError or a Problem: the
    storage does not answer, is full, or says what it should not (DomainDamaged).
    """

    def create(self, name: str, run_id: str) -> None:
        """Make the domain, whole or not at all, with that run's mark."""

    def mark(self) -> DomainMark | None:
        """Read what the domain says of itself; None when there is none."""

    def name_engine(self, engine: str) -> None:
        """Add to the mark which engine lives here (`engine_id`)."""

    def made_by(self, run_id: str) -> bool:
        """Tell whether there is a domain with that run's mark."""

    def removable(self, run_id: str) -> bool:
        """Tell the same, for whoever is going to remove something of it: what came over it later is left alone.

        Raises:
            OSError: something did, with the place.
        """

    def remove(self, run_id: str) -> tuple[str, ...]:
        """Remove the domain that this run made, or was making, if there is one.

        Gives the places that are left, since there is something in them that no run of this program puts there.
        """

    def add_volume(self, volume: str, format: str, size: int) -> DiskSource:  # noqa: A002 - the tools' word
        """Make an empty volume for an image of `size` virtual bytes, marked as importing until it stands alone."""

    def has(self, volume: str) -> bool:
        """Tell whether there is such a volume."""

    def is_importing(self, volume: str) -> bool:
        """Tell whether a volume does not stand alone yet."""

    def imported(self, volume: str) -> None:
        """Note that the volume stands alone."""

    def remove_volume(self, volume: str) -> None:
        """Remove a volume, its mark and what was lent beside it, as far as they are there."""

    def lend(self, volume: str, name: str, file: Path) -> DiskSource:
        """Copy a file to beside the volume under one of the names of `LENT`, for a VM that takes no open files."""

    def take_back(self, volume: str, name: str) -> None:
        """Remove what was lent, if it is there."""

    def current(self) -> Pointer | None:
        """Read the pointer to the current volume; None when there is none."""

    def point_to(self, pointer: Pointer) -> None:
        """Make the pointer, atomically, where there is none."""

    def drop_pointer(self, volume: str) -> None:
        """Remove the pointer, if it names this volume, and an unfinished one."""

    def write_conf(self, texts: Mapping[str, str]) -> None:
        """Write files of the shared configuration, each whole or not at all."""

    def read_conf(self) -> dict[str, str]:
        """Read the shared configuration, as far as it is there."""

    def hosts(self) -> dict[int, HostSlot]:
        """Read who has which host id."""

    def reserve(self, slot: HostSlot) -> None:
        """Reserve a host id. On a LUN another host may do so at the same moment: who was last is read a while later.

        Raises:
            FileExistsError: another host has it.
        """

    def release(self, number: int, run_id: str) -> None:
        """Free a host id, if that run has reserved it, or was reserving it."""

    def free(self) -> int:
        """Give the bytes that are free."""
