"""The files that make the management bridge at a boot, as whole texts, for what runs a NIC."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.network.managers import persistence
from hosted_setup.ports.network import Address, BridgeChange, Link, NetworkFacts, Route
from tests.golden.products import RUN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.golden.plugin import Golden

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
VLAN: Final = Link(7, "eno1.100", "52:54:00:12:34:56", kind="vlan", parent="eno1", vlan_id=100)
INTERFACES: Final = """\
# the operator's own words
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto bond0
iface bond0 inet static
    # the address of the host
    address 192.0.2.10/24
    gateway 192.0.2.1
    dns-nameservers 192.0.2.53
    bond-slaves eno1 eno2
    bond-mode active-backup
    up ip route add 203.0.113.0/24 via 192.0.2.9 dev bond0
    up ethtool -K bond0 gro off

iface bond0 inet6 auto
    privext 0

# the other one
auto eno3
iface eno3 inet dhcp
"""
PROFILE: Final = """\
# made by hand
[connection]
id=Wired 1
uuid=11111111-2222-3333-4444-555555555555
type=ethernet
interface-name=eno1
timestamp=1700000000

[ethernet]
wake-on-lan=64

[ipv4]
address1=192.0.2.10/24,192.0.2.1
dns=192.0.2.53;
method=manual

[ipv6]
addr-gen-mode=default
method=auto

[proxy]
"""


def change(nic: Link, routes: tuple[Route, ...]) -> BridgeChange:
    return BridgeChange(RUN, "ovirtmgmt", nic, routes, ("192.0.2.1",))


def facts(nic: Link, routes: tuple[Route, ...]) -> NetworkFacts:
    return NetworkFacts((nic, VLAN), routes, (), ("192.0.2.53", "2001:db8::53"))


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


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


KINDS: Final = {"static": (STATIC, STATIC_ROUTES), "dynamic": (DYNAMIC, DYNAMIC_ROUTES)}


@pytest.mark.parametrize("kind", KINDS)
def test_networkd(golden: Golden, tmp_path: Path, kind: str) -> None:
    put(tmp_path / "run/systemd/netif/links/2", "# state\nADMIN_STATE=configured\nOPER_STATE=routable\n")
    golden.check(f"network/networkd-{kind}.txt", written(tmp_path, *KINDS[kind]))


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("", ["ClientIdentifier=mac"]),
        ("01525400123456", ["ClientIdentifier=mac"]),
        ("fff1f5dd7f00020000ab11338d", ["ClientIdentifier=duid", "IAID=4059422079", "DUIDType=vendor",
                                        "DUIDRawData=00:00:ab:11:33:8d"]),
        ("fff1f5dd7f00090000ab11338d", ["ClientIdentifier=mac"]),
    ],
)  # fmt: skip
def test_networkd_is_known_to_the_server_of_leases_as_before(tmp_path: Path, client: str, words: list[str]) -> None:
    put(tmp_path / "run/systemd/netif/links/2", "ADMIN_STATE=configured\n")
    put(tmp_path / "run/systemd/netif/leases/2", f"ADDRESS=192.0.2.10\nCLIENTID={client}\n" if client else "")
    text = written(tmp_path, *KINDS["dynamic"])
    assert text.partition("[DHCPv4]\n")[2].partition("RouteMetric")[0].split() == words


@pytest.mark.parametrize("kind", KINDS)
def test_networkmanager_without_a_profile_in_a_file(golden: Golden, tmp_path: Path, kind: str) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=0-0\n")
    golden.check(f"network/networkmanager-{kind}.txt", written(tmp_path, *KINDS[kind]))


def test_networkmanager_with_the_operators_profile(golden: Golden, tmp_path: Path) -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    put(tmp_path / "run/NetworkManager/devices/2", f"[device]\nmanaged=true\nconnection-uuid={uuid}\n")
    put(tmp_path / "etc/NetworkManager/system-connections/Wired 1.nmconnection", PROFILE)
    golden.check("network/networkmanager-profile.txt", written(tmp_path, STATIC, STATIC_ROUTES))


def test_ifupdown(golden: Golden, tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", INTERFACES)
    bond = replace(STATIC, name="bond0", kind="bond", bond_mode="active-backup")
    golden.check("network/ifupdown.txt", written(tmp_path, bond, ()))


def test_ifupdown_in_a_file_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", "source /etc/network/interfaces.d/*\n")
    put(tmp_path / "etc/network/interfaces.d/eno1", "auto eno1\niface eno1 inet dhcp\n")
    text = written(tmp_path, DYNAMIC, DYNAMIC_ROUTES)
    assert text.startswith("ifupdown\n\n=== etc/network/interfaces.d/eno1 644\nauto eno1\niface eno1 inet manual\n")
    assert "auto ovirtmgmt\niface ovirtmgmt inet dhcp\n" in text


def test_ifupdown_with_a_lease(golden: Golden, tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", "auto eno1\niface eno1 inet dhcp\n")
    put(tmp_path / "run/dhclient.eno1.pid", "7\n")
    duid = 'default-duid "\\000\\001";\n'
    put(tmp_path / "var/lib/dhcp/dhclient.eno1.leases", f'{duid}lease {{\n  interface "eno1";\n}}\n')
    golden.check("network/ifupdown-lease.txt", written(tmp_path, DYNAMIC, DYNAMIC_ROUTES))


@pytest.mark.parametrize("kind", ["bond", "vlan"])
def test_a_bond_or_vlan_whose_profile_is_in_no_file_is_not_written(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=0-0\n")
    assert written(tmp_path, replace(STATIC, kind=kind), ()) == "NetworkManager\n"


def test_a_nic_that_nothing_runs(tmp_path: Path) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=false\n")
    put(tmp_path / "run/systemd/netif/links/2", "ADMIN_STATE=unmanaged\n")
    assert written(tmp_path, STATIC, STATIC_ROUTES) == "\n"
