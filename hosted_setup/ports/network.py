"""The host's network: links, addresses, routes, neighbours, and the one change made to them, a bridge over a NIC."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BRIDGE: Final = "bridge"
BOND: Final = "bond"
VLAN: Final = "vlan"
USUAL_MTU: Final = 1500
"""What a link has unless told otherwise."""
ANYWHERE: Final = frozenset({"0.0.0.0/0", "::/0"})
"""The destinations of a default route."""


@dataclass(frozen=True)
class Address:
    """An address of a link. Lifetimes are in seconds, None for ever; flags and scope are the kernel's (`IFA_F_*`)."""

    address: str
    prefix: int
    peer: str = ""
    broadcast: str = ""
    label: str = ""
    """What follows the link's name in an IPv4 label, `:1`."""
    scope: int = 0
    flags: int = 0
    valid: int | None = None
    preferred: int | None = None
    metric: int = 0
    """Of the route to its own network; 0 for the kernel's choice."""

    @property
    def cidr(self) -> str:
        """Give the form with the prefix."""
        return f"{self.address}/{self.prefix}"

    @property
    def version(self) -> int:
        """Give 4 or 6."""
        return 6 if ":" in self.address else 4

    @property
    def dynamic(self) -> bool:
        """Tell whether it runs out: DHCP or router advertisement."""
        return self.valid is not None

    @property
    def link_local(self) -> bool:
        """Tell whether it is good on its own wire alone."""
        return ip_network(self.address).is_link_local


@dataclass(frozen=True)
class Route:
    """A route; table, protocol, scope and kind are the kernel's numbers, `expires` is in seconds, None for never."""

    destination: str
    device: str
    gateway: str = ""
    source: str = ""
    metric: int = 0
    table: int = 254
    protocol: int = 0
    scope: int = 0
    kind: int = 1
    flags: int = 0
    expires: int | None = None
    metrics: tuple[tuple[str, int], ...] = ()
    """MTU and the like, by the kernel's names (`RTAX_MTU`)."""
    nexthops: tuple[str, ...] = ()
    """The devices of a multipath route, which has no device of its own."""

    @property
    def version(self) -> int:
        """Give 4 or 6."""
        return 6 if ":" in self.destination else 4


@dataclass(frozen=True)
class Neighbour:
    """What the kernel knows of a machine on the wire: its MAC, whether it was heard lately or is being asked."""

    address: str
    device: str
    mac: str = ""
    reachable: bool = False
    asked: bool = False
    permanent: bool = False


@dataclass(frozen=True)
class Link:
    """A network interface. `kind` is the kernel's word, empty for hardware; `state` is RFC 2863's, in capitals."""

    index: int
    name: str
    mac: str = ""
    kind: str = ""
    up: bool = False
    carrier: bool = False
    state: str = "UNKNOWN"
    loopback: bool = False
    mtu: int = USUAL_MTU
    master: str = ""
    parent: str = ""
    vlan_id: int | None = None
    bond_mode: str = ""
    """As in `mode=` of the bonding driver: `active-backup`."""
    alias: str = ""
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class NetworkFacts:
    """The host's network as it is now; `nameservers` are those of resolv.conf, in its order."""

    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    nameservers: tuple[str, ...] = ()
    ruled: tuple[str, ...] = ()
    """The links that a rule of policy routing names (`ip rule`, iif or oif)."""

    def link(self, name: str) -> Link | None:
        """Find a link by its name."""
        return next((link for link in self.links if link.name == name), None)

    def default_routes(self) -> tuple[Route, ...]:
        """Give the default routes of both families, the preferred ones first."""
        found = [route for route in self.routes if route.destination in ANYWHERE and route.table == Route.table]
        return tuple(sorted(found, key=lambda route: route.metric))

    def gateways(self, device: str) -> tuple[str, ...]:
        """Give the default gateways that are reached through `device`."""
        found = [route.gateway for route in self.default_routes() if route.device == device and route.gateway]
        return tuple(dict.fromkeys(found))


def mark_of(run_id: str) -> str:
    """Give the alias by which a bridge is known as that run's."""
    return f"hosted-engine run {run_id}"


@dataclass(frozen=True)
class BridgeChange:
    """A bridge called `bridge` over `nic`, which takes over what the NIC has: this is plain data, so it is journaled.

    `routes` are those through the NIC. `gateways` have to answer over the bridge, each of them.
    """

    run_id: str
    bridge: str
    nic: Link
    routes: tuple[Route, ...]
    gateways: tuple[str, ...]

    @property
    def mark(self) -> str:
        """Give the bridge's alias, by which it is known as this run's."""
        return mark_of(self.run_id)

    def describes(self, bridge: Link, nic: Link | None) -> bool:
        """Tell whether an unmarked bridge, with the NIC as it is now, is what this change makes."""
        alike = (bridge.kind, bridge.name, bridge.mac, bridge.alias) == (BRIDGE, self.bridge, self.nic.mac, "")
        return alike and nic is not None and nic.master == bridge.name


class Trial(Protocol):
    """A bridge on trial: unless it is kept in time, also when this process dies, everything is as before."""

    def proven(self) -> bool:
        """Tell whether every gateway has answered over the bridge; asks those that have not."""

    def keep(self) -> None:
        """Keep the bridge; raises BridgeTakenBack when that came too late."""

    def undo(self) -> None:
        """Take the bridge back now; raises NetworkFault when the kernel refuses."""


class HostNetwork(Protocol):
    """Looks at the host's network, and makes and removes a bridge."""

    def facts(self) -> NetworkFacts:
        """Look."""

    def answers(self, address: str, device: str) -> bool:
        """Tell whether a neighbour was heard lately; asks it if not, so that a later call may tell."""

    def make_bridge(self, change: BridgeChange, folder: Path, within: float) -> Trial:
        """Make the bridge and move addresses and routes to it, in one batch; `within` seconds later it must be kept.

        `folder` is the run's; the guard, which is what takes the bridge back when nobody else does, keeps its record
        and its log there.

        Raises:
            NameTaken: there is a link of that name.
            NetworkFault: the kernel refused; everything is as before.
        """

    def claim_bridge(self, change: BridgeChange, folder: Path) -> None:
        """Mark the bridge that was made anew at a boot as the change's.

        Nothing happens unless it has the change's name and MAC, its NIC for a port, and no mark. Raises NetworkFault.
        """

    def remove_bridge(self, change: BridgeChange, folder: Path) -> bool:
        """Give the NIC back what the bridge took over, and remove the bridge; without its mark nothing, and False.

        Waits for a guard that is at work. Raises NetworkFault.
        """

    def tell(self, command: Sequence[str], within: float) -> None:
        """Run a program by which whoever runs the network is told what has changed; it has `within` seconds.

        Raises:
            NetworkFault: it is missing, fails, or takes longer.
        """
