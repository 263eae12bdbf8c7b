"""GlusterFS by its command line; each call is a process with a deadline."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final, TypeVar

from hosted_setup.domain import gluster
from hosted_setup.model.messages import _
from hosted_setup.ports.gluster import WITHIN, GlusterVolume, list_command
from hosted_setup.ports.gluster_problems import GlusterDown, GlusterFault, GlusterHung, GlusterMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hosted_setup.model.problem import Problem

T = TypeVar("T")
# Its own time to wait for a server is two minutes: it ends with the installer, which may not wait that long.
_GLUSTER: Final = ("setpriv", "--pdeathsig", "KILL", "--", "gluster")


class GlusterCli:
    """Implements `ports.gluster.Gluster`.

    Args:
        within: seconds after which a call is given up.
    """

    def __init__(self, within: float = WITHIN) -> None:
        """See the class."""
        self._within = within

    def volumes(self, server: str) -> tuple[GlusterVolume, ...]:
        """Give the volumes of a server's pool, in its order."""
        return self._ask(server, [f"--remote-host={server}"], ["volume", "info"], gluster.volumes)

    def has_rights(self, volume: GlusterVolume) -> bool:
        """Tell whether this host is a server of the volume's pool: a server changes nothing for others."""
        try:
            return any(one.uuid == volume.uuid for one in self._ask("", [], ["volume", "info"], gluster.volumes))
        except GlusterDown:
            return False

    def set_options(self, volume: str, options: Mapping[str, str]) -> None:
        """Set options of a volume of this host's pool, all or none; an empty value goes back to the default."""
        given = [word for name, value in options.items() if value for word in (name, value)]
        if given:
            self._ask("", [], ["volume", "set", volume, *given], gluster.done)
        for name in (name for name, value in options.items() if not value):
            self._ask("", [], ["volume", "reset", volume, name], gluster.done)

    def _ask(self, server: str, where: list[str], words: list[str], read: Callable[[str], T]) -> T:
        command = [*_GLUSTER, *where, "--mode=script", *words, "--xml"]
        place = server or _("this host")
        if shutil.which(_GLUSTER[-1]) is None:
            hint = _("Install GlusterFS's client and command line:")
            raise GlusterMissing(
                "gluster", why=_("there is no such program"), hint=hint, command="apt-get install glusterfs-client"
            )
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                                  timeout=self._within, stdin=subprocess.DEVNULL)  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GlusterHung(
                place,
                why=_("no answer within {seconds:g} s", seconds=self._within),
                hint=_("Look after the storage server and the network to it, then see whether it answers:"),
                command=f"timeout 5 {list_command(server or 'localhost')}",
            ) from None
        if done.returncode and not done.stdout.startswith("<?xml"):  # what it says for itself is no XML
            raise _down(place, server, f"{done.stdout} {done.stderr}".strip())
        try:
            return read(done.stdout)
        except (ValueError, gluster.GlusterRefused) as error:
            raise _fault(place, server, str(error)) from error


def _down(place: str, server: str, words: str) -> Problem:
    hint = _("Start glusterd there, mend the network to it (port 24007), or answer another server; ask it with:")
    return GlusterDown(place, why=words, where=place, hint=hint, command=list_command(server or "localhost"))


def _fault(place: str, server: str, words: str) -> Problem:
    hint = _("See what the server says of its volumes:")
    return GlusterFault(place, why=words, where=place, hint=hint, command=list_command(server or "localhost"))
