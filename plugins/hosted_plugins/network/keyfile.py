"""The bridge in NetworkManager's keyfiles: the NIC's own profile becomes a port's, the bridge gets its addressing."""

from __future__ import annotations

import io
from configparser import RawConfigParser
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from hosted_plugins.network.addressing import Addressing, addressing
from hosted_setup.ports.network import ANYWHERE, BridgeChange, NetworkFacts

_MTU: Final = 1500
_FAMILIES: Final = {"ipv4": 4, "ipv6": 6}


def bridge(change: BridgeChange, facts: NetworkFacts, old: str) -> str:
    """Give the bridge's profile; `old` is the NIC's own so far, empty where it had none in a file."""
    made, was = _parser(), _parser(old)
    made["connection"] = {
        "id": change.bridge, "uuid": _uuid(change, "bridge"), "type": "bridge", "interface-name": change.bridge,
    }  # fmt: skip
    made["bridge"] = {"stp": "false", "mac-address": change.nic.mac.upper()}
    if change.nic.mtu != _MTU:
        made["ethernet"] = {"mtu": str(change.nic.mtu)}
    for family, version in _FAMILIES.items():
        lines = dict(was[family]) if was.has_section(family) else _family(addressing(change), facts, version)
        made[family] = _metric(change, version) | lines
    return _text(made)


def port(change: BridgeChange, old: str) -> str:
    """Give the NIC's profile as a port of the bridge."""
    made = _parser(old)
    if not old:
        made["connection"] = {
            "id": f"{change.bridge}-port", "uuid": _uuid(change, "port"), "type": "ethernet",
            "interface-name": change.nic.name, "autoconnect-priority": "100",
        }  # fmt: skip
    made["connection"].update({"master": change.bridge, "slave-type": "bridge"})
    for family in (*_FAMILIES, "proxy"):
        made.remove_section(family)
    return _text(made)


def uuid(text: str) -> str:
    """Give a profile's UUID."""
    return _parser(text)["connection"]["uuid"]


def _metric(change: BridgeChange, version: int) -> dict[str, str]:
    """Give the metric of the default route: by default a bridge's is worse than any other NIC's."""
    found = [one.metric for one in change.routes if one.version == version and one.destination in ANYWHERE]
    return {"route-metric": str(min(found))} if any(found) else {}


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
