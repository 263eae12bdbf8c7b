"""Pretended sessions: the LUNs of a target that is logged in to are links among the host's devices, by their WWIDs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hosted_setup.ports.initiator import Portal
from hosted_setup.ports.iscsi_problems import ChapRefused, PortalDown
from hosted_setup.testing.initiator import pretended_wwid
from hosted_setup.testing.state import load, save

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.initiator import Chap
    from hosted_setup.testing.behaviour import Behaviour


@dataclass
class Table:
    """The sessions and records there are, each the portal and the target."""

    sessions: list[tuple[Portal, str]] = field(default_factory=list)
    records: list[tuple[Portal, str]] = field(default_factory=list)


class FakeSessions:
    """Implements `ports.sessions.Sessions`.

    Args:
        table: the file that keeps them.
        root: of the world.
        behaviour: of the world.
    """

    def __init__(self, table: Path, root: Path, behaviour: Behaviour) -> None:
        """See the class."""
        self._table = table
        self._root = root
        self._behaviour = behaviour

    @property
    def table(self) -> Table:
        """Give what there is."""
        return load(self._table, Table) or Table()

    def missing(self) -> str:
        """Tell what this host lacks."""
        return "" if self._behaviour.initiator else "the kernel's module iscsi_tcp"

    def portals(self, target: str) -> tuple[Portal, ...]:
        """Give the portals at which there is a session."""
        return tuple(portal for portal, name in self.table.sessions if name == target)

    def recorded(self, portal: Portal, target: str) -> bool:
        """Tell whether there is a record."""
        return (portal, target) in self.table.records

    def login(self, portal: Portal, target: str, chap: Chap | None, *, anew: bool) -> None:
        """Log in: the LUNs become devices."""
        table = self.table
        if anew and (portal, target) not in table.records:
            table.records.append((portal, target))
            save(self._table, table)
        if str(portal) in self._behaviour.refused_portals:
            raise PortalDown(f"{target} at {portal}", why="No route to host")
        password = self._behaviour.chap.get(target)
        if password is not None and (chap is None or chap.password.reveal() != password):
            raise ChapRefused(f"{target} at {portal}", why="authorization failure")
        table.sessions.append((portal, target))
        save(self._table, table)
        for path, device in self._devices(target):
            device.parent.mkdir(exist_ok=True)
            if not device.exists():
                device.hardlink_to(path)

    def logout(self, portal: Portal, target: str) -> None:
        """Log out: with the last session the devices go."""
        table = self.table
        table.sessions = [one for one in table.sessions if one != (portal, target)]
        save(self._table, table)
        if not self.portals(target):
            for _path, device in self._devices(target):
                device.unlink(missing_ok=True)

    def forget(self, portal: Portal, target: str) -> None:
        """Remove the record."""
        table = self.table
        table.records = [one for one in table.records if one != (portal, target)]
        save(self._table, table)

    def end_all(self) -> None:
        """End every session, as a reboot does; records stay."""
        for portal, target in self.table.sessions:
            self.logout(portal, target)

    def _devices(self, target: str) -> list[tuple[Path, Path]]:
        found = sorted((self._root / "luns").glob(f"{target}-*"))
        return [(path, self._root / "devices" / pretended_wwid(path)) for path in found]
