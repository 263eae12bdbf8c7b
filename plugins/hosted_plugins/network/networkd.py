"""The bridge in systemd-networkd's words: files whose names come before any of the operator's, which stay.

What the operator's own file says goes into them, be it in force by now or not; without one, they say what is in force.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hosted_plugins.network.addressing import Addressing, addressing
from hosted_plugins.network.networkd_unit import Section, Unit, text
from hosted_setup.ports.network import USUAL_MTU, VLAN, BridgeChange, NetworkFacts, Route

RELOAD: Final = (("networkctl", "reload"),)
"""What has it read its files, and configure anew the links for which another file counts now."""
_NODE_SPECIFIC: Final = "ff"  # RFC 4361: an association's number and a DUID follow
_DUID_TYPES: Final = {"0001": "link-layer-time", "0002": "vendor", "0003": "link-layer", "0004": "uuid"}  # RFC 8415


@dataclass(frozen=True)
class Known:
    """By what the servers of leases know the NIC; each empty where there is no lease."""

    client4: str = ""
    """The client identifier of RFC 2132, in hexadecimal."""
    association6: str = ""
    """The number of the identity association of RFC 8415, as networkd writes it: 0x…"""


def files(change: BridgeChange, facts: NetworkFacts, known: Known, own: Unit | None) -> dict[str, str]:
    """Give names and texts of the files in /etc/systemd/network; the first that matches a link counts.

    `own` is what the operator's file says of the NIC.
    """
    base = f"0-{change.bridge}"
    own = own or _in_force(change, facts)
    return {
        f"{base}.netdev": text(_device(change)),
        f"{base}.network": text(_bridge(change, known, own)),
        f"{base}-port.network": text(_port(change, own)),
    }


def _device(change: BridgeChange) -> Iterator[Section]:
    link = (f"Name={change.bridge}", "Kind=bridge", f"MACAddress={change.nic.mac}", f"MTUBytes={change.nic.mtu}")
    yield from (("NetDev", link), ("Bridge", ("STP=no", "ForwardDelaySec=0")))


def _port(change: BridgeChange, own: Unit) -> Iterator[Section]:
    yield "Match", (f"Name={change.nic.name}",)
    yield "Network", (f"Bridge={change.bridge}", "LinkLocalAddressing=no", "IPv6AcceptRA=no")
    mtu = (f"MTUBytes={change.nic.mtu}",) if change.nic.mtu != USUAL_MTU else ()  # it may have come with a lease
    yield "Link", ("RequiredForOnline=no", *mtu)  # the bridge is waited for, which has no carrier without it
    yield from own.nic


def _bridge(change: BridgeChange, known: Known, own: Unit) -> Iterator[Section]:
    """Give the bridge's sections; of a key that stands there twice, the last value counts."""
    dhcp4 = addressing(change).dhcp4
    identity = _identity(known.client4)
    yield "Match", (f"Name={change.bridge}",)
    if dhcp4 and not identity:
        yield "DHCPv4", ("ClientIdentifier=mac",)
    yield from own.bridge
    if dhcp4 and identity:
        yield "DHCPv4", identity
    if known.association6:
        yield "DHCPv6", (f"IAID={int(known.association6, 16)}",)


def _identity(client: str) -> tuple[str, ...]:
    """Give what makes the server know the NIC again: by default the identifier is made of the link's name."""
    kind, association, duid = client[:2], client[2:10], client[10:]
    if kind != _NODE_SPECIFIC or duid[:4] not in _DUID_TYPES:
        return ()
    return (
        "ClientIdentifier=duid",
        f"IAID={int(association, 16)}",
        f"DUIDType={_DUID_TYPES[duid[:4]]}",
        f"DUIDRawData={':'.join(re.findall('..', duid[4:]))}",
    )


def _in_force(change: BridgeChange, facts: NetworkFacts) -> Unit:
    """Give what an operator would have written for the NIC to be as it is."""
    vlans = [f"VLAN={one.name}" for one in facts.links if one.kind == VLAN and one.parent == change.nic.name]
    return Unit((("Network", tuple(vlans)),) if vlans else (), tuple(_addressing(change, facts, addressing(change))))


def _addressing(change: BridgeChange, facts: NetworkFacts, have: Addressing) -> Iterator[Section]:
    network = [f"DHCP={'ipv4' if have.dhcp4 else 'no'}", f"IPv6AcceptRA={'yes' if have.automatic6 else 'no'}"]
    network += [f"Address={one.cidr}" for one in have.addresses]
    network += [] if have.dhcp4 else [f"DNS={server}" for server in facts.nameservers]
    yield "Network", tuple(network)
    metrics = tuple(f"RouteMetric={one.metric}" for one in change.routes if _leased(one) and one.metric)
    if metrics:
        yield "DHCPv4", metrics
    for route in have.routes:
        yield "Route", tuple(_route(route))


def _leased(route: Route) -> bool:
    return route.destination == "0.0.0.0/0" and route.protocol == 16  # noqa: PLR2004 - RTPROT_DHCP


def _route(route: Route) -> Iterator[str]:
    yield f"Destination={route.destination}"
    if route.gateway:
        yield f"Gateway={route.gateway}"
    if route.flags & 0x4:  # RTNH_F_ONLINK
        yield "GatewayOnLink=yes"
    if route.source:
        yield f"PreferredSource={route.source}"
    if route.metric:
        yield f"Metric={route.metric}"
    if route.table != Route.table:
        yield f"Table={route.table}"
