"""iSCSI in user space by libiscsi, for hosts without the kernel's initiator; each call is a process with a deadline."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hosted_setup.model.messages import _
from hosted_setup.ports.initiator import WITHIN, Chap, Lun, Portal, Target, list_command
from hosted_setup.ports.iscsi_problems import (
    ChapRefused,
    DiscoveryRefused,
    InitiatorRefused,
    IscsiFault,
    LunMissing,
    PortalDown,
    PortalHung,
    TargetMissing,
    allowing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hosted_setup.model.problem import Problem

# The worker ends with the installer, and so do its connections.
_WORKER: Final = ("setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "hosted_setup.adapters.iscsi_worker")
_NAME: Final = re.compile(r"^InitiatorName=(\S+)", re.MULTILINE)
_STATUS: Final = re.compile(r"Status: .*\((\d+)\)")  # class and detail of the login response, RFC 7143 11.13.5
_AUTHENTICATION, _AUTHORIZATION, _NOT_FOUND = 0x201, 0x202, 0x203


class UserInitiator:
    """Implements `ports.initiator.Initiator`.

    Args:
        named: the file of open-iscsi with this host's name; where there is none, a name is made of `machine`.
        machine: gives the machine's UUID.
        within: seconds after which a call is given up.
    """

    def __init__(self, named: Path, machine: Callable[[], str], within: float = WITHIN) -> None:
        """See the class."""
        self._named = named
        self._machine = machine
        self._within = within

    def name(self) -> str:
        """Give this host's own name: that of open-iscsi, else one of the form that QEMU gives its initiators."""
        try:
            found = _NAME.search(self._named.read_text())
        except OSError:
            found = None
        return found[1] if found else f"iqn.2008-11.org.linux-kvm:{self._machine()}"

    def discover(self, portal: Portal, chap: Chap | None) -> tuple[Target, ...]:
        """Ask a portal for its targets, in its order."""
        return tuple(
            Target(one["name"], tuple(map(_portal, reversed(one["portals"]))))
            for one in reversed(self._ask(portal, chap, verb="discover"))  # the library turns the order around
        )

    def luns(self, portal: Portal, target: str, chap: Chap | None) -> tuple[Lun, ...]:
        """Log in to a target and list its disks, by number."""
        found = self._ask(portal, chap, verb="luns", target=target)
        return tuple(sorted((Lun(**one) for one in found), key=lambda one: one.number))

    def read(
        self, portal: Portal, target: str, chap: Chap | None, lun: int, regions: Sequence[tuple[int, int]]
    ) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes, whole blocks) of a disk."""
        return tuple(map(bytes.fromhex, self._ask(portal, chap, verb="read", target=target, lun=lun, regions=regions)))

    def _ask(self, portal: Portal, chap: Chap | None, **request: Any) -> Any:  # noqa: ANN401 - JSON
        """Have a worker do it."""
        request |= {
            "portal": str(portal), "initiator": self.name(), "within": self._within,
            "user": chap.user if chap else "", "password": chap.password.reveal() if chap else "",
        }  # fmt: skip
        try:
            done = subprocess.run(
                _WORKER, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=self._within
            )
        except subprocess.TimeoutExpired:
            raise self._hung(portal) from None
        if done.returncode:
            raise IscsiFault(
                str(portal),
                why=done.stderr.strip(),
                hint=_("Look at it with:"),
                command=list_command(portal, self.name()),
            )
        said = json.loads(done.stdout)
        if "answer" in said:
            return said["answer"]
        raise self._problem(portal, request, said["stage"], said["words"].strip())

    def _hung(self, portal: Portal) -> Problem:
        return PortalHung(
            str(portal),
            why=_("no answer within {seconds:g} s", seconds=self._within),
            hint=_("Look after the storage server and the network to it, then see whether it answers:"),
            command=f"timeout 5 {list_command(portal, self.name())}",
        )

    def _problem(self, portal: Portal, request: dict[str, Any], stage: str, words: str) -> Problem:
        """Tell apart what a portal or a target refuses."""
        status = int(found[1]) if (found := _STATUS.search(words)) else 0
        target = request.get("target", "")
        where = f"{target} at {portal}" if target else str(portal)
        name = self.name()
        allow = allowing(name)
        kind: type[Problem]
        if "timed out" in words:
            return self._hung(portal)
        if status == _AUTHENTICATION:
            kind = ChapRefused if target else DiscoveryRefused
            where = f"{where}, {_('as user {user}', user=request['user']) if request['user'] else _('without a user')}"
            hint = _(
                "Answer the user and the password that the storage server has for it. {allow} "
                "What it shows to this host:",
                allow=allow,
            )
        elif status == _AUTHORIZATION:
            kind = InitiatorRefused
            hint = _("On the storage server, allow the initiator {name}; then look again:", name=name)
        elif status == _NOT_FOUND:
            kind = TargetMissing
            hint = _(
                "Answer one of the targets that the portal shows. {allow} What it shows to this host:", allow=allow
            )
        elif stage == "connect":
            kind = PortalDown
            hint = _("Look after the address, the port, the storage server and the network to it:")
        elif "LOGICAL_UNIT_NOT_SUPPORTED" in words:
            kind, where = LunMissing, _("LUN {number} of {target}", number=request.get("lun", 0), target=where)
            hint = _("Answer one of the LUNs that the target shows. {allow} What it shows to this host:", allow=allow)
        else:
            kind, hint = IscsiFault, _("Look at it with:")
        return kind(where, why=words, hint=hint, command=list_command(portal, name))


def _portal(text: str) -> Portal:
    """Read `ADDRESS:PORT,GROUP`."""
    place, _comma, group = text.partition(",")
    address, _colon, port = place.rpartition(":")
    return Portal(address.strip("[]"), int(port), int(group or 0))
