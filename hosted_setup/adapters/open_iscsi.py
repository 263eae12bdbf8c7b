"""The kernel's iSCSI sessions by open-iscsi: iscsiadm, and records of its database, which alone hold passwords.

What iscsiadm is told by its arguments every user of the host can see; so a record is made without a password, and the
password is written into its file, 0600 as iscsiadm makes it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters import bounded
from hosted_setup.adapters.kernel_modules import has_module
from hosted_setup.files import put
from hosted_setup.model.messages import _
from hosted_setup.ports.initiator import Portal, list_command
from hosted_setup.ports.iscsi_problems import (
    ChapRefused,
    IscsiFault,
    PortalDown,
    PortalHung,
    TargetMissing,
    allowing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hosted_setup.model.problem import Problem
    from hosted_setup.ports.initiator import Chap

_WITHIN: Final = 20.0
_LOGIN_WITHIN: Final = 5
_ATTEMPTS: Final = 2
_FOLDERS: Final = (Path("/etc/iscsi"), Path("/var/lib/iscsi"))  # Debian's and Red Hat's
_NODES: Final = "nodes"
_SESSIONS: Final = Path("/sys/class/iscsi_session")
_CONNECTIONS: Final = Path("/sys/class/iscsi_connection")
_END: Final = "# END RECORD"

_DONE, _SESSION_THERE, _NO_SESSION, _NO_RECORD = 0, 15, 2, 21
_CODES: Final[dict[int, type[Problem]]] = {
    4: PortalDown,
    8: PortalHung,
    11: PortalHung,
    12: PortalDown,
    19: TargetMissing,
    24: ChapRefused,
}
"""What exit codes of iscsiadm(8) come to."""


class OpenIscsi:
    """Implements `ports.sessions.Sessions`.

    Args:
        name: gives the IQN that it logs in with.
        folders: where open-iscsi's database may be.
        within: seconds that iscsiadm may take; a login is given up by iscsid before that.
    """

    def __init__(self, name: Callable[[], str], folders: Sequence[Path] = _FOLDERS, within: float = _WITHIN) -> None:
        """See the class."""
        self._name = name
        self._folders = folders
        self._within = within

    def missing(self) -> str:
        """Tell what this host lacks: the program, or the kernel's module."""
        if shutil.which("iscsiadm", path=bounded.search_path()) is None:
            return _("the program iscsiadm")
        return "" if has_module("iscsi_tcp") else _("the kernel's module iscsi_tcp")

    def portals(self, target: str) -> tuple[Portal, ...]:
        """Look at the kernel's sessions."""
        return tuple(_portals(target))

    def recorded(self, portal: Portal, target: str) -> bool:
        """Look for the record's file."""
        return self._record(portal, target) is not None

    def login(self, portal: Portal, target: str, chap: Chap | None, *, anew: bool) -> None:
        """Log in, and wait until the kernel has looked for LUNs."""
        if anew:
            self._ask("new", portal, target)
            self._complete(portal, target, chap)
        self._ask("--login", portal, target, chap)

    def logout(self, portal: Portal, target: str) -> None:
        """Log out."""
        self._ask("--logout", portal, target)

    def forget(self, portal: Portal, target: str) -> None:
        """Have iscsiadm delete the record."""
        self._ask("delete", portal, target)

    def _complete(self, portal: Portal, target: str, chap: Chap | None) -> None:
        """Write what iscsiadm must not be told by arguments, and how long a login may take."""
        path = self._record(portal, target)
        if path is None:
            why, hint = _("iscsiadm has made no record"), _("See what this host knows of it:")
            raise IscsiFault(_place(target, portal), why=why, hint=hint, command=_SHOW)
        ours = {
            "node.startup": "manual",
            "node.conn[0].startup": "manual",
            "node.conn[0].timeo.login_timeout": str(_LOGIN_WITHIN),
            "node.session.initial_login_retry_max": str(_ATTEMPTS),
            "node.session.auth.authmethod": "CHAP" if chap else "None",
        }
        if chap:
            ours |= {
                "node.session.auth.username": chap.user,
                "node.session.auth.password": chap.password.reveal(),
            }
        lines = [line for line in path.read_text().splitlines() if line.partition(" ")[0] not in ours]
        lines[lines.index(_END) : lines.index(_END)] = [f"{key} = {value}" for key, value in ours.items()]
        # Whatever lies beside it would be a record too, so it is written further up.
        beside = next(one for one in path.parents if one.name == _NODES) / ".hosted-engine"
        put(path, "".join(f"{line}\n" for line in lines).encode(), 0o600, beside=beside, new=False)

    def _record(self, portal: Portal, target: str) -> Path | None:
        """Find the record's file: `nodes/TARGET/ADDRESS,PORT[,GROUP]`, or a file of an interface in it."""
        for folder in (one / _NODES / target for one in self._folders):
            places = folder.iterdir() if folder.is_dir() else ()
            for place in places:
                if place.name.split(",")[:2] == [portal.address, str(portal.port)]:
                    return next(iter(sorted(place.iterdir())), None) if place.is_dir() else place
        return None

    def _ask(self, verb: str, portal: Portal, target: str, chap: Chap | None = None) -> None:
        """Run iscsiadm on the record; what is there, or gone, already is no error."""
        where = f"{portal},{portal.group}" if verb == "new" and portal.group else str(portal)
        command = ["iscsiadm", "--mode", "node", "--targetname", target, "--portal", where]
        command += [verb] if verb.startswith("-") else ["--op", verb]
        place = _place(target, portal)
        try:
            code, said = bounded.run_within(self._within, command)
        except TimeoutError:
            why = _("no answer within {seconds:g} s", seconds=self._within)
            hint = _("Look after the storage server and the network to it, then see what this host knows of it:")
            raise PortalHung(place, why=why, hint=hint, command=_SHOW) from None
        usual = {"--login": _SESSION_THERE, "--logout": _NO_SESSION, "delete": _NO_RECORD}
        if code not in {_DONE, usual.get(verb, _DONE)} | ({_NO_RECORD} if verb == "--logout" else set()):
            raise self._refusal(code, portal, place, said, chap)

    def _refusal(self, code: int, portal: Portal, place: str, said: str, chap: Chap | None) -> Problem:
        """Tell apart what a target refuses."""
        words = [line.removeprefix("iscsiadm: ").strip() for line in said.splitlines()]
        why = next((line for line in words if "initiator reported error" in line), words[-1] if words else str(code))
        kind, name, command = _CODES.get(code, IscsiFault), self._name(), _SHOW
        if kind is ChapRefused:
            user = _("as user {user}", user=chap.user) if chap else _("without a user")
            place, command = f"{place}, {user}", list_command(portal, name)
            hint = _(
                "Answer the user and the password that the storage server has for it. {allow} "
                "What it shows to this host:",
                allow=allowing(name),
            )
        elif kind is TargetMissing:
            command = list_command(portal, name)
            hint = _(
                "Answer one of the targets that the portal shows. {allow} What it shows to this host:",
                allow=allowing(name),
            )
        else:
            hint = _("Look after the storage server and the network to it, then see what this host knows of it:")
        return kind(place, why=why, hint=hint, command=command)


_SHOW: Final = "iscsiadm --mode node --print 1"


def _place(target: str, portal: Portal) -> str:
    return _("{target} at {portal}", target=target, portal=portal)


def _portals(target: str) -> Iterator[Portal]:
    for session in sorted(_SESSIONS.glob("session*")):
        if _text(session / "targetname") == target:
            for one in sorted(_CONNECTIONS.glob(f"connection{session.name.removeprefix('session')}:*")):
                port = _text(one / "persistent_port")
                if port.isdecimal():
                    group = _text(session / "tpgt")
                    yield Portal(_text(one / "persistent_address"), int(port), int(group) if group.isdecimal() else 0)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
