"""Moves what a NIC has to a bridge, and back. Used by the installer and by the guard."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.netlink_batch import Batch
from hosted_setup.adapters.netlink_facts import read_facts
from hosted_setup.model.messages import _
from hosted_setup.ports.network import BRIDGE, BridgeChange, Link, NetworkFacts, Route
from hosted_setup.ports.problems import NameTaken, NetworkFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyroute2 import IPRoute

_SETTINGS: Final = Path("/proc/sys/net/ipv6/conf")
_INHERITED: Final = ("disable_ipv6", "accept_ra", "autoconf", "addr_gen_mode", "use_tempaddr")
RECORD: Final = "bridge-change.json"
"""The change, in the run's folder; whoever changes the network holds the lock on it."""


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Be the only one of this run that changes the network; the kernel ends it with the process."""
    descriptor = os.open(folder / RECORD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def prepare(netlink: IPRoute, change: BridgeChange) -> int:
    """Make the bridge, idle and marked, and give its index; it has the NIC's MAC and MTU.

    It is born under a name which is this run's alone and gets its own once it is marked, so whenever this process
    ends, what it has made can be told from what others have.

    Raises:
        NameTaken: there is a link of that name.
        NetworkFault: the kernel refused.
    """
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415 - 0.2 s that other commands need not pay

    try:
        netlink.link(
            "add", ifname=unborn(change), kind=BRIDGE, address=change.nic.mac, mtu=change.nic.mtu,
            br_forward_delay=0, br_stp_state=0,
        )  # fmt: skip
        (index,) = netlink.link_lookup(ifname=unborn(change))
        netlink.link("set", index=index, ifalias=change.mark)
        for name in _INHERITED:
            set_ipv6(unborn(change), name, _ipv6(change.nic.name, name))
        set_ipv6(unborn(change), "accept_dad", "0")  # its addresses are the NIC's and must be good at once
        if netlink.link_lookup(ifname=change.bridge):
            raise taken(change.bridge)
        netlink.link("set", index=index, ifname=change.bridge)
    except NetlinkError as error:
        raise NetworkFault(
            _("bridge {bridge}", bridge=change.bridge), why=str(error), hint=_("Look at it:"), command="ip link"
        ) from error
    return int(index)


def taken(bridge: str) -> NameTaken:
    """Give the problem of a name that somebody else's link has."""
    return NameTaken(
        _("there is a network interface called {bridge}", bridge=bridge),
        why=_("it was not made by this run"),
        hint=_("Answer another OVEHOSTED_NETWORK/bridgeName, or look at that one:"),
        command=f"ip -details link show dev {bridge}",
    )


def move(facts: NetworkFacts, change: BridgeChange, bridge: int) -> None:
    """Put the NIC into the bridge and move addresses, routes and known neighbours, in one batch.

    Raises:
        NetworkFault: the kernel refused some of it.
    """
    batch, nic = Batch(), change.nic
    batch.attach(nic.index, bridge)
    batch.up(bridge)
    for route in change.routes:
        batch.delete_route(nic.index, route)
    for address in nic.addresses:
        batch.delete_address(nic.index, address)
    for address in nic.addresses:
        batch.add_address(bridge, change.bridge, address)
    for route in in_order(change.routes):
        batch.add_route(bridge, route)
    for neighbour in facts.neighbours:
        if neighbour.device == nic.name and neighbour.mac:
            batch.add_neighbour(bridge, neighbour, ask=neighbour.address in change.gateways)
    batch.send()


def restore(netlink: IPRoute, change: BridgeChange) -> bool:
    """Remove this run's bridge and give the NIC back what it had; False when there is no such bridge.

    What has been renewed meanwhile (a lease) goes back with its new lifetime. Done twice it does nothing.

    Raises:
        NetworkFault: the kernel refused some of it.
    """
    facts = read_facts(netlink)
    ours = next((link for link in facts.links if is_ours(link, change)), None)
    nic = facts.link(change.nic.name)
    if ours is None:
        return False
    batch = Batch()
    if nic is not None and nic.master == ours.name:
        batch.attach(nic.index, 0)
    batch.delete_link(ours.index)
    if nic is not None:
        addresses = {one.cidr: one for one in change.nic.addresses if not one.dynamic or one.link_local}
        own = {one.cidr for one in change.nic.addresses}
        addresses |= {one.cidr: one for one in ours.addresses if one.cidr in own or not one.link_local}
        routes = {_key(route): route for route in change.routes if route.expires is None}
        routes |= {_key(route): route for route in facts.routes if route.device == ours.name and not automatic(route)}
        for address in addresses.values():
            batch.add_address(nic.index, nic.name, address)
        for route in in_order(tuple(routes.values())):
            batch.add_route(nic.index, route)
    batch.send()
    return True


def claim(netlink: IPRoute, change: BridgeChange) -> None:
    """Mark the bridge that was made anew at a boot; see `ports.network.HostNetwork`."""
    facts = read_facts(netlink)
    bridge = facts.link(change.bridge)
    if bridge is not None and change.describes(bridge, facts.link(change.nic.name)):
        netlink.link("set", index=bridge.index, ifalias=change.mark)


def is_ours(link: Link, change: BridgeChange) -> bool:
    """Tell whether a link is the bridge that this run made."""
    return link.kind == BRIDGE and (link.alias == change.mark or link.name == unborn(change))


def unborn(change: BridgeChange) -> str:
    """Give the name of a bridge that is not marked yet: the end of a run's id is random."""
    return f"he-{change.run_id[-6:]}"


def automatic(route: Route) -> bool:
    """Tell whether the kernel makes this route itself for every link that is up."""
    return route.destination in {"fe80::/64", "ff00::/8"}


def in_order(routes: tuple[Route, ...]) -> list[Route]:
    """Give routes so that a gateway's own network comes before what lies behind it."""
    return sorted(routes, key=lambda route: bool(route.gateway))


def _key(route: Route) -> Route:
    return replace(route, device="", expires=None, flags=0, protocol=0, scope=0, metrics=())


def _ipv6(link: str, name: str) -> str | None:
    with suppress(OSError):  # a kernel without IPv6
        return (_SETTINGS / link / name).read_text().strip()
    return None


def set_ipv6(link: str, name: str, wanted: str | None) -> None:
    """Set a link's own setting of IPv6 where there is IPv6, and where it differs."""
    if wanted is not None and _ipv6(link, name) not in (wanted, None):
        (_SETTINGS / link / name).write_text(wanted)


def like_nic(change: BridgeChange) -> None:
    """Let the bridge look for duplicates of future addresses again, as the NIC did."""
    set_ipv6(change.bridge, "accept_dad", _ipv6(change.nic.name, "accept_dad"))
