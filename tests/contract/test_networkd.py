"""The files that make the management bridge at a boot, as systemd-networkd itself reads them and goes by them.

In namespaces of its own. A veth stands for the NIC, the bond or the VLAN: not every kernel has the latter two.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.network.managers import NETWORKD as MANAGER
from hosted_plugins.network.managers import persistence
from tests.golden.nics import KINDS, NETWORKD, OVER, change, facts, networkd, put

if TYPE_CHECKING:
    from pathlib import Path

BOOT: Final = """
mount -t sysfs -o ro sysfs /sys  # read-only: there is no udev that would have to know a link first
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
chown -R systemd-network: /run/systemd/netif
mount --bind "$1" /etc/systemd
for nic in eno1 eno2 "$2"; do
    [ -e "/sys/class/net/$nic" ] || ip link add "$nic" type veth peer name "$nic-wire"
    ip link set "$nic-wire" up
done
SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-networkd &
for _ in $(seq 100); do
    ip -6 address show dev ovirtmgmt scope link -tentative 2>/dev/null | grep -q fe80 && break
    sleep 0.2
done
ip -json address
kill $!
"""
CASES: Final = {
    "static": (*KINDS["static"], {}),
    "bond": (*OVER["bond"], NETWORKD["bond"]),
    "vlan": (*OVER["vlan"], NETWORKD["vlan"]),
}
"""The NIC, its routes, and the operator's files for it."""


@pytest.mark.parametrize("kind", CASES)
def test_networkd_makes_the_bridge(tmp_path: Path, kind: str) -> None:
    nic, routes, own = CASES[kind]
    networkd(tmp_path, {name: text for name, text in own.items() if name.endswith(".network")})
    kept = persistence(tmp_path, change(nic, routes), facts(nic, routes))
    assert kept.manager == MANAGER
    for file in kept.files:
        put(tmp_path / file.path, file.text)

    inside = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
    words = ("sh", "-ec", BOOT, "sh", str(tmp_path / "etc/systemd"), nic.name)
    done = subprocess.run([*inside, *words], capture_output=True, text=True, timeout=60, check=True)

    links = {one["ifname"]: one for one in json.loads(done.stdout)}
    port, bridge = links[nic.name], links["ovirtmgmt"]
    assert (port["master"], port["addr_info"], port["mtu"]) == ("ovirtmgmt", [], bridge["mtu"])
    assert (bridge["address"], bridge["mtu"], bridge["operstate"]) == (nic.mac, nic.mtu, "UP")
    has = {one["local"] for one in bridge["addr_info"] if one["scope"] == "global"}
    assert has == {one.address for one in nic.addresses if not one.link_local and not one.dynamic}
    said = [line for line in done.stderr.splitlines() if "/0-ovirtmgmt" in line]
    assert f"{nic.name}: Configuring with /etc/systemd/network/0-ovirtmgmt-port.network." in said
    refused = [line for line in said if "ignoring" in line]
    assert [line for line in refused if ".200 NetDev could not be found" not in line] == []  # the VLAN over it
