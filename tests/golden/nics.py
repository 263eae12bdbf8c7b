"""NICs as they may be configured, and the files that make a bridge over one at a boot, as text."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.network.managers import persistence
from hosted_plugins.network.uncarried import NicUncarried
from hosted_setup.ports.network import Address, BridgeChange, Link, NetworkFacts, Route
from tests.golden.products import RUN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STATIC: Final = Link(
    2, "eno1", "52:54:00:12:34:56", up=True, carrier=True, mtu=9000,
    addresses=(Address("192.0.2.10", 24), Address("2001:db8::10", 64), Address("fe80::1", 64, scope=253)),
)  # fmt: skip
STATIC_ROUTES: Final = (
    Route("192.0.2.0/24", "eno1", source="192.0.2.10", protocol=2),
    Route("0.0.0.0/0", "eno1", gateway="192.0.2.1", protocol=4, metric=100),
    Route("203.0.113.0/24", "eno1", gateway="192.0.2.9", protocol=4, flags=4),
    Route("198.51.100.0/24", "eno1", gateway="192.0.2.9", protocol=4, table=77),
    Route("::/0", "eno1", gateway="2001:db8::1", protocol=4, metric=1024),
)
DYNAMIC: Final = replace(
    STATIC, mtu=1500,
    addresses=(Address("192.0.2.10", 24, valid=3600), Address("2001:db8::10", 64, valid=7200)),
)  # fmt: skip
DYNAMIC_ROUTES: Final = (
    Route("0.0.0.0/0", "eno1", gateway="192.0.2.1", protocol=16, metric=100),
    Route("::/0", "eno1", gateway="fe80::9", protocol=9, metric=1024, expires=1800),
)
KINDS: Final = {"static": (STATIC, STATIC_ROUTES), "dynamic": (DYNAMIC, DYNAMIC_ROUTES)}
BOND: Final = replace(STATIC, name="bond0", kind="bond", bond_mode="802.3ad")
TAGGED: Final = replace(DYNAMIC, name="eno1.100", kind="vlan", parent="eno1", vlan_id=100)
OVER: Final = {
    "bond": (BOND, tuple(replace(one, device="bond0") for one in STATIC_ROUTES)),
    "vlan": (TAGGED, tuple(replace(one, device="eno1.100") for one in DYNAMIC_ROUTES)),
}
"""What is over NICs: it is itself made at a boot, by a file of the operator's."""

FIXED: Final = """\
Address=192.0.2.10/24
Address=2001:db8::10/64
Gateway=192.0.2.1
Gateway=2001:db8::1
DNS=192.0.2.53
"""
NETWORKD: Final[Mapping[str, Mapping[str, str]]] = {
    "bond": {
        "10-bond0.netdev": "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\n",
        "20-ports.network": "[Match]\nName=eno1 eno2\n\n[Network]\nBond=bond0\n",
        "30-bond0.network": (
            "[Match]\nName=bond0\n\n[Link]\nMTUBytes=9000\nRequiredForOnline=degraded-carrier\n\n"
            f"[Network]\nBindCarrier=eno1 eno2\nVLAN=bond0.200\nLLDP=yes\nIPv6AcceptRA=no\n{FIXED}"
        ),
    },
    "vlan": {
        "10-eno1.100.netdev": "[NetDev]\nName=eno1.100\nKind=vlan\n\n[VLAN]\nId=100\n",
        "20-eno1.network": "[Match]\nName=eno1\n\n[Network]\nVLAN=eno1.100\nLinkLocalAddressing=no\n",
        "30-eno1.100.network": "[Match]\nName=eno1.100\n\n[Network]\nDHCP=ipv4\n\n[DHCPv4]\nRouteMetric=100\n",
    },
}
"""The operator's files for them in /etc/systemd/network; by the last, it has its addresses."""


def change(nic: Link, routes: tuple[Route, ...]) -> BridgeChange:
    return BridgeChange(RUN, "ovirtmgmt", nic, routes, ("192.0.2.1",))


def facts(nic: Link, routes: tuple[Route, ...]) -> NetworkFacts:
    over = Link(7, f"{nic.name}.200", nic.mac, kind="vlan", parent=nic.name, vlan_id=200)
    return NetworkFacts((nic, over), routes, (), ("192.0.2.53", "2001:db8::53"))


def written(root: Path, nic: Link, routes: tuple[Route, ...]) -> str:
    """Give who runs the NIC, and each file."""
    found = persistence(root, change(nic, routes), facts(nic, routes))
    assert all(not file.text.startswith("\n") and file.text.endswith("\n") for file in found.files)
    files = "".join(f"\n=== {one.path} {one.mode:o}\n{one.text}" for one in found.files)
    told = "".join(
        f"\n=== {name}\n" + "".join(f"{shlex.join(one)}\n" for one in commands)
        for name, commands in (("told", found.told), ("told back", found.told_back))
        if commands
    )
    return f"{found.manager}\n{files}{told}".replace(str(root), "")


def networkd(root: Path, own: Mapping[str, str]) -> None:
    """Let networkd run the NIC, by the last of the operator's files, or by none that is left."""
    for name, text in own.items():
        put(root / "etc/systemd/network" / name, text)
    by = f"NETWORK_FILE=/etc/systemd/network/{max(own)}\n" if own else ""
    put(root / "run/systemd/netif/links/2", f"ADMIN_STATE=configured\n{by}")


def refused(root: Path, what: str, why: str, path: str, nic: Link = DYNAMIC) -> None:
    """It is refused, with what stands in the file at `path`."""
    with pytest.raises(NicUncarried) as caught:
        written(root, nic, DYNAMIC_ROUTES)
    problem = caught.value
    assert (problem.code, problem.detail, problem.where) == ("HE-NIC-CONFIG", what, str(root / path))
    assert why in problem.why
    assert problem.command == shlex.join(["cat", str(root / path)])


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
