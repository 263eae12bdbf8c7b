"""The files that make the management bridge at a boot, as whole texts, where systemd-networkd runs the NIC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.golden.nics import KINDS, put, refused, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.golden.plugin import Golden

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
