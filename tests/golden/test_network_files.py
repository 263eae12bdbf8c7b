"""The files that make the management bridge at a boot, as whole texts, where NetworkManager or nobody runs the NIC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.network.uncarried import NicUncarried
from tests.golden.nics import DYNAMIC, DYNAMIC_ROUTES, KINDS, STATIC, STATIC_ROUTES, put, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.golden.plugin import Golden

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
UUID: Final = "11111111-2222-3333-4444-555555555555"
DEVICE: Final = f"[device]\nmanaged=true\nconnection-uuid={UUID}\n"


@pytest.mark.parametrize("kind", KINDS)
def test_networkmanager_without_a_profile_in_a_file(golden: Golden, tmp_path: Path, kind: str) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=0-0\n")
    golden.check(f"network/networkmanager-{kind}.txt", written(tmp_path, *KINDS[kind]))


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


def test_a_nic_that_nothing_runs(tmp_path: Path) -> None:
    put(tmp_path / "run/NetworkManager/devices/2", "[device]\nmanaged=false\n")
    put(tmp_path / "run/systemd/netif/links/2", "ADMIN_STATE=unmanaged\n")
    assert written(tmp_path, STATIC, STATIC_ROUTES) == "\n"
