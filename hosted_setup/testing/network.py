"""The network of a pretended host."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hosted_setup.ports.network import BRIDGE, Address, BridgeChange, Link, Neighbour, NetworkFacts, Route
from hosted_setup.ports.problems import BridgeTakenBack, NameTaken, NetworkFault
from hosted_setup.testing.state import load, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hosted_setup.testing.behaviour import Behaviour
    from hosted_setup.testing.clock import FakeClock

GATEWAY: Final = "192.0.2.1"
NIC: Final = Link(
    2, "eno1", "52:54:00:12:34:56", up=True, carrier=True, state="UP",
    addresses=(Address("192.0.2.10", 24, broadcast="192.0.2.255"), Address("fe80::5054:ff:fe12:3456", 64, scope=253)),
)  # fmt: skip
FACTS: Final = NetworkFacts(
    links=(Link(1, "lo", loopback=True, up=True, mtu=65536, addresses=(Address("127.0.0.1", 8, scope=254),)), NIC),
    routes=(Route("192.0.2.0/24", "eno1", source="192.0.2.10", protocol=2, scope=253),
            Route("0.0.0.0/0", "eno1", gateway=GATEWAY, protocol=4)),
    neighbours=(Neighbour(GATEWAY, "eno1", "52:54:00:00:00:01"),),
    nameservers=("192.0.2.53",),
)  # fmt: skip


@dataclass
class _State:
    facts: NetworkFacts = field(default_factory=lambda: FACTS)
    trial: BridgeChange | None = None
    until: float = 0.0
    """When (monotonic) the pretended guard takes the trial back."""
    told: tuple[str, ...] = ()


class FakeNetwork:
    """Implements `ports.network.HostNetwork`; a trial whose maker is gone was taken back, as the real guard does."""

    def __init__(self, path: Path, behaviour: Behaviour, clock: FakeClock) -> None:
        """Keep everything in the file `path`."""
        self._path = path
        self._behaviour = behaviour
        self._clock = clock
        self._mine: BridgeChange | None = None

    def facts(self) -> NetworkFacts:
        """Give the pretended facts."""
        return self.state().facts

    def change(self, facts: NetworkFacts) -> None:
        """Pretend that somebody has changed the network."""
        save(self._path, replace(self.state(), facts=facts))

    def answers(self, address: str, device: str) -> bool:
        """Answer for the machines there are, as they behave."""
        mute = self._behaviour.mute_on
        facts = self.facts()
        link = facts.link(device)
        there = {GATEWAY, *self._behaviour.neighbours, *(one.address for one in facts.neighbours)}
        return link is not None and address in there.difference(mute.get("*", ()), mute.get(link.kind, ()))

    def make_bridge(self, change: BridgeChange, folder: Path, within: float) -> FakeTrial:  # noqa: ARG002 - its record is the world's own
        """Move everything to a new bridge."""
        state = self.state()
        if state.facts.link(change.bridge) is not None:
            raise NameTaken(f"there is a network interface called {change.bridge}")
        self._mine = change
        until = self._clock.monotonic() + within
        save(self._path, _State(_bridged(state.facts, change), change, until, state.told))
        return FakeTrial(self, change)

    def claim_bridge(self, change: BridgeChange, folder: Path) -> None:  # noqa: ARG002 - see make_bridge
        """Mark the bridge."""
        facts = self.facts()
        bridge = facts.link(change.bridge)
        if bridge is not None and change.describes(bridge, facts.link(change.nic.name)):
            marked = replace(bridge, alias=change.mark)
            self.change(replace(facts, links=tuple(marked if one == bridge else one for one in facts.links)))

    def remove_bridge(self, change: BridgeChange, folder: Path) -> bool:  # noqa: ARG002 - see make_bridge
        """Move everything back."""
        return self.take_back(change)

    def tell(self, command: Sequence[str], within: float) -> None:  # noqa: ARG002 - it takes no time
        """Note it; `behaviour.deaf_managers` fail."""
        state = self.state()
        if command[0] in self._behaviour.deaf_managers:
            raise NetworkFault(shlex.join(command), why="it failed", hint="Look at it:", command="ip addr")
        save(self._path, replace(state, told=(*state.told, shlex.join(command))))

    def told(self) -> tuple[str, ...]:
        """Give the commands by which whoever runs the network was told."""
        return self.state().told

    def take_back(self, change: BridgeChange) -> bool:
        """Move everything back, as the guard and the undo do; tell whether there was anything."""
        state = self.state()
        facts = _unbridged(state.facts, change)
        save(self._path, _State(facts, told=state.told))
        return facts != state.facts

    def kept(self) -> bool:
        """End the trial well, if it has not been taken back."""
        state = self.state()
        if state.trial is None:
            return False
        save(self._path, _State(state.facts, told=state.told))
        return True

    def state(self) -> _State:
        """Give what there is, once the guard has done what it had to."""
        state = load(self._path, _State) or _State()
        if state.trial is not None and (state.trial != self._mine or self._clock.monotonic() > state.until):
            state = _State(_unbridged(state.facts, state.trial), told=state.told)
            save(self._path, state)
        return state


@dataclass(frozen=True)
class FakeTrial:
    """Implements `ports.network.Trial`."""

    network: FakeNetwork
    change: BridgeChange

    def proven(self) -> bool:
        """Tell whether the gateways answer."""
        return all(self.network.answers(one, self.change.bridge) for one in self.change.gateways)

    def keep(self) -> None:
        """Keep it."""
        if not self.network.kept():
            raise BridgeTakenBack(f"{self.change.bridge}: the guard was not told in time")

    def undo(self) -> None:
        """Take it back."""
        self.network.take_back(self.change)


def _bridged(facts: NetworkFacts, change: BridgeChange) -> NetworkFacts:
    nic = change.nic
    bridge = replace(
        nic, index=max(link.index for link in facts.links) + 1, name=change.bridge, kind=BRIDGE, alias=change.mark,
        parent="", vlan_id=None, bond_mode="",
    )  # fmt: skip
    port = replace(nic, master=change.bridge, addresses=())
    links = [port if link.name == nic.name else link for link in facts.links]
    return replace(_moved(facts, nic.name, change.bridge), links=(*links, bridge))


def _unbridged(facts: NetworkFacts, change: BridgeChange) -> NetworkFacts:
    ours = facts.link(change.bridge)
    if ours is None or ours.alias != change.mark:
        return facts
    nic = replace(change.nic, addresses=ours.addresses)
    links = [nic if link.name == nic.name else link for link in facts.links if link.name != ours.name]
    return replace(_moved(facts, ours.name, nic.name), links=tuple(links))


def _moved(facts: NetworkFacts, old: str, new: str) -> NetworkFacts:
    routes = [replace(one, device=new) if one.device == old else one for one in facts.routes]
    known = [replace(one, device=new) if one.device == old else one for one in facts.neighbours]
    return replace(facts, routes=tuple(routes), neighbours=tuple(known))
