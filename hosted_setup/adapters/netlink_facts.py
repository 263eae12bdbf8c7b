"""Reads the host's network from the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.resolv import nameservers
from hosted_setup.ports.network import Address, Link, Neighbour, NetworkFacts, Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyroute2 import IPRoute
    from pyroute2.netlink import nlmsg

_INFINITE: Final = 0xFFFFFFFF
_TICKS: Final = 100  # of rta_expires in a second: USER_HZ is 100 wherever Linux runs libvirt
_UP, _LOOPBACK, _LOWER_UP = 0x1, 0x8, 0x10000  # IFF_* of if.h
_INCOMPLETE, _REACHABLE, _STALE, _DELAY, _PROBE, _PERMANENT = 0x01, 0x02, 0x04, 0x08, 0x10, 0x80  # NUD_* of neighbour.h
_KNOWN: Final = _INCOMPLETE | _REACHABLE | _STALE | _DELAY | _PROBE | _PERMANENT
_UNICAST: Final = 1
_LOCAL: Final = 255  # the kernel's own table
_KINDS: Final = {4: 2, 6: 10}
_ANY_FAMILY: Final = 0
_BOND_MODES: Final = (
    "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb",
)  # fmt: skip
_RESOLVERS: Final = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def read_facts(netlink: IPRoute) -> NetworkFacts:
    """Read everything through an open socket."""
    raw = list(netlink.link("dump"))
    names = {message["index"]: str(message.get("ifname")) for message in raw}
    addresses: dict[int, list[Address]] = {}
    for message in netlink.addr("dump"):
        addresses.setdefault(message["index"], []).append(_address(message, names[message["index"]]))
    return NetworkFacts(
        links=tuple(_link(message, names, tuple(addresses.get(message["index"], ()))) for message in raw),
        routes=tuple(_routes(netlink, names)),
        neighbours=tuple(_neighbours(netlink, names)),
        nameservers=_nameservers(),
        ruled=tuple(sorted(set(_ruled(netlink)))),
    )


def _link(message: nlmsg, names: Mapping[int, str], addresses: tuple[Address, ...]) -> Link:
    kind = message.get(("linkinfo", "kind")) or ""
    data = message.get(("linkinfo", "data"))
    mode = data.get("bond_mode") if kind == "bond" else None
    return Link(
        index=message["index"],
        name=names[message["index"]],
        mac=message.get("address") or "",
        kind=kind,
        up=bool(message["flags"] & _UP),
        carrier=bool(message["flags"] & _LOWER_UP),
        state=message.get("operstate") or "UNKNOWN",
        loopback=bool(message["flags"] & _LOOPBACK),
        mtu=message.get("mtu") or 0,
        master=names.get(message.get("master"), ""),
        parent=names.get(message.get("link"), "") if message.get("link_netnsid") is None else "",
        vlan_id=data.get("vlan_id") if kind == "vlan" else None,
        bond_mode=_BOND_MODES[mode] if mode is not None else "",
        alias=message.get("ifalias") or "",
        addresses=addresses,
    )


def _address(message: nlmsg, name: str) -> Address:
    local, other = message.get("local"), message.get("address")
    times = message.get("cacheinfo") or {}
    return Address(
        address=local or other,
        prefix=message["prefixlen"],
        peer=other if local and other != local else "",
        broadcast=message.get("broadcast") or "",
        label=(message.get("label") or "").removeprefix(name),
        scope=message["scope"],
        flags=message.get("flags") or 0,
        valid=_seconds(times.get("ifa_valid")),
        preferred=_seconds(times.get("ifa_preferred")),
        metric=message.get("rt_priority") or 0,
    )


def _seconds(number: int | None) -> int | None:
    return None if number in (None, _INFINITE) else number


def _routes(netlink: IPRoute, names: Mapping[int, str]) -> Iterator[Route]:
    for version, family in _KINDS.items():
        for message in netlink.route("dump", family=family):
            table = message.get("table") or 0
            if message["type"] == _UNICAST and table != _LOCAL:
                yield _route(message, names, version, table)


def _route(message: nlmsg, names: Mapping[int, str], version: int, table: int) -> Route:
    via = message.get("via")
    expires = (message.get("cacheinfo") or {}).get("rta_expires", 0)
    metrics = message.get("metrics")
    return Route(
        destination=f"{message.get('dst') or ('::' if version == 6 else '0.0.0.0')}/{message['dst_len']}",  # noqa: PLR2004, S104
        device=names.get(message.get("oif"), ""),
        gateway=message.get("gateway") or (via["addr"] if via else ""),
        source=message.get("prefsrc") or "",
        metric=message.get("priority") or 0,
        table=table,
        protocol=message["proto"],
        scope=message["scope"],
        kind=message["type"],
        flags=message["flags"],
        expires=expires // _TICKS or None,
        metrics=tuple((name, number) for name, number in metrics["attrs"]) if metrics else (),
        nexthops=tuple(names.get(hop["oif"], "") for hop in message.get("multipath") or ()),
    )


def _neighbours(netlink: IPRoute, names: Mapping[int, str]) -> Iterator[Neighbour]:
    for family in _KINDS.values():
        for message in netlink.neigh("dump", family=family):
            if message["state"] & _KNOWN:
                yield Neighbour(
                    address=message.get("dst"),
                    device=names[message["ifindex"]],
                    mac=message.get("lladdr") or "",
                    reachable=bool(message["state"] & (_REACHABLE | _PERMANENT)),
                    asked=bool(message["state"] & (_INCOMPLETE | _PROBE)),
                    permanent=bool(message["state"] & _PERMANENT),
                )


def _ruled(netlink: IPRoute) -> Iterator[str]:
    for message in netlink.rule("dump", family=_ANY_FAMILY):
        yield from (name for name in (message.get("iifname"), message.get("oifname")) if name)


def _nameservers() -> tuple[str, ...]:
    """Read the servers behind systemd-resolved's stub, where that runs, else resolv.conf itself."""
    text = next((path.read_text() for path in _RESOLVERS if path.exists()), "")
    return nameservers(text)
