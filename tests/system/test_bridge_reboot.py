"""The files that make the management bridge at a boot, and who runs it until then: each in a VM that reboots."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
LOOK: Final = "ip -json -details link; ip -json address; ip -json route; ip -json -6 route"
PASSING: Final = frozenset({"ifindex", "valid_life_time", "preferred_life_time", "expires", "tentative"})
"""What changes by itself, with the time or when a link is made anew."""
SIX: Final = "2001:db8:"


@dataclass(frozen=True)
class Managed:
    """A NIC as one of the three has it: the unit that runs it, and the operator's files."""

    unit: str
    files: Mapping[str, str]
    dhcp: bool
    six: tuple[str, ...] = ()
    """How the addresses of IPv6 begin that it has."""
    cut: bool = False
    """Cut the power while the bridge is on trial, too."""


NETWORKD: Final = "etc/systemd/network/nic.network"
INTERFACES: Final = "etc/network/interfaces"
KEYFILE: Final = "etc/NetworkManager/system-connections/Wired 1.nmconnection"
FIXED: Final = f"Address={STATIC}/24\nGateway=192.0.2.1\nAddress={SIX}:10/64\nGateway={SIX}:1\nIPv6AcceptRA=no\n"
OWN: Final = "Domains=example.test\n[Link]\nMTUBytes=1400\n[DHCPv4]\nUseDNS=no\nRouteMetric=50\n"
LEASED: Final = f"{SIX}:1"
"""How the addresses begin that the server of leases gives."""
OF_MAC: Final = f"{SIX}:5054:ff:fe12:3456"
CASES: Final = {
    "networkd-dhcp": Managed(
        "systemd-networkd", {NETWORKD: f"[Match]\nType=ether\n[Network]\nDHCP=yes\n{OWN}"}, dhcp=True,
        six=(LEASED, OF_MAC),
    ),
    "networkmanager-static": Managed("NetworkManager", {KEYFILE: PROFILE}, dhcp=False),
    "ifupdown-dhcp": Managed(
        "networking", {INTERFACES: f"{LOOPBACK}auto {NIC}\niface {NIC} inet dhcp\n"}, dhcp=True
    ),
    "networkd-static": Managed(
        "systemd-networkd", {NETWORKD: f"[Match]\nType=ether\n[Network]\n{FIXED}"}, dhcp=False, cut=True,
        six=(f"{SIX}:10",),
    ),
    "networkmanager-dhcp": Managed("NetworkManager", {KEYFILE: LEASED_PROFILE}, dhcp=True, cut=True, six=(LEASED, SIX)),
    "ifupdown-static": Managed(
        "networking",
        {INTERFACES: f"{LOOPBACK}auto {NIC}\niface {NIC} inet static\n  address {STATIC}/24\n  gateway 192.0.2.1\n"},
        dhcp=False, cut=True,
    ),
}  # fmt: skip


@pytest.mark.system
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CASES)
def test_the_bridge_lasts_and_goes(name: str) -> None:
    case = CASES[name]
    with Segment(six=bool(case.six)) as segment, Vm(segment.gateway, [case.unit], case.files) as vm:
        until(lambda: Had.by(vm, NIC).satisfies(case))
        before, files = settled(vm), vm.run("sh", "-c", CONFIGURATION)
        had = Had.by(vm, NIC)
        assert had.address == (segment.leases_given()[-1] if case.dhcp else STATIC)
        if case.cut:
            vm.cut(*STEP, "cut")
            becomes(vm, before)
            assert vm.run("sh", "-c", CONFIGURATION) == files

        assert "answered over it" in vm.run(*STEP, "make")
        carried(segment, vm, had)
        if case.dhcp:
            given = len(segment.leases_given())
            until(lambda: len(segment.leases_given()) > given)
            time.sleep(RENEWED_AFTER / 5)  # whoever asked has used the answer
            carried(segment, vm, had)

        vm.reboot()
        until(lambda: BRIDGE in vm.run("ip", "-br", "link") and Had.by(vm, BRIDGE).satisfies(case))
        carried(segment, vm, had)
        vm.run(*STEP, "undo")
        becomes(vm, before)
        assert vm.run("sh", "-c", CONFIGURATION) == files
        vm.reboot()
        becomes(vm, before)
        assert ping_from(segment, had.address)


@dataclass(frozen=True)
class Had:
    """What a link has that the bridge takes over."""

    address: str
    default: str
    addresses6: tuple[str, ...]
    mtu: int

    @classmethod
    def by(cls, vm: Vm, link: str) -> Had:
        """Look at a link."""
        ((device,), default) = (
            json.loads(vm.run("ip", "-json", "address", "show", "dev", link)),
            vm.run("ip", "-4", "route", "show", "default", "dev", link).strip(),
        )
        found = {one["local"]: one["family"] for one in device["addr_info"] if good(one)}
        four, six = ([one for one in sorted(found) if found[one] == family] for family in ("inet", "inet6"))
        return cls(" ".join(four), default, tuple(six), device["mtu"])

    def satisfies(self, case: Managed) -> bool:
        """Tell whether that is all it is to have."""
        six = [any(one.startswith(begin) for one in self.addresses6) for begin in case.six]
        return bool(self.address and self.default) and all(six) and len(self.addresses6) >= len(six)


def good(address: dict[str, Any]) -> bool:
    """Tell whether others can reach the host by an address."""
    return address["scope"] == "global" and "tentative" not in address


def settled(vm: Vm) -> list[str]:
    """Give the network once it is the same twice."""
    seen: list[str] = []
    while (now := look(vm)) != seen:
        seen = now
    return seen


def becomes(vm: Vm, before: list[str]) -> None:
    """Await that the network is as it was."""
    deadline = time.monotonic() + WITHIN
    while (now := look(vm)) != before:
        assert time.monotonic() < deadline, "\n".join(unified_diff(before, now, "before", "now", n=0, lineterm=""))
        time.sleep(0.5)


def look(vm: Vm) -> list[str]:
    """Give links, addresses and routes, but for what changes by itself."""
    found = [lasting(one) for line in vm.run("sh", "-c", LOOK).splitlines() for one in json.loads(line)]
    return sorted(json.dumps(one, sort_keys=True) for one in found)


def lasting(item: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out what changes by itself."""
    if isinstance(item, dict):
        return {name: lasting(one) for name, one in item.items() if name not in PASSING}
    return [lasting(one) for one in item] if isinstance(item, list) else item


def carried(segment: Segment, vm: Vm, had: Had) -> None:
    """The bridge has the NIC, and all that the NIC had, which has nothing."""
    assert Had.by(vm, BRIDGE) == had
    assert Had.by(vm, NIC) == Had("", "", (), had.mtu)
    assert f"master {BRIDGE}" in vm.run("ip", "link", "show", "dev", NIC)
    assert ping_from(segment, had.address)


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
