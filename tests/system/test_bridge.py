"""A deploy on the management bridge: a real wire to a gateway, dual stack, with a DHCP and name server behind it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_plugins.network import LinkName, NetworkAnswers, NetworkChoice, NetworkMode, Subnet
from hosted_plugins.network.bridge import HEARING_DEADLINE, PROOF_DEADLINE, make_bridge
from hosted_plugins.network.handover import GatewayLost
from hosted_setup.adapters.netlink_network import NetlinkNetwork
from hosted_setup.adapters.system_clock import SystemClock
from hosted_setup.model.values import VmName
from hosted_setup.testing.world import World
from tests.lab.laboratory import Laboratory
from tests.lab.wire import GATEWAY4, GATEWAY6, HOST4, HOST6, Machine, Wire
from tests.system.guest import GOOD, Guest
from tests.system.installer import FQDN, Site
from tests.system.test_deploy import conf
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosted_setup.pipeline.undo import Undo

HOST: Final = "host1.example.test"
MAC, ENGINE4, ENGINE6 = "00:16:3e:00:00:05", "192.0.2.20", "2001:db8::20"
ANSWERS: Final = {
    "HOSTED_ENGINE/networkMode": "str:bridge",
    "OVEHOSTED_NETWORK/host_name": f"str:{HOST}",
    "OVEHOSTED_NETWORK/fqdnReverseValidation": "bool:True",
    "OVEHOSTED_NETWORK/network_test": "str:ping",
    "OVEHOSTED_VM/vmMACAddr": f"str:{MAC}",
}
INTERFACES: Final = f"auto n0\niface n0 inet static\n    address {HOST4}/24\n    gateway {GATEWAY4}\n"
RUN: Final = "20260102030405-abcdef"
DEADLINE: Final = 3.0
CHOICE: Final = NetworkChoice(mode=NetworkMode.BRIDGE, bridge=LinkName("ovirtmgmt"))
NETWORK: Final = NetworkAnswers(
    name=VmName("hosted-engine"), subnet=Subnet("192.168.222.0/24"), nic=LinkName("n0"), gateway=None
)
LOOKS: Final = (
    "-json -details link", "-json address", "-json route show table all", "-json -6 route show table all",
    "-json rule", "-json -6 rule",
)  # fmt: skip
PASSING: Final = frozenset({"valid_life_time", "preferred_life_time", "expires"})
"""What changes by itself with the time."""


@contextmanager
def office(lab: Laboratory) -> Iterator[Wire]:
    """Wire the laboratory to a gateway that serves addresses and names; let it look names up there."""
    with Wire(host=Machine(Path(f"/proc/{lab.pid}/ns/net"))) as wire:
        server = wire.gateway.start(
            [
                "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
                "--pid-file=", "--interface=gw", "--bind-interfaces", "--dhcp-authoritative",
                f"--dhcp-leasefile={lab.root / 'leases'}", "--dhcp-range=192.0.2.50,192.0.2.60,1h",
                f"--dhcp-host={MAC},{ENGINE4}", f"--host-record={FQDN},{ENGINE4},{ENGINE6}",
                f"--host-record={HOST},{HOST4},{HOST6}", "--local=/example.test/", "--local=/in-addr.arpa/",
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        lab.run(["sh", "-c", f"echo nameserver {GATEWAY4} > /etc/resolv.conf"], check=True)
        try:
            yield wire
        finally:
            server.kill()
            server.wait()


def picture(host: Machine, root: Path) -> dict[str, Any]:
    """Give all that a deploy could change: links, addresses, routes, rules, the NIC's settings, files below root."""
    found: dict[str, Any] = {look: [_lasting(one) for one in json.loads(host.ip(look))] for look in LOOKS}
    with host.inside():
        settings = [path for version in "46" for path in Path(f"/proc/sys/net/ipv{version}/conf/n0").iterdir()]
        found |= {str(path): path.read_text() for path in settings if path.name != "stable_secret"}
    return found | {str(path): path.read_bytes() for path in (root / "etc").rglob("*") if path.is_file()}


