"""A deploy on the management bridge, on a pretended host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from defusedxml.ElementTree import fromstring

from hosted_plugins.network.nics import suitable
from hosted_setup.ports.network import Address, Link, NetworkFacts
from hosted_setup.testing.network import FACTS, GATEWAY, NIC
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.state import Domain, load_all

if TYPE_CHECKING:
    from tests.flow.program import Done, Program

DONE, FAILED, USAGE, REFUSED, UNFINISHED = 0, 1, 2, 3, 4
OTHER: Final = Link(5, "eno2", "52:54:00:00:00:05", up=True, carrier=True, addresses=(Address("203.0.113.9", 24),))
THEIRS: Final = replace(NIC, index=9, name="ovirtmgmt", kind="bridge")
PORT: Final = replace(NIC, master="ovirtmgmt", addresses=())
BRIDGED: Final = replace(
    FACTS, links=(FACTS.links[0], PORT, THEIRS), routes=tuple(replace(one, device="ovirtmgmt") for one in FACTS.routes)
)
INTERFACES: Final = "auto eno1\niface eno1 inet static\n    address 192.0.2.10/24\n    gateway 192.0.2.1\n"
NIC_QUESTION: Final = "NIC for the management bridge"
MODE: Final = {"HOSTED_ENGINE__networkMode": "str:bridge"}


@pytest.fixture
def interfaces(program: Program) -> Path:
    """Let ifupdown run the NIC."""
    path = program.world.paths.root / "etc/network/interfaces"
    path.parent.mkdir(parents=True)
    path.write_text(INTERFACES)
    program.answer(**MODE)
    return path


def link(program: Program, name: str) -> Link | None:
    return program.world.network.facts().link(name)


def picture(program: Program) -> dict[str, str]:
    return portrait(program.world, {program.inputs.folder: "<inputs>"})


def pretend(program: Program, facts: NetworkFacts) -> None:
    program.world.network.change(facts)


def refused(program: Program, code: str, **answers: str) -> Done:
    """Deploy; it is refused, and nothing is changed."""
    program.answer(**MODE, **answers)
    before = picture(program)
    done = program.deploy()
    assert (done.code, code in done.out) == (REFUSED, True), done.out
    assert changes(before, picture(program)) == {}
    return done


def test_the_engine_vm_is_on_the_bridge(program: Program, interfaces: Path) -> None:
    done = program.deploy()
    assert done.code == DONE, done.out
    bridge, nic = link(program, "ovirtmgmt"), link(program, "eno1")
    assert bridge is not None
    assert nic is not None
    assert (bridge.addresses, nic.addresses, nic.master) == (NIC.addresses, (), "ovirtmgmt")
    (domain,) = load_all(program.world.hypervisor.domains, Domain)
    interface = fromstring(domain.xml).find("devices/interface")
    assert interface is not None
    assert interface.get("type") == "bridge"
    assert [source.attrib for source in interface.iterfind("source")] == [{"bridge": "ovirtmgmt"}]
    assert list(program.world.hypervisor.networks.glob("*")) == []
    assert f"eno1 is a port of ovirtmgmt; {GATEWAY} answered over it" in done.out
    assert NIC_QUESTION in done.out
    assert "Address:           192.0.2.77\n" in done.out  # as the guest reports it
    assert domain.entities[2]["address"] == "192.0.2.10", domain.entities  # this host's
    text = interfaces.read_text()
    assert "iface eno1 inet manual" in text
    assert "iface ovirtmgmt inet static" in text
    assert "bridge=ovirtmgmt" in (program.world.paths.etc / "hosted-engine.conf").read_text()
    (kept,) = interfaces.parent.glob(".interfaces.before-*")
    assert kept.read_text() == INTERFACES


def test_a_cleanup_gives_everything_back(program: Program, interfaces: Path) -> None:
    before = picture(program)
    assert program.deploy().code == DONE
    assert changes(before, picture(program)) != {}
    done = program("cleanup", "--yes")
    assert done.code == DONE, done.out
    assert changes(before, picture(program)) == {}
    assert program.world.network.facts() == FACTS
    assert interfaces.read_text() == INTERFACES


def unmark(program: Program) -> None:
    """Let the bridge be as it is after a reboot: made by the files, without the run's mark."""
    facts = program.world.network.facts()
    pretend(program, replace(facts, links=tuple(replace(one, alias="") for one in facts.links)))


