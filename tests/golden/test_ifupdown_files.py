"""The files that make the management bridge at a boot, as whole texts, where ifupdown runs the NIC."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.golden.nics import DYNAMIC, DYNAMIC_ROUTES, STATIC, STATIC_ROUTES, put, refused, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.golden.plugin import Golden

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
    dns-search example.test
    mtu 9000
    pre-up modprobe bonding
    pre-up ip link set dev bond0 address 52:54:00:12:34:56
    up ip -4 addr add 192.0.2.12/24 dev bond0
    pre-up iptables -A INPUT -i bond0 -p icmp -j ACCEPT
    up ethtool -K bond0 gro off
    up ip -4 link set dev bond0 txqueuelen 2000
    up /usr/local/sbin/announce bond0
    down /usr/local/sbin/withdraw $IFACE

iface bond0 inet6 auto
    privext 0
    dhcp 1

# the other one
auto eno3
iface eno3 inet dhcp
"""


def test_ifupdown(golden: Golden, tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", INTERFACES)
    bond = replace(STATIC, name="bond0", kind="bond", bond_mode="active-backup")
    golden.check("network/ifupdown.txt", written(tmp_path, bond, ()))


def test_ifupdown_in_a_file_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", "source /etc/network/interfaces.d/*\n")
    put(tmp_path / "etc/network/interfaces.d/eno1", "auto eno1\niface eno1 inet dhcp\n")
    put(tmp_path / "run/dhclient.eno1.pid", "7\n")
    text = written(tmp_path, DYNAMIC, DYNAMIC_ROUTES)
    assert text.startswith("ifupdown\n\n=== etc/network/interfaces.d/eno1 644\nauto eno1\niface eno1 inet manual\n")
    assert "auto ovirtmgmt\niface ovirtmgmt inet dhcp\n" in text


def test_ifupdown_with_a_lease(golden: Golden, tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", "auto eno1\niface eno1 inet dhcp\niface eno1 inet6 auto\n")
    put(tmp_path / "run/dhclient.eno1.pid", "7\n")
    duid = 'default-duid "\\000\\001";\n'
    put(tmp_path / "var/lib/dhcp/dhclient.eno1.leases", f'{duid}lease {{\n  interface "eno1";\n}}\n')
    golden.check("network/ifupdown-lease.txt", written(tmp_path, DYNAMIC, DYNAMIC_ROUTES))


def test_ifupdown_with_fixed_addresses_of_both_families(golden: Golden, tmp_path: Path) -> None:
    families = {"inet": ("192.0.2.10/24", "192.0.2.1"), "inet6": ("2001:db8::10/64", "2001:db8::1")}
    stanzas = (
        f"iface eno1 {family} static\n\taddress {address}\n\tgateway {gateway}\n"
        for family, (address, gateway) in families.items()
    )
    put(tmp_path / "etc/network/interfaces", f"auto eno1\n{''.join(stanzas)}")
    golden.check("network/ifupdown-static.txt", written(tmp_path, STATIC, STATIC_ROUTES))


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        ("iface eno1 inet dhcp\n", "iface eno1 inet dhcp", "no dhclient runs for it, and others could not be told"),
        ("iface eno1 inet6 dhcp\n", "iface eno1 inet6", "nobody could tell its client of DHCPv6 of the bridge"),
        (
            "iface eno1 inet static inherits base\n",
            "iface eno1 inet static inherits base",
            "only a family and a method",
        ),
        ("iface eno1\n  address 192.0.2.10/24\n", "iface eno1", "only a family and a method"),
    ],
)
def test_ifupdown_with_what_cannot_be_carried_over(tmp_path: Path, text: str, what: str, why: str) -> None:
    put(tmp_path / "etc/network/interfaces", text)
    refused(tmp_path, what, why, "etc/network/interfaces")


def test_ifupdown_in_several_files(tmp_path: Path) -> None:
    four = "iface eno1 inet static\n  address 192.0.2.10/24\n"
    put(tmp_path / "etc/network/interfaces", f"source-directory interfaces.d\n{four}")
    put(tmp_path / "etc/network/interfaces.d/six", "iface eno1 inet6 auto\n")
    refused(tmp_path, "interfaces six", "eno1 is configured in several files", "etc/network/interfaces")


@pytest.mark.parametrize(
    ("line", "name", "runs"),
    [
        ("source /srv/net/*.conf", "srv/net/out.conf", True),
        ("source net/out", "etc/network/net/out", True),
        ("source-directory /srv/net", "srv/net/out", True),
        ("source-directory /srv/net", "srv/net/out.dpkg-old", False),
        ("# source /srv/net/*", "srv/net/out", False),
    ],
)
def test_ifupdown_in_a_file_that_is_taken_in(tmp_path: Path, line: str, name: str, *, runs: bool) -> None:
    put(tmp_path / "etc/network/interfaces", f"source /etc/network/interfaces\n{line}\n")
    put(tmp_path / name, "iface eno1 inet static\n  address 192.0.2.10/24\n")
    text = written(tmp_path, STATIC, STATIC_ROUTES)
    assert text.startswith(f"ifupdown\n\n=== {name} 644\niface eno1 inet manual\n" if runs else "\n")
