"""The host's network by netlink (pyroute2). It is imported when it is used: that takes 0.2 s."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.model.messages import _
from hosted_setup.ports.problems import BUNDLE, COLLECT, BridgeTakenBack, NetworkFault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hosted_setup.ports.network import BridgeChange, NetworkFacts

_GRACE: Final = 3.0  # seconds the guard waits longer than the one it guards
_STARTS_WITHIN: Final = 30.0
_PROBE: Final = 0x10  # NUD_PROBE: ask at once
_USE: Final = 0x01  # NTF_USE: resolve it as if a packet were to be sent


class NetlinkNetwork:
    """Implements `ports.network.HostNetwork`."""

    def facts(self) -> NetworkFacts:
        """Read links, addresses, routes and neighbours."""
        from pyroute2 import IPRoute  # noqa: PLC0415 - see the module

        from hosted_setup.adapters.netlink_facts import read_facts  # noqa: PLC0415

        with IPRoute() as netlink:
            return read_facts(netlink)

    def answers(self, address: str, device: str) -> bool:
        """Look into the kernel's neighbour table, and have it ask."""
        found = [one for one in self.facts().neighbours if one.address == address and one.device == device]
        if any(one.reachable for one in found):
            return True
        if not any(one.asked for one in found):
            self._ask(address, device, found[0].mac if found else "")
        return False

    def make_bridge(self, change: BridgeChange, folder: Path, within: float) -> BridgeTrial:
        """Start the guard, then make the bridge and move everything to it."""
        from pyroute2 import IPRoute  # noqa: PLC0415 - see the module

        from hosted_setup.adapters.netlink_bridge import move, prepare, taken  # noqa: PLC0415

        facts = self.facts()
        if facts.link(change.bridge) is not None:
            raise taken(change.bridge)
        guard = Guard(change, folder, within + _GRACE)
        trial = BridgeTrial(self, change, guard)
        try:
            with IPRoute() as netlink:
                index = prepare(netlink, change)
            move(facts, change, index)
        except BaseException:
            trial.undo()
            raise
        return trial

    def claim_bridge(self, change: BridgeChange, folder: Path) -> None:
        """Set the alias, once a guard that is at work has ended."""
        from pyroute2 import IPRoute  # noqa: PLC0415 - see the module

        from hosted_setup.adapters.netlink_bridge import claim, exclusive  # noqa: PLC0415

        with exclusive(folder), IPRoute() as netlink:
            claim(netlink, change)

    def remove_bridge(self, change: BridgeChange, folder: Path) -> bool:
        """Take the bridge back, once a guard that is at work has ended."""
        from pyroute2 import IPRoute  # noqa: PLC0415 - see the module

        from hosted_setup.adapters.netlink_bridge import RECORD, exclusive, restore  # noqa: PLC0415

        with exclusive(folder), IPRoute() as netlink:
            done = restore(netlink, change)
            (folder / RECORD).unlink()  # no guard is waiting for it: each is armed before its starter goes on

        return done

    def tell(self, command: Sequence[str], within: float) -> None:
        """Run it, with nothing to read and no terminal of ours to ask at."""
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=True, timeout=within, start_new_session=True, env={**os.environ, "LC_ALL": "C"},
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "output", None) or error).strip()
            raise NetworkFault(
                shlex.join(command), why=said, hint=_("Look at the network:"), command="ip addr"
            ) from error

    def _ask(self, address: str, device: str, mac: str) -> None:
        from pyroute2 import IPRoute  # noqa: PLC0415 - see the module

        with IPRoute() as netlink:
            for index in netlink.link_lookup(ifname=device):
                known = {"lladdr": mac, "state": _PROBE} if mac else {"state": 0, "flags": _USE}
                netlink.neigh("replace", dst=address, ifindex=index, **known)


class BridgeTrial:
    """Implements `ports.network.Trial`."""

    def __init__(self, network: NetlinkNetwork, change: BridgeChange, guard: Guard) -> None:
        """Be on trial until `guard` is told otherwise."""
        self._network = network
        self._change = change
        self._guard = guard

    def proven(self) -> bool:
        """Tell whether every gateway has answered over the bridge; it began with an empty table of neighbours."""
        asked = [self._network.answers(gateway, self._change.bridge) for gateway in self._change.gateways]
        return all(asked)

    def keep(self) -> None:
        """Tell the guard; where that comes too late the bridge is gone."""
        from hosted_setup.adapters.netlink_bridge import like_nic  # noqa: PLC0415 - see the module

        if self._guard.tell("keep") != "kept":
            self._network.remove_bridge(self._change, self._guard.folder)
            raise BridgeTakenBack(
                _("{bridge}: its guard was not told in time that the gateway answers", bridge=self._change.bridge),
                why=_("it takes a bridge back of which nobody says in time that it works"),
                where=str(self._guard.log),
                hint=_("The network is as before. Try again:"),
                command="hosted-engine deploy --resume",
            )
        like_nic(self._change)

    def undo(self) -> None:
        """Have the guard do it; where there is none any more, do it here."""
        if self._guard.tell("undo") != "undone":
            self._network.remove_bridge(self._change, self._guard.folder)


class Guard:
    """The guard's process, from its starter's side: `hosted_setup.adapters.bridge_guard`."""

    def __init__(self, change: BridgeChange, folder: Path, seconds: float) -> None:
        """Start it and wait until it is armed."""
        from hosted_setup.adapters.netlink_bridge import RECORD, exclusive  # noqa: PLC0415 - see the module

        with exclusive(folder):  # an older guard has ended
            (folder / RECORD).write_bytes(msgspec.json.encode(change))
        self.folder = folder
        self.log = folder / "bridge-guard.log"
        command = [sys.executable, "-P", "-m", "hosted_setup.adapters.bridge_guard", str(folder), str(seconds)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", text=True,
            start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None  # noqa: S101 - pipes were asked for
        assert process.stdout is not None  # noqa: S101
        self._told, self._heard = process.stdin, process.stdout
        try:
            process.wait(max(_STARTS_WITHIN, seconds))  # it goes on in a process of its own
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._heard.readline() != "armed\n":
            self.tell("undo")
            detail, why = _("the guard of the change does not start"), _("its process has ended; its log may tell more")
            raise NetworkFault(detail, why=why, where=str(self.log), hint=_(COLLECT), command=BUNDLE)

    def tell(self, word: str) -> str:
        """Tell it `keep` or `undo`; give what it has done, nothing when it is dead or was told before."""
        if self._told.closed:
            return ""
        with suppress(BrokenPipeError):  # then what it has said last tells
            os.write(self._told.fileno(), f"{word}\n".encode())
        with self._heard:
            self._told.close()
            return self._heard.readline().strip()