def test_a_cleanup_after_a_reboot_gives_everything_back(program: Program, interfaces: Path) -> None:
    before = picture(program)
    assert program.deploy().code == DONE
    unmark(program)
    assert program("cleanup", "--yes").code == DONE
    assert changes(before, picture(program)) == {}
    assert program.world.network.facts() == FACTS
    assert interfaces.read_text() == INTERFACES


def test_a_bridge_that_somebody_elses_files_make_stays(program: Program, interfaces: Path) -> None:
    assert program.deploy().code == DONE
    unmark(program)
    interfaces.write_text(f"{interfaces.read_text()}# mine now\n")
    assert program("cleanup", "--yes").code == DONE
    assert link(program, "ovirtmgmt") is not None
    assert "# mine now" in interfaces.read_text()


def test_a_network_that_nothing_known_runs_is_told(program: Program) -> None:
    program.answer(**MODE)
    done = program.deploy()
    assert done.code == DONE, done.out
    assert "ovirtmgmt is gone after a reboot" in done.out


@pytest.mark.parametrize(
    "nic",
    [
        replace(NIC, kind="bond", bond_mode="active-backup", name="bond0"),
        replace(NIC, kind="vlan", parent="eno1", vlan_id=100, name="eno1.100"),
    ],
    ids=lambda nic: nic.kind,
)
def test_a_network_whose_manager_keeps_no_file_is_told(program: Program, nic: Link) -> None:
    device = program.world.paths.root / f"run/NetworkManager/devices/{NIC.index}"
    device.parent.mkdir(parents=True)
    device.write_text("[device]\nmanaged=true\nconnection-uuid=0-0\n")
    pretend(
        program,
        replace(
            FACTS,
            links=(FACTS.links[0], nic),
            routes=tuple(replace(one, device=nic.name) for one in FACTS.routes),
        ),
    )
    program.answer(**MODE)
    done = program.deploy()
    assert done.code == DONE, done.out
    assert link(program, "ovirtmgmt") is not None
    assert "ovirtmgmt is gone after a reboot: NetworkManager runs it without a file, so make it permanent" in done.out


def test_a_bridge_that_is_there_is_used_and_stays(program: Program) -> None:
    pretend(program, BRIDGED)
    program.answer(**MODE)
    done = program.deploy()
    assert done.code == DONE, done.out
    assert "The bridge ovirtmgmt is there: it is used as it is" in done.out
    assert NIC_QUESTION not in done.out
    assert program("cleanup", "--yes").code == DONE
    assert link(program, "ovirtmgmt") == THEIRS
    assert link(program, "eno1") == PORT


def test_a_gateway_that_is_lost_over_the_bridge(program: Program, interfaces: Path) -> None:
    before = picture(program)
    program.world.behaviour.mute_on["bridge"] = (GATEWAY,)
    done = program.deploy()
    assert (done.code, "HE-GATEWAY-LOST" in done.out) == (UNFINISHED, True), done.out
    assert "no answer within 15 s" in done.out
    assert program.world.network.facts() == FACTS
    assert interfaces.read_text() == INTERFACES
    del program.world.behaviour.mute_on["bridge"]
    assert program("deploy", "--abort").code == DONE
    assert changes(before, picture(program)) == {}


def test_a_gateway_that_is_mute_before_the_change(program: Program) -> None:
    program.world.behaviour.mute_on["*"] = (GATEWAY,)
    assert GATEWAY in refused(program, "HE-GATEWAY-MUTE").out


def test_a_gateway_of_the_operators_choice(program: Program) -> None:
    program.world.behaviour.mute_on["*"] = (GATEWAY,)
    program.world.behaviour.neighbours = ("192.0.2.9",)
    program.answer(**MODE, OVEHOSTED_NETWORK__gateway="str:192.0.2.9")
    done = program.deploy()
    assert "eno1 is a port of ovirtmgmt; 192.0.2.9 answered over it" in done.out


