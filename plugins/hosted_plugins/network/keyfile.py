"""The bridge in NetworkManager's keyfiles: the NIC's own profile becomes a port's, the bridge gets its addressing."""

from __future__ import annotations

import io
from configparser import RawConfigParser
from ipaddress import IPv6Address
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from hosted_plugins.network.addressing import Addressing, addressing
from hosted_setup.ports.network import ANYWHERE, USUAL_MTU, BridgeChange, NetworkFacts

_ETHERNET: Final = ("ethernet", "802-3-ethernet")  # a section by its name, and by its older one
_FAMILIES: Final = {"ipv4": 4, "ipv6": 6}
_MOVED: Final = (*_FAMILIES, "proxy", "hostname")
"""Sections that are about the host in its network, not about the NIC."""
_MOVED_KEYS: Final = frozenset({
    "dns-over-tls", "gateway-ping-timeout", "llmnr", "mdns", "metered", "mptcp-flags", "secondaries", "stable-id",
    "zone",
})  # fmt: skip
"""Those of [connection] that are."""
_BOTH_KEYS: Final = frozenset({"autoconnect", "autoconnect-retries", "permissions"})
_INTERFACE: Final = 64  # bits of an interface identifier (RFC 4291)
_TEMPORARY: Final = 0x01  # IFA_F_TEMPORARY: RFC 8981


def bridge(change: BridgeChange, facts: NetworkFacts, old: str, association: str) -> str:
    """Give the bridge's profile; `old` is the NIC's own so far, empty where it had none in a file.

    `association` is the number under which the NIC has its lease by DHCPv6, in hexadecimal with colons; empty without.
    """
    made, was = _parser(), _parser(old)
    made["connection"] = {
        "id": change.bridge, "uuid": _uuid(change, "bridge"), "type": "bridge", "interface-name": change.bridge,
    } | {key: value for key, value in _connection(was).items() if key in _MOVED_KEYS | _BOTH_KEYS}  # fmt: skip
    made["bridge"] = {"stp": "false", "mac-address": change.nic.mac.upper()}
    if change.nic.mtu != USUAL_MTU:
        made["ethernet"] = {"mtu": str(change.nic.mtu)}
    for family, version in _FAMILIES.items():
        lines = dict(was[family]) if was.has_section(family) else _family(addressing(change), facts, version)
        same = _same6(change, association, lines) if version == 6 else {}  # noqa: PLR2004
        made[family] = _metric(change, version) | lines | same
    for section in _MOVED[len(_FAMILIES) :]:
        if was.has_section(section):
            made[section] = dict(was[section])
    return _text(made)


def port(change: BridgeChange, old: str, *, replaced: bool) -> str:
    """Give the NIC's profile as a port of the bridge; either it replaces `old`, or is one beside it, and preferred."""
    made = _parser(old)
    if not replaced:
        made["connection"] = {"type": "ethernet"} | _connection(made) | {
            "id": f"{change.bridge}-port", "uuid": _uuid(change, "port"), "autoconnect-priority": "999",
        }  # fmt: skip
    own = made["connection"]
    for key in _MOVED_KEYS:
        own.pop(key, None)
    own.update({"interface-name": change.nic.name, "master": change.bridge, "slave-type": "bridge"})
    for section in (*_MOVED, ".nmmeta"):
        made.remove_section(section)
    if change.nic.mtu != USUAL_MTU:  # it may have come with a lease
        name = next((one for one in _ETHERNET if made.has_section(one)), _ETHERNET[0])
        hardware = dict(made[name]) if made.has_section(name) else {}
        made[name] = hardware | {"mtu": hardware.get("mtu", str(change.nic.mtu))}
    return _text(made)


def uuid(text: str) -> str:
    """Give a profile's UUID."""
    return _parser(text)["connection"]["uuid"]


def _metric(change: BridgeChange, version: int) -> dict[str, str]:
    """Give the metric of the default route: by default a bridge's is worse than any other NIC's."""
    found = [one.metric for one in change.routes if one.version == version and one.destination in ANYWHERE]
    return {"route-metric": str(min(found))} if any(found) else {}


def _connection(profile: RawConfigParser) -> dict[str, str]:
    return dict(profile["connection"]) if profile.has_section("connection") else {}


def _same6(change: BridgeChange, association: str, lines: dict[str, str]) -> dict[str, str]:
    """Give what keeps the addresses of IPv6 that NetworkManager makes of the link's name, unless that is configured."""
    made = [one for one in change.nic.addresses if one.version == 6 and one.dynamic and not one.flags & _TEMPORARY]  # noqa: PLR2004
    found: dict[str, str] = {}
    own = [IPv6Address(one.address) for one in made if one.prefix == _INTERFACE and not one.link_local]
    if own and "token" not in lines and lines.get("method") == "auto":
        found = {"addr-gen-mode": "eui64", "token": str(IPv6Address(int(own[0]) & ((1 << _INTERFACE) - 1)))}
    if association and "dhcp-iaid" not in lines:
        found["dhcp-iaid"] = str(int(association.replace(":", ""), 16))
    return found


def _family(have: Addressing, facts: NetworkFacts, version: int) -> dict[str, str]:
    addresses = [one for one in have.addresses if one.version == version]
    automatic = have.dhcp4 if version == 4 else have.automatic6  # noqa: PLR2004
    if automatic:
        return {"method": "auto"} | {f"address{number}": one.cidr for number, one in enumerate(addresses, 1)}
    if not addresses:
        return {"method": "disabled" if version == 4 else "link-local"}  # noqa: PLR2004
    lines = {"method": "manual"} | {f"address{number}": one.cidr for number, one in enumerate(addresses, 1)}
    gateway = have.gateway(version)
    if gateway is not None:
        lines |= {"gateway": gateway.gateway}
    for number, route in enumerate(have.further(version), 1):
        metric = f",{route.metric}" if route.metric else ""
        lines[f"route{number}"] = f"{route.destination},{route.gateway}{metric}"
    servers = [server for server in facts.nameservers if (":" in server) == (version == 6)]  # noqa: PLR2004
    return lines | ({"dns": "".join(f"{server};" for server in servers)} if servers else {})


class _Keyfile(RawConfigParser):
    """GLib's key file: keys keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _parser(text: str = "") -> RawConfigParser:
    made = _Keyfile(delimiters=("=",), comment_prefixes=("#",), strict=False)
    made.read_string(text)
    return made


def _text(parser: RawConfigParser) -> str:
    stream = io.StringIO()
    parser.write(stream, space_around_delimiters=False)
    return stream.getvalue().rstrip("\n") + "\n"


def _uuid(change: BridgeChange, what: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"hosted-engine:{change.run_id}:{change.bridge}:{what}"))
