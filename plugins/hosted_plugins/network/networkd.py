"""The bridge in systemd-networkd's words: files whose names come before any of the operator's, which stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hosted_plugins.network.addressing import Addressing, addressing
from hosted_setup.ports.network import VLAN, BridgeChange, NetworkFacts, Route

RELOAD: Final = (("networkctl", "reload"),)
"""What has it read its files, and configure anew the links for which another file counts now."""
_NODE_SPECIFIC: Final = "ff"  # RFC 4361: an association's number and a DUID follow
_DUID_TYPES: Final = {"0001": "link-layer-time", "0002": "vendor", "0003": "link-layer", "0004": "uuid"}  # RFC 8415


def files(change: BridgeChange, facts: NetworkFacts, client: str) -> dict[str, str]:
    """Give names and texts of the files in /etc/systemd/network; the first that matches a link counts.

    `client` is the client identifier under which the NIC has its lease, in hexadecimal; empty where there is none.
    """
    base = f"0-{change.bridge}"
    return {
        f"{base}.netdev": _text(_device(change)),
        f"{base}.network": _text(_bridge(change, facts, client)),
        f"{base}-port.network": _text(_port(change, facts)),
    }


def _text(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines).lstrip("\n")


def _device(change: BridgeChange) -> Iterator[str]:
    yield from ("[NetDev]", f"Name={change.bridge}", "Kind=bridge")
    yield from (f"MACAddress={change.nic.mac}", f"MTUBytes={change.nic.mtu}")
    yield from ("", "[Bridge]", "STP=no", "ForwardDelaySec=0")


def _port(change: BridgeChange, facts: NetworkFacts) -> Iterator[str]:
    yield from ("[Match]", f"Name={change.nic.name}", "", "[Network]", f"Bridge={change.bridge}")
    yield from ("LinkLocalAddressing=no", "IPv6AcceptRA=no")
    yield from (f"VLAN={link.name}" for link in facts.links if link.kind == VLAN and link.parent == change.nic.name)


def _bridge(change: BridgeChange, facts: NetworkFacts, client: str) -> Iterator[str]:
    have = addressing(change)
    yield from ("[Match]", f"Name={change.bridge}", "", "[Network]")
    yield f"DHCP={'ipv4' if have.dhcp4 else 'no'}"
    yield f"IPv6AcceptRA={'yes' if have.automatic6 else 'no'}"
    yield from (f"Address={one.cidr}" for one in have.addresses)
    if not have.dhcp4:
        yield from (f"DNS={server}" for server in facts.nameservers)
    if have.dhcp4:
        yield from ("", "[DHCPv4]", *_identity(client))
        yield from (f"RouteMetric={route.metric}" for route in change.routes if _leased(route) and route.metric)
    yield from _routes(have)


def _identity(client: str) -> Iterator[str]:
    """Give what makes the server know the NIC again: by default the identifier is made of the link's name."""
    kind, association, duid = client[:2], client[2:10], client[10:]
    if kind != _NODE_SPECIFIC or duid[:4] not in _DUID_TYPES:
        yield "ClientIdentifier=mac"
        return
    yield from ("ClientIdentifier=duid", f"IAID={int(association, 16)}", f"DUIDType={_DUID_TYPES[duid[:4]]}")
    yield f"DUIDRawData={':'.join(re.findall('..', duid[4:]))}"


def _leased(route: Route) -> bool:
    return route.destination == "0.0.0.0/0" and route.protocol == 16  # noqa: PLR2004 - RTPROT_DHCP


def _routes(have: Addressing) -> Iterator[str]:
    for route in have.routes:
        yield from ("", "[Route]", *_route(route))


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
