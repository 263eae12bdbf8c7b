"""The files that make the management bridge at a boot, as whole texts, for what runs a NIC."""

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
PROFILE: Final = """\
# made by hand
[connection]
id=Wired 1
uuid=11111111-2222-3333-4444-555555555555
type=ethernet
permissions=user:admin:;
timestamp=1700000000
zone=trusted

[ethernet]
wake-on-lan=64

[ipv4]
address1=192.0.2.10/24,192.0.2.1
dns=192.0.2.53;
dns-search=example.test;
method=manual
route1=203.0.113.0/24,192.0.2.9,50
route1_options=mtu=1400
routing-rule1=priority 100 from 192.0.2.10 table 77

[ipv6]
addr-gen-mode=default
method=auto

[proxy]
browser-only=true

[user]
made.by=hand
"""
OWN: Final = """\
# made by hand
[Match]
Name=eno*

[Link]
MTUBytes=9000
RequiredForOnline=routable
MACAddress=52:54:00:12:34:56

[Network]
Description=the way out
DHCP=yes
VLAN=eno1.100
LLDP=yes
; the next line goes on
Domains=example.test \\
  example.org
DNS=192.0.2.53
NTP = 192.0.2.123

[Address]
Address=192.0.2.10/24
Label=eno1:1

[DHCPv4]
UseDNS=no
RouteMetric=50
ClientIdentifier=duid

[DHCPPrefixDelegation]
UplinkInterface=eno1

[IPv6AcceptRA]
UseDNS=no

[Route]
Destination=203.0.113.0/24
MultiPathRoute=192.0.2.9@eno1 10
Metric=7

[RoutingPolicyRule]
From=192.0.2.10
Table=77

[TokenBucketFilter]
Rate=100M
"""
OWN_STATIC: Final = """\
[Match]
Name=eno1

[Network]
Address=192.0.2.10/24
Address=2001:db8::10/64
Gateway=192.0.2.1
Gateway=2001:db8::1
DNS=192.0.2.53
DNS=2001:db8::53
IPv6AcceptRA=no
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


KINDS: Final = {"static": (STATIC, STATIC_ROUTES), "dynamic": (DYNAMIC, DYNAMIC_ROUTES)}


def networkd(root: Path, own: str = "", lease: str = "", association: str = "") -> None:
    """Let networkd run the NIC, by a file of the operator's where there is one."""
    link = "# state\nADMIN_STATE=configured\nOPER_STATE=routable\n"
    if own:
        put(root / "etc/systemd/network/nic.network", own)
        link += "NETWORK_FILE=/etc/systemd/network/nic.network\n"
    put(root / "run/systemd/netif/links/2", f"{link}DHCP6_CLIENT_IAID={association}\n" if association else link)
    if lease:
        put(root / "run/systemd/netif/leases/2", f"ADDRESS=192.0.2.10\nCLIENTID={lease}\n")


@pytest.mark.parametrize("kind", KINDS)
def test_networkd(golden: Golden, tmp_path: Path, kind: str) -> None:
    networkd(tmp_path)
    golden.check(f"network/networkd-{kind}.txt", written(tmp_path, *KINDS[kind]))


def test_networkd_with_the_operators_file(golden: Golden, tmp_path: Path) -> None:
    networkd(tmp_path, OWN, lease="fff1f5dd7f00020000ab11338d", association="0xf1f5dd7f")
    put(tmp_path / "usr/lib/systemd/network/nic.network.d/50-names.conf", "[Network]\nDNS=203.0.113.53\n")
    put(tmp_path / "etc/systemd/network/nic.network.d/50-names.conf", "[Network]\nDNS=\nDNS=198.51.100.53\n")
    put(tmp_path / "run/systemd/network/nic.network.d/60-queue.conf", "[CAKE]\nBandwidth=1G\n")
    golden.check("network/networkd-own.txt", written(tmp_path, *KINDS["dynamic"]))


def test_networkd_with_the_operators_fixed_addresses(golden: Golden, tmp_path: Path) -> None:
    networkd(tmp_path, OWN_STATIC)
    golden.check("network/networkd-own-static.txt", written(tmp_path, *KINDS["static"]))


def test_networkd_whose_file_is_gone(tmp_path: Path) -> None:
    networkd(tmp_path)
    in_force = written(tmp_path, *KINDS["static"])
    networkd(tmp_path, OWN_STATIC)
    (tmp_path / "etc/systemd/network/nic.network").unlink()
    assert written(tmp_path, *KINDS["static"]) == in_force


