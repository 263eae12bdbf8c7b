"""The proven bridge is handed over to whoever runs the network, and the undos that take it back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hosted_plugins.network.managers import Commands, Persistence, carried
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.pipeline.writing import write
from hosted_setup.ports.host import Host
from hosted_setup.ports.network import BridgeChange
from hosted_setup.ports.problems import NetworkFault

HAND_OVER_DEADLINE: Final = 60.0
"""Seconds whoever runs the network has to get a lease for the bridge; NetworkManager itself gives up after 45."""


class GatewayLost(Problem):
    """The gateway did not answer over the bridge; everything is as before."""

    code = "HE-GATEWAY-LOST"
    title = "The gateway does not answer over the management bridge"
    exit_code = ExitCode.FAILED


def hand_over(kept: Persistence, change: BridgeChange, host: Host, undo: UndoLog) -> None:
    """Write the files, and have the manager run the bridge from now on; where that is not proven, take all back."""
    noted = _Noted(undo)
    contents = {host.paths.root / file.path: (file.text.encode(), file.mode) for file in kept.files}
    for path, (content, mode) in contents.items():
        write(path, content, mode, host, noted, hidden=True)
    noted.before(ClaimBridge(change, {str(path): _digest(content) for path, (content, _mode) in contents.items()}))
    try:
        for command in kept.told:
            host.network.tell(command, HAND_OVER_DEADLINE * host.timeout_factor)
        what = _("{manager} to run {bridge}", manager=kept.manager, bridge=change.bridge)
        wait_until(host, lambda: _handed_over(kept, change, host) or None, within=HAND_OVER_DEADLINE, what=what)
    except (NetworkFault, DeadlineExceeded) as error:
        for one in reversed(noted.undos):
            one.apply(host)
        RemoveBridge(change, kept.told_back).apply(host)
        raise GatewayLost(
            _(
                "{gateways}: no answer once {manager} was to run it",
                gateways=" and ".join(change.gateways),
                manager=kept.manager,
            ),
            why=str(error),
            hint=_("The network is as before. Mend it, or wait longer with --timeout-factor=4, then:"),
            command="hosted-engine deploy --resume",
        ) from error


def _handed_over(kept: Persistence, change: BridgeChange, host: Host) -> bool:
    bridge = host.network.facts().link(change.bridge)
    if bridge is None or not carried(host.paths.root, kept.manager, bridge.index):
        return False
    families = {one.version for one in change.nic.addresses if not one.link_local}
    there = families <= {one.version for one in bridge.addresses if not one.link_local}
    return there and all(host.network.answers(gateway, bridge.name) for gateway in change.gateways)


class _Noted:
    """An undo log that remembers what it was told."""

    def __init__(self, log: UndoLog) -> None:
        self._log = log
        self.undos: list[Undo] = []

    def before(self, undo: Undo) -> None:
        self._log.before(undo)
        self.undos.append(undo)


@dataclass(frozen=True)
class RemoveBridge(Undo, name="bridge.remove"):
    """Gives the NIC back what the bridge of this run took over."""

    change: BridgeChange
    told_back: Commands = ()
    """What has the manager run the NIC again."""

    def apply(self, host: Host) -> None:
        """Remove it if it carries this run's mark; the files are back by then."""
        if not host.network.remove_bridge(self.change, host.run_dir):
            return
        for command in self.told_back:
            try:
                host.network.tell(command, HAND_OVER_DEADLINE * host.timeout_factor)
            except NetworkFault as fault:  # the NIC has what it had, and a second try finds no bridge
                host.reporter.emit(
                    Warn(
                        _(
                            "what runs {nic} does not know that it has it again: {fault}",
                            nic=self.change.nic.name,
                            fault=fault,
                        )
                    )
                )

    def describe(self) -> str:
        """Name the bridge."""
        return _("bridge {bridge} over {nic}", bridge=self.change.bridge, nic=self.change.nic.name)


@dataclass(frozen=True)
class ClaimBridge(Undo, name="bridge.claim"):
    """Marks the bridge anew that this run's own files have made at a boot, so that it is known as this run's."""

    change: BridgeChange
    files: dict[str, str]
    """What this run wrote: the SHA-256 of each file."""

    def apply(self, host: Host) -> None:
        """Mark it if all the files are there as this run wrote them; they are undone later."""
        paths = {Path(name): digest for name, digest in self.files.items()}
        if all(path.is_file() and _digest(path.read_bytes()) == digest for path, digest in paths.items()):
            host.network.claim_bridge(self.change, host.run_dir)

    def describe(self) -> str:
        """Name the bridge."""
        return _("the mark of bridge {bridge}", bridge=self.change.bridge)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
