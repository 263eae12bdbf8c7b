"""The files that make the management bridge at a boot, and who runs it until then: each in a VM that reboots."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.adapters.icmp import ping
from tests.lab.segment import RENEWED_AFTER, Segment
from tests.lab.vm import Vm
from tests.system.bridge_step import BRIDGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).parents[2]
STEP: Final = (
    "env", f"PYTHONPATH={ROOT}:{ROOT / 'plugins'}", str(Path(sys.prefix) / "bin/python"),
    str(Path(__file__).with_name("bridge_step.py")),
)  # fmt: skip
NIC: Final = "enp0s1"
STATIC: Final = "192.0.2.10"
WITHIN: Final = 60.0
CONFIGURATION: Final = (
    "find /etc/systemd/network /etc/network /etc/NetworkManager -type f -exec ls -l {} + -exec sha256sum {} +"
)
LOOPBACK: Final = "auto lo\niface lo inet loopback\n\n"
PROFILE: Final = f"""\
# the operator's own words
[connection]
id=Wired 1
uuid=11111111-2222-3333-4444-555555555555
type=ethernet
interface-name={NIC}

[ipv4]
address1={STATIC}/24,192.0.2.1
method=manual
"""
LEASED_PROFILE: Final = f"{PROFILE.partition('address1')[0]}method=auto\n"


@dataclass(frozen=True)
class Managed:
    """A NIC as one of the three has it: the unit that runs it, and the operator's files."""

    unit: str
    files: Mapping[str, str]
    dhcp: bool
    cut: bool = False
    """Cut the power while the bridge is on trial, too."""


NETWORKD: Final = "etc/systemd/network/nic.network"
INTERFACES: Final = "etc/network/interfaces"
KEYFILE: Final = "etc/NetworkManager/system-connections/Wired 1.nmconnection"
FIXED: Final = f"Address={STATIC}/24\nGateway=192.0.2.1\n"
CASES: Final = {
    "networkd-dhcp": Managed(
        "systemd-networkd", {NETWORKD: "[Match]\nType=ether\n[Network]\nDHCP=ipv4\n"}, dhcp=True, cut=True
    ),
    "networkmanager-static": Managed("NetworkManager", {KEYFILE: PROFILE}, dhcp=False),
    "ifupdown-dhcp": Managed(
        "networking", {INTERFACES: f"{LOOPBACK}auto {NIC}\niface {NIC} inet dhcp\n"}, dhcp=True
    ),
    "networkd-static": Managed(
        "systemd-networkd", {NETWORKD: f"[Match]\nType=ether\n[Network]\n{FIXED}"}, dhcp=False, cut=True
    ),
    "networkmanager-dhcp": Managed("NetworkManager", {KEYFILE: LEASED_PROFILE}, dhcp=True, cut=True),
    "ifupdown-static": Managed(
        "networking",
        {INTERFACES: f"{LOOPBACK}auto {NIC}\niface {NIC} inet static\n  address {STATIC}/24\n  gateway 192.0.2.1\n"},
        dhcp=False, cut=True,
    ),
}  # fmt: skip
QUICK: Final = "networkd-dhcp"


@pytest.mark.system
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == QUICK else [pytest.mark.long]) for name in CASES]
)
def test_the_bridge_lasts_and_goes(name: str) -> None:
    case = CASES[name]
    with Segment() as segment, Vm(segment.gateway, [case.unit], case.files) as vm:
        until(lambda: "default" in vm.run("ip", "route") and "fe80" in vm.run("ip", "-br", "-6", "address"))
        before, files = settled(vm), vm.run("sh", "-c", CONFIGURATION)
        address, default = address_of(vm, NIC), default_route(vm)
        assert address == (segment.leases_given()[-1] if case.dhcp else STATIC)
        if case.cut:
            vm.cut(*STEP, "cut")
            until(lambda: vm.run(*STEP, "look") == before)
            assert vm.run("sh", "-c", CONFIGURATION) == files

        assert "answered over it" in vm.run(*STEP, "make")
        carried(segment, vm, address, default)
        if case.dhcp:
            given = len(segment.leases_given())
            until(lambda: len(segment.leases_given()) > given)
            time.sleep(RENEWED_AFTER / 5)  # whoever asked has used the answer
            carried(segment, vm, address, default)

        vm.reboot()
        until(
            lambda: any(
                {BRIDGE, f"{address}/24"} <= {*line.split()}
                for line in vm.run("ip", "-br", "-4", "address").splitlines()
            )
        )
        carried(segment, vm, address, default)
        vm.run(*STEP, "undo")
        until(lambda: vm.run(*STEP, "look") == before)
        assert vm.run("sh", "-c", CONFIGURATION) == files

        vm.reboot()
        until(lambda: vm.run(*STEP, "look") == before)
        assert ping_from(segment, address)


def settled(vm: Vm) -> str:
    """Give the network once it is the same twice."""
    seen = ""
    while (now := vm.run(*STEP, "look")) != seen:
        seen = now
    return seen


def carried(segment: Segment, vm: Vm, address: str, default: str) -> None:
    """The bridge has the NIC, its address and its default route, and the NIC has none of them."""
    assert address_of(vm, BRIDGE) == address
    assert address_of(vm, NIC) == ""
    assert f"master {BRIDGE}" in vm.run("ip", "link", "show", "dev", NIC)
    assert default_route(vm) == default.replace(f"dev {NIC}", f"dev {BRIDGE}")
    assert ping_from(segment, address)


def address_of(vm: Vm, link: str) -> str:
    """Give the IPv4 addresses of a link."""
    words = vm.run("ip", "-o", "-4", "address", "show", "dev", link).split()
    return " ".join(word.partition("/")[0] for before, word in pairwise(words) if before == "inet")


def default_route(vm: Vm) -> str:
    """Give it as `ip` prints it."""
    return vm.run("ip", "-4", "route", "show", "default").strip()


def ping_from(segment: Segment, address: str) -> bool:
    """Tell whether the VM answers the gateway."""
    with segment.gateway.inside():
        return ping(address, 5.0)


def until(probe: Callable[[], bool]) -> None:
    """Await that `probe` becomes true."""
    deadline = time.monotonic() + WITHIN
    while not probe():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.5)
