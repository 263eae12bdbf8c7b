"""The files that make the management bridge at a boot over a bond and over a VLAN, as whole texts, under each manager.

The bond or VLAN is made at the boot, too, by files of the operator's: those that say so stay as they are, or say it on.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.network.uncarried import NicUncarried
from tests.golden.nics import BOND, NETWORKD, OVER, TAGGED, networkd, put, refused, written

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.network import Link
    from tests.golden.plugin import Golden

UUID: Final = "11111111-2222-3333-4444-555555555555"
NOT_LASTING: Final = ("run/NetworkManager/system-connections/netplan-made.nmconnection", "tmp/it-is-in-memory-alone")
PORT: Final = """\
[connection]
id=bond0-port-{nic}
uuid={number}1111111-2222-3333-4444-555555555555
type=ethernet
interface-name={nic}
master=bond0
slave-type=bond
"""
NETWORKMANAGER: Final = {
    "bond": {
        "bond0.nmconnection": """\
[connection]
id=bond0
uuid=11111111-2222-3333-4444-555555555555
type=bond
autoconnect-slaves=1
interface-name=bond0
zone=trusted

[bond]
lacp_rate=fast
miimon=100
mode=802.3ad

[ethernet]
cloned-mac-address=52:54:00:12:34:56
mtu=9000

[ipv4]
address1=192.0.2.10/24,192.0.2.1
dns=192.0.2.53;
method=manual

[ipv6]
address1=2001:db8::10/64,2001:db8::1
method=manual
""",
        "eno1.nmconnection": PORT.format(nic="eno1", number=2),
        "eno2.nmconnection": PORT.format(nic="eno2", number=3),
    },
    "vlan": {
        "management.nmconnection": """\
[connection]
id=management
uuid=11111111-2222-3333-4444-555555555555
type=vlan

[vlan]
flags=1
id=100
parent=eno1

[ipv4]
method=auto

[ipv6]
method=auto
""",
        "eno1.nmconnection": """\
[connection]
id=eno1
uuid=21111111-2222-3333-4444-555555555555
type=ethernet
interface-name=eno1

[ipv4]
method=disabled

[ipv6]
method=disabled
""",
    },
}
IFUPDOWN: Final = {
    "bond": """\
auto eno1
iface eno1 inet manual
    bond-master bond0

auto eno2
iface eno2 inet manual
    bond-master bond0

auto bond0
iface bond0 inet static
    address 192.0.2.10/24
    gateway 192.0.2.1
    dns-nameservers 192.0.2.53
    bond-slaves none
    bond-mode 802.3ad
    bond-miimon 100
    bond-xmit-hash-policy layer3+4
    mtu 9000
    up ip route add 203.0.113.0/24 \\
        via 192.0.2.9 dev bond0
    # one more: eno3 \\
    up ifenslave bond0 eno3
    down ifenslave -d bond0 eno3
    up ifconfig bond0 txqueuelen 2000

iface bond0 inet6 static
    address 2001:db8::10/64
    gateway 2001:db8::1
""",
    "vlan": """\
auto eno1
iface eno1 inet manual

auto eno1.100
iface eno1.100 inet dhcp
    vlan-raw-device eno1
    pre-up modprobe 8021q
    up vconfig set_flag eno1.100 1 1
    up ip route add 203.0.113.0/24 via 192.0.2.9 dev eno1.100
