"""A pretended iSCSI server: a file of its folder is a LUN, `TARGET-NUMBER`; the portal is whatever is asked."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hosted_setup.ports.initiator import Lun, Portal, Target
from hosted_setup.ports.iscsi_problems import ChapRefused, DiscoveryRefused, LunMissing, PortalDown, TargetMissing
from hosted_setup.testing.images import lun_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hosted_setup.ports.initiator import Chap
    from hosted_setup.testing.behaviour import Behaviour


class FakeInitiator:
    """Implements `ports.initiator.Initiator`."""

    def __init__(self, luns: Path, behaviour: Behaviour) -> None:
        """Offer the files in `luns`."""
        self._luns = luns
        self._behaviour = behaviour

    def name(self) -> str:
        """Give this host's own name."""
        return "iqn.2026-01.org.example:host"

    def discover(self, portal: Portal, chap: Chap | None) -> tuple[Target, ...]:
        """Ask a portal for its targets, in its order."""
        if (password := self._behaviour.chap.get("")) and (chap is None or chap.password.reveal() != password):
            raise DiscoveryRefused(str(portal), why="Authentication failure(513)")
        names = sorted({path.name.rpartition("-")[0] for path in self._luns.glob("*")})
        here = Portal(portal.address, portal.port, self._group(portal))
        return tuple(Target(name, (here,)) for name in names)

    def luns(self, portal: Portal, target: str, chap: Chap | None) -> tuple[Lun, ...]:
        """Log in to a target and list its disks, by number."""
        if str(portal) in self._behaviour.silent_portals:
            raise PortalDown(f"{target} at {portal}", why="No route to host")
        found = sorted(self._luns.glob(f"{target}-*"))
        if not found:
            raise TargetMissing(f"{target} at {portal}", why="Target not found(515)")
        password = self._behaviour.chap.get(target)
        if password is not None and (chap is None or chap.password.reveal() != password):
            raise ChapRefused(f"{target} at {portal}", why="Authentication failure(513)")
        hidden = self._behaviour.hidden_luns.get(self._group(portal), ())
        return tuple(
            Lun(
                number=int(path.name.rpartition("-")[2]),
                size=path.stat().st_size,
                block=512,
                vendor="ACME",
                product="Virtual Disk",
                serial=path.name[-4:],
                wwid=pretended_wwid(path),
                read_only=False,
                thin=True,
            )
            for path in found
            if int(path.name.rpartition("-")[2]) not in hidden
        )

    def read(
        self, portal: Portal, target: str, chap: Chap | None, lun: int, regions: Sequence[tuple[int, int]]
    ) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes, whole blocks) of a disk."""
        if all(one.number != lun for one in self.luns(portal, target, chap)):
            raise LunMissing(f"LUN {lun} of {target} at {portal}", why="LOGICAL_UNIT_NOT_SUPPORTED")
        found = []
        with lun_file(self._luns, target, lun).open("rb") as stream:
            for start, length in regions:
                stream.seek(start)
                found.append(stream.read(length))
        return tuple(found)

    def _group(self, portal: Portal) -> int:
        return self._behaviour.portal_groups.get(str(portal), 1)


def pretended_wwid(path: Path) -> str:
    """Give the identifier of the LUN that a file stands for."""
    return f"36{hashlib.sha256(path.name.encode()).hexdigest()[:31]}"