def test_a_nic_without_a_default_route_needs_a_gateway(program: Program) -> None:
    pretend(program, replace(FACTS, links=(*FACTS.links, OTHER)))
    done = refused(program, "HE-GATEWAY-MUTE", OVEHOSTED_NETWORK__bridgeIf="str:eno2")
    assert "no default route goes through eno2" in done.out
    program.world.behaviour.neighbours = ("203.0.113.1",)
    program.answer(
        **MODE, OVEHOSTED_NETWORK__bridgeIf="str:eno2", OVEHOSTED_NETWORK__gateway="str:203.0.113.1",
        OVEHOSTED_NETWORK__host_name="str:203.0.113.9",
    )  # fmt: skip
    assert program.deploy().code == DONE
    assert link(program, "eno1") == NIC


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("eno9", "'eno9' is not one of: eno1"),
        ("eno2", "eno2 cannot be chosen: it is not active"),
        ("lo", "'lo' is not one of: eno1"),
    ],
)
def test_a_nic_that_cannot_be_chosen(program: Program, name: str, reason: str) -> None:
    pretend(program, replace(FACTS, links=(*FACTS.links, replace(OTHER, carrier=False))))
    program.answer(**MODE, OVEHOSTED_NETWORK__bridgeIf=f"str:{name}")
    before = picture(program)
    done = program.deploy()
    assert (done.code, "HE-ANSWERS-VALUE" in done.out) == (USAGE, True), done.out
    assert reason in done.out
    assert changes(before, picture(program)) == {}


def test_the_nic_of_a_bridge_that_is_there(program: Program) -> None:
    pretend(program, BRIDGED)
    program.answer(**MODE, OVEHOSTED_NETWORK__bridgeIf="str:eno1")
    done = program.deploy()
    assert done.code == DONE, done.out
    assert "The bridge ovirtmgmt is there: it is used as it is" in done.out


def test_another_nic_is_not_taken_unasked(program: Program) -> None:
    down = replace(NIC, carrier=False)
    pretend(program, replace(FACTS, links=(FACTS.links[0], down, OTHER)))
    assert "it is not active" in refused(program, "HE-NIC").out


def test_no_nic_at_all(program: Program) -> None:
    pretend(program, NetworkFacts((FACTS.links[0],)))
    assert "no interface was chosen, and there is no default route" in refused(program, "HE-NIC").out


def test_a_default_route_through_a_link_that_is_gone(program: Program) -> None:
    pretend(program, replace(FACTS, links=FACTS.links[:1]))
    assert "there is no such interface" in refused(program, "HE-NIC").out


def test_a_route_through_several_nics(program: Program) -> None:
    several = replace(FACTS.routes[1], destination="198.51.100.0/24", device="", nexthops=("eno1", "eno2"))
    pretend(program, replace(FACTS, routes=(*FACTS.routes, several)))
    assert "a route goes through several interfaces" in refused(program, "HE-NIC").out


def test_a_rule_that_names_the_nic(program: Program) -> None:
    pretend(program, replace(FACTS, ruled=("eno1",)))
    assert "iif or oif eno1" in refused(program, "HE-NIC-RULE").out


def test_a_link_of_that_name_that_is_no_bridge(program: Program) -> None:
    refused(program, "HE-BRIDGE-NAME", OVEHOSTED_NETWORK__bridgeName="str:eno1")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, ""),
        ({"kind": "veth"}, ""),
        ({"loopback": True}, "it is the loopback interface"),
        ({"kind": "bridge"}, "it is a bridge"),
        ({"kind": "team"}, "it is a team"),
        ({"master": "bond0"}, "it is part of bond0"),
        ({"carrier": False}, "it is not active"),
        ({"addresses": NIC.addresses[1:]}, "it has no address"),
        ({"kind": "bond", "name": "bond0", "bond_mode": "802.3ad"}, ""),
        ({"kind": "bond", "name": "bond0", "bond_mode": "balance-rr"}, "its bond mode is balance-rr, not one of "),
        ({"kind": "bond", "name": "uplink", "bond_mode": "broadcast"}, "a bond has to be called bond and a number"),
        ({"kind": "vlan", "name": "eno1.7", "parent": "eno1", "vlan_id": 7}, ""),
        ({"kind": "vlan", "name": "vlan7", "parent": "eno1", "vlan_id": 7}, "a VLAN has to be called eno1.7"),
    ],
)
def test_which_nics_are_suitable(changed: dict[str, object], reason: str) -> None:
    found = suitable(replace(NIC, **changed))  # type: ignore[arg-type]
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


@pytest.mark.parametrize("key", ["bridgeIf", "bridgeName"])
@pytest.mark.parametrize("name", ["a name", "..", "sixteen-letters-x", "a/b", "a;b"])
def test_names_no_link_can_have(program: Program, key: str, name: str) -> None:
    program.answer(**MODE, **{f"OVEHOSTED_NETWORK__{key}": f"str:{name}"})
    done = program.deploy()
    assert done.code == 2, done.out
    assert f"OVEHOSTED_NETWORK/{key}" in done.out