iface eno1.100 inet6 auto
""",
}


@pytest.mark.parametrize("kind", OVER)
def test_networkd(golden: Golden, tmp_path: Path, kind: str) -> None:
    networkd(tmp_path, NETWORKD[kind])
    golden.check(f"network/networkd-{kind}.txt", written(tmp_path, *OVER[kind]))


@pytest.mark.parametrize("kind", OVER)
def test_networkd_without_a_file_of_the_operators(golden: Golden, tmp_path: Path, kind: str) -> None:
    networkd(tmp_path, {})
    golden.check(f"network/networkd-{kind}-in-force.txt", written(tmp_path, *OVER[kind]))


@pytest.mark.parametrize("kind", OVER)
def test_networkmanager(golden: Golden, tmp_path: Path, kind: str) -> None:
    for name, text in NETWORKMANAGER[kind].items():
        put(tmp_path / "etc/NetworkManager/system-connections" / name, text)
    managed(tmp_path)
    golden.check(f"network/networkmanager-{kind}.txt", written(tmp_path, *OVER[kind]))


@pytest.mark.parametrize("nic", [BOND, replace(BOND, name="eno1.100", kind="vlan")], ids=OVER)
@pytest.mark.parametrize("name", NOT_LASTING)
def test_networkmanager_with_a_profile_in_no_lasting_file(tmp_path: Path, nic: Link, name: str) -> None:
    managed(tmp_path)
    put(tmp_path / name, NETWORKMANAGER["bond"]["bond0.nmconnection"])
    assert written(tmp_path, nic, ()) == "NetworkManager\n"


@pytest.mark.parametrize("name", NOT_LASTING)
@pytest.mark.parametrize("lease", ["4", "6"])
def test_networkmanager_with_a_lease_and_no_lasting_file(tmp_path: Path, name: str, lease: str) -> None:
    managed(tmp_path, "[dhcp6]\ndhcp6.iaid=f1:f5:dd:7f\n" if lease == "6" else "")
    put(tmp_path / name, NETWORKMANAGER["vlan"]["management.nmconnection"])
    addresses = tuple(one for one in TAGGED.addresses if str(one.version) == lease)
    with pytest.raises(NicUncarried, match=re.escape("eno1.100")) as caught:
        written(tmp_path, replace(TAGGED, addresses=addresses), OVER["vlan"][1])
    there = name if name.startswith("run") else "run/NetworkManager/devices/2"
    assert caught.value.where == str(tmp_path / there)
    assert "its profile is in no file that lasts" in caught.value.why
    assert "Give it a fixed address, or make the bridge there yourself" in caught.value.hint
    assert caught.value.command == f"nmcli connection show {UUID}"


@pytest.mark.parametrize("kind", OVER)
def test_ifupdown(golden: Golden, tmp_path: Path, kind: str) -> None:
    put(tmp_path / "etc/network/interfaces", IFUPDOWN[kind])
    put(tmp_path / f"run/dhclient.{OVER[kind][0].name}.pid", "7\n")
    golden.check(f"network/ifupdown-{kind}.txt", written(tmp_path, *OVER[kind]))


@pytest.mark.parametrize("nic", [BOND, TAGGED], ids=OVER)
def test_ifupdown_with_an_alias(tmp_path: Path, nic: Link) -> None:
    stanzas = (f"iface {nic.name}{alias} inet static\n  address 192.0.2.1{alias[1:]}/24\n" for alias in ("", ":1"))
    put(tmp_path / "etc/network/interfaces", "".join(stanzas))
    why = f"the addresses of an alias would stay on {nic.name}"
    refused(tmp_path, f"iface {nic.name}:1 inet static", why, "etc/network/interfaces", nic)


def test_ifupdown_with_an_alias_in_another_file(tmp_path: Path) -> None:
    put(tmp_path / "etc/network/interfaces", f"source interfaces.d/*\n{IFUPDOWN['bond']}")
    put(tmp_path / "etc/network/interfaces.d/alias", "iface bond0:1 inet static\n  address 192.0.2.12/24\n")
    refused(tmp_path, "interfaces alias", "bond0 is configured in several files", "etc/network/interfaces", BOND)


def managed(root: Path, lease: str = "") -> None:
    """Let NetworkManager run the bond or VLAN."""
    put(root / "run/NetworkManager/devices/2", f"[device]\nmanaged=true\nconnection-uuid={UUID}\n{lease}")