def _lasting(item: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(item, dict):
        return {name: _lasting(one) for name, one in item.items() if name not in PASSING}
    return [_lasting(one) for one in item] if isinstance(item, list) else item


@pytest.mark.system
@pytest.mark.timeout(1800)
def test_the_engine_vm_is_on_the_bridge_and_cleanup_gives_everything_back(cache: Path) -> None:
    with Laboratory() as lab, office(lab) as wire:
        site = Site.make(lab, "br", cache / "engine.ova", None, ANSWERS)
        interfaces = site.root / "etc/network/interfaces"
        interfaces.parent.mkdir(parents=True)
        interfaces.write_text(INTERFACES)
        before, files = picture(wire.host, site.root), inventory(lab, site.root, site.storage)
        with wire.talking() as connections_go_on:
            done = site.run(*site.deploy_words(), within=1200)
            assert done.code == 0, done.text
            assert f"n0 is a port of ovirtmgmt; {GATEWAY4} and {GATEWAY6} answered over it" in done.text
            assert f"{FQDN} → {ENGINE6} → beside n0" in done.text
            assert f"{HOST} → {HOST6} → n0 of this host" in done.text
            assert f"Address:           {ENGINE4}\n" in done.text
            assert connections_go_on()
            ports = json.loads(wire.host.ip("-json link show master ovirtmgmt"))
            assert sorted(port["ifname"].rstrip("0123456789") for port in ports) == ["n", "vnet"]
            assert json.loads(wire.host.ip("-json address show dev n0"))[0]["addr_info"] == []
            assert "iface ovirtmgmt inet static" in interfaces.read_text()
            engine = conf(site.paths.etc / "hosted-engine.conf")
            assert (engine["bridge"], engine["gateway"], engine["network_test"]) == ("ovirtmgmt", GATEWAY4, "ping")
            guest = Guest(lab, ENGINE4, site.paths.etc / "ca.pem")
            assert GOOD in guest.health()
            assert [host["address"] for host in guest.listing("hosts")["hosts"]] == [HOST]
            with wire.gateway.inside():  # others reach it as well
                socket.create_connection((ENGINE4, 443), 10).close()
            removed = site.run("cleanup", "--yes")
            assert removed.code == 0, removed.text
            assert connections_go_on()
            assert picture(wire.host, site.root) == before
            assert inventory(lab, site.root, site.storage) == files


class CutsTheWire:
    """An undo log in whose eyes the gateway dies once the way back is recorded, before the bridge is made."""

    def __init__(self, wire: Wire) -> None:
        """Mean this wire."""
        self.wire = wire
        self.kept: list[Undo] = []

    def before(self, undo: Undo) -> None:
        """Cut it."""
        self.kept.append(undo)
        self.wire.cut()


@pytest.mark.system
def test_a_gateway_that_is_lost_over_the_bridge_is_noticed_within_the_deadline(tmp_path: Path) -> None:
    with Wire() as wire, wire.host.inside():
        pretended = World.make(tmp_path / "world").host(RUN, timeout_factor=DEADLINE / PROOF_DEADLINE)
        host = replace(pretended, network=NetlinkNetwork(), clock=SystemClock())
        host.run_dir.mkdir(parents=True)
        before, undo = picture(wire.host, host.paths.root), CutsTheWire(wire)
        begun = time.monotonic()
        with pytest.raises(GatewayLost, match=f"no answer within {DEADLINE:g} s") as lost:
            make_bridge(CHOICE, NETWORK, host, undo)
        assert time.monotonic() - begun < 3 * (DEADLINE + HEARING_DEADLINE)
        assert lost.value.code == "HE-GATEWAY-LOST"
        assert picture(wire.host, host.paths.root) == before
        for one in reversed(undo.kept):
            one.apply(host)
        assert picture(wire.host, host.paths.root) == before