@pytest.mark.parametrize("line", ["MACVLAN=lan", "VXLAN=over", "Bond=bond0", "VRF=blue"])
def test_networkd_with_links_that_a_port_cannot_carry(tmp_path: Path, line: str) -> None:
    networkd(tmp_path, f"[Network]\nDHCP=yes\n{line}\n")
    refused(tmp_path, line, "eno1 will be a port of a bridge", "etc/systemd/network/nic.network")


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
    networkd(tmp_path, lease=client)
    bridge = written(tmp_path, *KINDS["dynamic"]).partition("=== etc/systemd/network/0-ovirtmgmt-port.network")[0]
    found = [line for part in bridge.split("[DHCPv4]\n")[1:] for line in part.partition("\n[")[0].split()]
    assert [line for line in found if not line.startswith("RouteMetric=")] == words


@pytest.mark.parametrize("kind", KINDS)
def test_networkmanager_without_a_profile_in_a_file(golden: Golden, tmp_path: Path, kind: str) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=0-0\n")
    golden.check(f"network/networkmanager-{kind}.txt", written(tmp_path, *KINDS[kind]))


UUID: Final = "11111111-2222-3333-4444-555555555555"
DEVICE: Final = f"[device]\nmanaged=true\nconnection-uuid={UUID}\n"


def test_networkmanager_with_the_operators_profile(golden: Golden, tmp_path: Path) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", DEVICE)
    put(tmp_path / "etc/NetworkManager/system-connections/Wired 1.nmconnection", PROFILE)
    golden.check("network/networkmanager-profile.txt", written(tmp_path, STATIC, STATIC_ROUTES))


def test_networkmanager_with_a_profile_that_is_made_at_each_boot(golden: Golden, tmp_path: Path) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", f"{DEVICE}\n[dhcp6]\ndhcp6.iaid=f1:f5:dd:7f\n")
    dynamic = f"{PROFILE.partition('[ipv4]')[0]}[ipv4]\ndns-search=example.test;\nmethod=auto\n\n[ipv6]\nmethod=auto\n"
    put(tmp_path / "run/NetworkManager/system-connections/made.nmconnection", dynamic)
    golden.check("network/networkmanager-made.txt", written(tmp_path, DYNAMIC, DYNAMIC_ROUTES))


def test_networkmanager_with_a_token_of_the_operators(tmp_path: Path) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", f"{DEVICE}\n[dhcp6]\ndhcp6.iaid=f1:f5:dd:7f\n")
    own = f"{PROFILE.replace('addr-gen-mode=default', 'token=::7')}"
    put(tmp_path / "etc/NetworkManager/system-connections/1", own.replace("[proxy]", "dhcp-iaid=7\n[proxy]"))
    bridge = written(tmp_path, DYNAMIC, DYNAMIC_ROUTES).partition("=== etc/NetworkManager/system-connections/1")[0]
    assert [line for line in bridge.splitlines() if line.startswith(("token", "addr-gen", "dhcp-iaid"))] == [
        "token=::7", "dhcp-iaid=7",
    ]  # fmt: skip


@pytest.mark.parametrize("line", [f"UUID={UUID}", 'DEVICE="eno1"'])
def test_networkmanager_with_a_profile_of_the_older_kind(tmp_path: Path, line: str) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", DEVICE)
    put(tmp_path / "etc/sysconfig/network-scripts/ifcfg-eno2", "DEVICE=eno2\nDNS1=192.0.2.53\n")
    put(tmp_path / "etc/sysconfig/network-scripts/ifcfg-out", f"NAME=out\n{line}\nDNS1=192.0.2.53\n")
    with pytest.raises(NicUncarried, match="ifcfg-out") as caught:
        written(tmp_path, DYNAMIC, DYNAMIC_ROUTES)
    assert "this program reads keyfiles alone" in caught.value.why
    assert "NetworkManager makes a keyfile of it" in caught.value.hint
    assert caught.value.command == f"nmcli connection migrate {UUID}"


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


@pytest.mark.parametrize("kind", ["bond", "vlan"])
def test_a_bond_or_vlan_whose_profile_is_in_no_file_is_not_written(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=0-0\n")
    assert written(tmp_path, replace(STATIC, kind=kind), ()) == "NetworkManager\n"


def test_a_nic_that_nothing_runs(tmp_path: Path) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=false\n")
    put(tmp_path / "run/systemd/netif/links/2", "ADMIN_STATE=unmanaged\n")
    assert written(tmp_path, STATIC, STATIC_ROUTES) == "\n"
