"""The management bridge over NICs that this kernel can make: bond0, n0.100; run in the kernel tier.

python tests/system/bridge_over.py NIC ...

Each in a process of its own, all at once: much of it is waiting for programs to start.
"""

from __future__ import annotations

import sys
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from hosted_setup.adapters.netlink_network import NetlinkNetwork
from hosted_setup.ports.network import BridgeChange
from hosted_setup.ports.problems import BridgeTakenBack
from tests.lab.bridging import installer
from tests.lab.wire import Wire, essence

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "20260102030405-abcdef"
WITHIN = 120.0
GRACE = 3.0
"""Seconds the guard waits longer than the one it guards."""


def main(nics: list[str]) -> None:
    """Make the bridge over each."""
    with get_context("fork").Pool(len(nics)) as processes:
        processes.map(over, nics)


def over(nic: str) -> None:
    """Make the bridge over one under open connections and give everything back; then without a gateway."""
    network = NetlinkNetwork()
    with TemporaryDirectory() as folder, Wire(nic) as wire, wire.host.inside():
        change = change_of(network, nic)
        what = f"{change.nic.kind} {change.nic.bond_mode or change.nic.vlan_id}"
        tell(nic, f"is a {what} of {change.nic.parent or 'none'}")
        for gateway in change.gateways:
            until(lambda gateway=gateway: network.answers(gateway, nic))  # type: ignore[misc]
        change = change_of(network, nic)
        before = essence(network.facts())
        with wire.talking() as connections_go_on:
            trial = network.make_bridge(change, Path(folder), WITHIN)
            until(trial.proven)
            trial.keep()
            bridge, port = network.facts().link("ovirtmgmt"), network.facts().link(nic)
            assert bridge is not None
            assert port is not None
            assert (bridge.mac, port.master, port.addresses) == (change.nic.mac, "ovirtmgmt", ())
            assert {one.cidr for one in bridge.addresses} == {one.cidr for one in change.nic.addresses}
            assert connections_go_on()
            tell(nic, "made and proven, connections go on")
            network.remove_bridge(change, Path(folder))
            assert essence(network.facts()) == before
            assert connections_go_on()
            tell(nic, "taken back, connections go on")
        wire.cut()
        trial = network.make_bridge(change, Path(folder), 0.0)
        begun = time.monotonic()
        until(lambda: essence(network.facts()) == before)
        assert time.monotonic() - begun < 5 * GRACE
        assert f"not kept within {GRACE:g} s" in Path(folder, "bridge-guard.log").read_text()
        refused = False
        try:
            trial.keep()
        except BridgeTakenBack:
            refused = True
        assert refused
        tell(nic, "taken back by the guard when its time was up")
        with installer(wire.host, change, Path(folder), WITHIN) as killed:
            killed.kill()
        until(lambda: essence(network.facts()) == before)
        tell(nic, "taken back by the guard after a kill")


def tell(nic: str, text: str) -> None:
    """Write a line for the test at once."""
    sys.stdout.write(f"{nic} {text}\n")
    sys.stdout.flush()


def change_of(network: NetlinkNetwork, nic: str) -> BridgeChange:
    """Give the change for a NIC as it is."""
    facts = network.facts()
    found = facts.link(nic)
    assert found is not None
    return BridgeChange(
        RUN, "ovirtmgmt", found, tuple(one for one in facts.routes if one.device == nic), facts.gateways(nic)
    )


def until(probe: Callable[[], bool]) -> None:
    """Await that `probe` becomes true."""
    deadline = time.monotonic() + WITHIN
    while not probe():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
