"""Long for its tables: `deploy --precheck` on wrong hosts. Each has its own code, and nothing is left behind.

On pretended ports: what is told is the real program's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy.work import plan_of
from hosted_setup.model import secret
from hosted_setup.pipeline import precheck
from hosted_setup.pipeline.plan import checks_of
from hosted_setup.ports.mounts import FileSystem
from hosted_setup.ports.network import Address
from hosted_setup.registry import Registry
from hosted_setup.testing.behaviour import Behaviour
from hosted_setup.testing.luns import FakeLuns
from hosted_setup.testing.network import FACTS, NIC
from hosted_setup.testing.trees import export_file
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program
from tests.refusal.told import Refusal, assert_well_told
from tests.unit.domain import test_archive_refusals, test_ova_refusals
from tests.unit.domain.builders import backup, members, qcow2
from tests.unit.domain.dumps import dump

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BRIDGE: Final = {"HOSTED_ENGINE__networkMode": "str:bridge"}
ENGINE, HOST = "engine.example.com", "host1.example.org"
NAMES: Final = Behaviour().names
CONNECTION: Final = "OVEHOSTED_STORAGE__storageDomainConnection"
REGISTRY: Final = Registry((*COMMANDS, *FEATURES), third_parties=False)


@dataclass(frozen=True)
class Case:
    """What is wrong: how the world behaves, what is answered, what is done to it; and what is told."""

    code: str
    behaviour: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    deed: Callable[[Program], object] = lambda _: None
    options: tuple[str, ...] = ()
    exit_code: int = 3


def _archive(case: str) -> Callable[[Program], object]:
    return lambda program: program.inputs.archive.write_bytes(test_archive_refusals.BAD[case][1]())


def _appliance(case: str) -> Callable[[Program], object]:
    return lambda program: program.inputs.appliance.write_bytes(test_ova_refusals.BAD[case][1]())


def _of_version(version: str) -> Callable[[Program], object]:
    def write(program: Program) -> None:
        program.inputs.archive.write_bytes(backup(members(version=f"{version}\n".encode())))
        conf = program.inputs.folder / "engine-appliance.conf"
        conf.write_text(f"version=4.5.6\npath={program.inputs.appliance.name}\n")

    return write


def _deployed(program: Program) -> None:
    program.world.paths.etc.mkdir(parents=True)
    (program.world.paths.etc / "hosted-engine.conf").write_text("fqdn=engine.example.com\n")


def _described_badly(program: Program) -> None:
    conf = program.inputs.folder / "engine-appliance.conf"
    conf.write_text(f"version=newest\npath={program.inputs.appliance.name}\n")


def _large_appliance(program: Program) -> None:
    program.inputs.appliance.write_bytes(qcow2(size=30 << 30, l1=60))


def _taken_network(program: Program) -> None:
    program.world.hypervisor.define_network(
        "<network><name>hosted-engine</name><uuid>0d4a8c0e-4f3f-4f0e-8f5f-0c8f7d1c3a11</uuid></network>"
    )


def _bridged(case: Case) -> Case:
    return replace(case, answers=BRIDGE | case.answers)


def _mounted(program: Program) -> None:
    """Have a storage domain's export mounted as vdsm does, of which the operator tells nothing."""
    export_file(program.world.exports, "nas.example.com", "/engine").mkdir(parents=True)
    point = program.world.paths.mounts / "nas.example.com:_engine"
    point.mkdir(parents=True)
    program.world.host("20260102030405-abcdef").mounts.mount(FileSystem("nfs", "nas.example.com:/engine"), point)


def _the_old_engine_s(program: Program) -> None:
    """Have the export that the backup's engine had its storage domain on, with nothing in it."""
    export_file(program.world.exports, "nas.example.com", "/exports/engine").mkdir(parents=True)
    program.inputs.back_up(db__engine_backup=dump())


BAD: Final[dict[str, Case]] = {
    "an engine is deployed": Case("HE-DEPLOYED", deed=_deployed),
    "a program is missing": Case("HE-PROGRAM-MISSING", {"programs": ["openssl", "setpriv", "dnsmasq", "iptables"]}),
    "a program of the NAT network is missing": Case(
        "HE-PROGRAM-MISSING", {"programs": ["qemu-img", "openssl", "setpriv", "iptables"]}
    ),
    "libvirt is old": Case("HE-PROGRAM-OLD", {"libvirt_version": 6_010_000}),
    "qemu is old": Case("HE-PROGRAM-OLD", {"versions": {"qemu-img": (4, 2, 1)}}),
    "libvirt is down": Case("HE-LIBVIRT-DOWN", {"libvirt_down": True}),
    "too little memory": Case("HE-MEMORY", {"memory_mib": 2048}, {"OVEHOSTED_VM__vmMemSizeMB": "int:4096"}),
    "too few CPUs": Case("HE-CPUS", {"cpus": 2}, {"OVEHOSTED_VM__vmVCpus": "int:4"}),
    "no guest runs": Case("HE-VIRT", {"proofs": {"qemu": None, "kvm": None}}),
    "KVM is insisted on": Case(
        "HE-VIRT-KVM", {"proofs": {"qemu": 1.0, "kvm": None}}, {"HOSTED_ENGINE__virtType": "str:kvm"}
    ),
    "the network's name is taken": Case("HE-NAME-TAKEN", deed=_taken_network),
    "the subnet is taken": Case(
        "HE-SUBNET-TAKEN", {"routes": ("10.9.0.0/16",)}, {"HOSTED_ENGINE__natSubnet": "str:10.9.8.0/24"}
    ),
    "the storage is not there": Case("HE-STORAGE-MISSING", answers={CONNECTION: "str:/nowhere/at/all"}),
    "the storage is full": Case("HE-STORAGE-SPACE", {"free_bytes": 1 << 20}),
    "the archive is not there": Case("HE-ARCHIVE-UNREADABLE", deed=lambda program: program.inputs.archive.unlink()),
    "the archive is newer": Case("HE-VERSION-NEWER", deed=_of_version("4.5.7")),
    "the archive is of another line": Case("HE-VERSION-PAIR", deed=_of_version("4.2.8")),
    "the appliance's description is bad": Case("HE-APPLIANCE-CONF", deed=_described_badly),
    "the appliance is larger than the disk": Case(
        "HE-DISK-SMALL", {"free_bytes": 1 << 40}, {"OVEHOSTED_STORAGE__imgSizeGB": "int:25"}, _large_appliance
    ),
    "the engine has the host's name": Case("HE-NAME-SAME", answers={"OVEHOSTED_NETWORK__fqdn": f"str:{HOST}"}),
    "an answer is missing": Case(
        "HE-ANSWERS-MISSING", answers={CONNECTION: ""}, exit_code=2
    ),
    "an answer is refused": Case("HE-ANSWERS-VALUE", answers={"OVEHOSTED_VM__vmVCpus": "int:0"}, exit_code=2),
    "an answer is unknown": Case("HE-ANSWERS-KEY", answers={"OVEHOSTED_VM__vmCpus": "int:1"}, exit_code=2),
    "a check is unknown": Case("HE-CHECK-UNKNOWN", options=("--ignore-check=memry",), exit_code=2),
    "a blocking check is ignored": Case("HE-CHECK-BLOCKING", options=("--ignore-check=memory",), exit_code=2),
    **{
        f"the archive: {case}": Case(test_archive_refusals.BAD[case][0], deed=_archive(case))
        for case in ("no tar", "content changed", "no list", "unlisted", "climbing", "symbolic link", "twice")
    },
    **{
        f"the appliance: {case}": Case(test_ova_refusals.BAD[case][0], deed=_appliance(case))
        for case in ("text", "vmdk", "backing file", "encrypted", "no ovf", "link", "cut in the disk", "ovf changed")
    },
}  # fmt: skip


def _facts(**changes: Any) -> Callable[[Program], object]:  # noqa: ANN401 - of several types
    return lambda program: program.world.network.change(replace(FACTS, **changes))


def _nic(**changes: Any) -> Callable[[Program], object]:  # noqa: ANN401 - of several types
    return _facts(links=(FACTS.links[0], replace(NIC, **changes)))


def _interfaces(text: str) -> Callable[[Program], object]:
    """Let ifupdown run the NIC."""

    def write(program: Program) -> None:
        path = program.world.paths.root / "etc/network/interfaces"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    return write


OTHER: Final = replace(NIC, index=5, name="eno2", mac="52:54:00:00:00:05", addresses=(Address("203.0.113.9", 24),))


def _bridge(**changes: Any) -> Callable[[Program], object]:  # noqa: ANN401 - of several types
    """Let the bridge be there."""
    theirs = replace(NIC, index=9, name="ovirtmgmt", kind="bridge", **changes)
    routes = tuple(replace(one, device="ovirtmgmt") for one in FACTS.routes)
    return _facts(links=(FACTS.links[0], replace(NIC, master="ovirtmgmt", addresses=()), theirs), routes=routes)


ON_BRIDGE: Final[dict[str, Case]] = {
    "the engine's name has no address": Case("HE-ENGINE-NAME", {"names": {HOST: ("192.0.2.10",)}}),
    "the engine's name has no IPv6 address": Case(
        "HE-ENGINE-FAMILY", {"names": {**NAMES, HOST: ("2001:db8::10",)}}, options=("--6",),
        deed=_nic(addresses=(Address("2001:db8::10", 64),)),
    ),
    "the engine's name leads here": Case("HE-ENGINE-HERE", {"names": {**NAMES, ENGINE: ("192.0.2.10",)}}),
    "the host's name has no address": Case("HE-HOST-NAME", {"names": {ENGINE: ("192.0.2.20",)}}),
    "the host's name leads elsewhere": Case("HE-HOST-ADDRESS", {"names": {**NAMES, HOST: ("192.0.2.99",)}}),
    "the host's name leads to loopback": Case("HE-HOST-ADDRESS", {"names": {**NAMES, HOST: ("127.0.0.1",)}}),
    "the host's name leads to another of its networks": Case(
        "HE-HOST-ADDRESS", {"names": {**NAMES, HOST: ("203.0.113.9",)}}, deed=_facts(links=(*FACTS.links, OTHER))
    ),
    "the host's answered name leads elsewhere": Case(
        "HE-HOST-ADDRESS", {"names": {**NAMES, "mgmt.example.org": ("192.0.2.99",)}},
        {"OVEHOSTED_NETWORK__host_name": "str:mgmt.example.org"},
    ),
    "the host's answered name has no address": Case(
        "HE-HOST-NAME", answers={"OVEHOSTED_NETWORK__host_name": "str:mgmt.example.org"}
    ),
    "the host's answered address is on another network": Case(
        "HE-HOST-ADDRESS", answers={"OVEHOSTED_NETWORK__host_name": "str:203.0.113.9"},
        deed=_facts(links=(*FACTS.links, OTHER)),
    ),
    "the engine's address has no name": Case(
        "HE-REVERSE", {"reverse": {"192.0.2.20": ()}}, {"OVEHOSTED_NETWORK__fqdnReverseValidation": "bool:True"}
    ),
    "the host's address has another name": Case(
        "HE-REVERSE", {"reverse": {"192.0.2.10": ("other.example.com",)}},
        {"OVEHOSTED_NETWORK__fqdnReverseValidation": "bool:True"},
    ),
    "a static address outside the network": Case(
        "HE-ANSWERS-VALUE", answers={"OVEHOSTED_VM__cloudinitVMStaticCIDR": "str:192.0.3.33/24"}, exit_code=2
    ),
    "a static address that is the network's own": Case(
        "HE-ANSWERS-VALUE", answers={"OVEHOSTED_VM__cloudinitVMStaticCIDR": "str:192.0.2.0/24"}, exit_code=2
    ),
    "a static address that is for all": Case(
        "HE-ANSWERS-VALUE", answers={"OVEHOSTED_VM__cloudinitVMStaticCIDR": "str:192.0.2.255/24"}, exit_code=2
    ),
    "a MAC address of many": Case(
        "HE-ANSWERS-VALUE", answers={"OVEHOSTED_VM__vmMACAddr": "str:01:00:5e:00:00:01"}, exit_code=2
    ),
    "names cannot be looked up": Case("HE-RESOLVER", {"resolver_down": True}),
    "a name server is mute": Case("HE-DNS", {"at_fault": {"192.0.2.53": "The DNS operation timed out."}}),
    "there is no name server": Case("HE-DNS-NONE", deed=_facts(nameservers=())),
    "the gateway lets no ping through": Case(
        "HE-PING", {"at_fault": {"ping 192.0.2.1": "no reply within 3 s"}},
        {"OVEHOSTED_NETWORK__network_test": "str:ping"},
    ),
    "the TCP test fails": Case(
        "HE-TCP-TEST", {"at_fault": {"192.0.2.80:443": "Connection refused"}},
        {"OVEHOSTED_NETWORK__network_test": "str:tcp", "OVEHOSTED_NETWORK__network_test_tcp_address": "str:192.0.2.80",
         "OVEHOSTED_NETWORK__network_test_tcp_port": "int:443"},
    ),
    "the TCP test is not told where to": Case(
        "HE-ANSWERS-MISSING", answers={"OVEHOSTED_NETWORK__network_test": "str:tcp"}, exit_code=2
    ),
    "somebody has the engine's address": Case("HE-ADDRESS-TAKEN", {"neighbours": ("192.0.2.20",)}),
    "somebody has the engine's static address": Case(
        "HE-ADDRESS-TAKEN", {"neighbours": ("192.0.2.33",), "names": {**NAMES, ENGINE: ("192.0.2.33",)}},
        {"OVEHOSTED_VM__cloudinitVMStaticCIDR": "str:192.0.2.33/24"},
    ),
    "somebody has the engine's MAC address": Case(
        "HE-MAC-TAKEN", answers={"OVEHOSTED_VM__vmMACAddr": "str:52:54:00:00:00:01"}
    ),
    "the gateway is mute": Case("HE-GATEWAY-MUTE", {"mute_on": {"*": ("192.0.2.1",)}}),
    "the gateway is mute on the bridge that is there": Case(
        "HE-GATEWAY-MUTE", {"mute_on": {"bridge": ("192.0.2.1",)}}, deed=_bridge()
    ),
    "the bridge is down": Case("HE-BRIDGE-DOWN", deed=_bridge(up=False)),
    "the NIC is down": Case("HE-NIC", deed=_nic(carrier=False)),
    "a rule names the NIC": Case("HE-NIC-RULE", deed=_facts(ruled=("eno1",))),
    "the NIC's lease is from a client that nobody can tell of the bridge": Case(
        "HE-NIC-CONFIG", deed=_interfaces("auto eno1\niface eno1 inet dhcp\n")
    ),
    "the bond's mode is wrong": Case("HE-NIC", deed=_nic(kind="bond", bond_mode="balance-rr")),
    "the VLAN's name is wrong": Case("HE-NIC", deed=_nic(kind="vlan", parent="eno0", vlan_id=7)),
    "the bridge's name is taken": Case("HE-BRIDGE-NAME", answers={"OVEHOSTED_NETWORK__bridgeName": "str:eno1"}),
}  # fmt: skip
WARNED_ON_BRIDGE: Final[dict[str, Case]] = {
    "engine-reverse-name": Case("HE-REVERSE", {"reverse": {"192.0.2.20": ("other.example.com",)}}),
    "engine-static-address": Case(
        "HE-ENGINE-STATIC",
        {"free": ("192.0.2.20", "192.0.2.33")},
        {"OVEHOSTED_VM__cloudinitVMStaticCIDR": "str:192.0.2.33/24"},
    ),
    "engine-subnet": Case("HE-ENGINE-SUBNET", {"names": {**NAMES, ENGINE: ("198.51.100.20",)}}),
    "firewall": Case("HE-FIREWALL", {"dropping": ("ip filter FORWARD forward",), "modules": ("br_netfilter",)}),
}
WARNED: Final[dict[str, Case]] = {
    "cpu-virtualisation": Case("HE-CPU-VIRT", {"without_kvm": "there is no /dev/kvm"}),
    "time-synchronisation": Case("HE-CLOCK", {"clock_synchronised": False}),
    "other-hypervisors": Case("HE-OTHER-HYPERVISOR", {"processes": ("systemd", "vdsmd")}),
    "firewall": Case("HE-FIREWALL", {"dropping": ("inet filter input input",)}),
    "storage-growth": Case("HE-STORAGE-GROWTH", {"free_bytes": 5 << 30}),
    "storage-in-use": Case(
        "HE-STORAGE-MOUNTED",
        {"mounts": ("nfs",)},
        {"OVEHOSTED_STORAGE__domainType": "str:nfs", CONNECTION: "str:nas.example.com:/engine"},
        _mounted,
    ),
    "storage-of-the-old-engine": Case(
        "HE-STORAGE-OLD",
        answers={"OVEHOSTED_STORAGE__domainType": "str:nfs", CONNECTION: "str:nas.example.com:/exports/engine/"},
        deed=_the_old_engine_s,
    ),
    "storage-for-a-backup": Case(
        "HE-STORAGE-BACKUP", {"free_bytes": 26 << 30}, {"OVEHOSTED_STORAGE__imgSizeGB": "int:25"}
    ),
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(secret, "_known", set())
    return Program(World.make(tmp_path / "world"), Inputs.make(tmp_path / "inputs"), monkeypatch)


def _made(program: Program, case: Case) -> dict[str, str]:
    """Make the world wrong; give what there is in it then."""
    for name, value in case.behaviour.items():
        setattr(program.world.behaviour, name, value)
    program.answer(**case.answers)
    case.deed(program)
    return program.world.inventory()


@pytest.mark.parametrize("name", [*BAD, *ON_BRIDGE])
def test_a_wrong_environment(program: Program, name: str) -> None:
    case = BAD[name] if name in BAD else _bridged(ON_BRIDGE[name])
    before = _made(program, case)
    done = program.restore("--precheck", *case.options)
    refusal = Refusal(done.code, done.out)
    assert (refusal.exit_code, set(refusal.codes)) == (case.exit_code, {case.code}), done.out
    assert program.world.inventory() == before
    for told in refusal.told:
        assert_well_told(told)


def test_there_are_many() -> None:
    tables = (BAD, WARNED, ON_BRIDGE, WARNED_ON_BRIDGE)
    assert len({case.code for table in tables for case in table.values()}) >= 60


@pytest.mark.parametrize(
    ("check", "case"), [*WARNED.items(), *((name, _bridged(case)) for name, case in WARNED_ON_BRIDGE.items())]
)
def test_a_warning_stops_nothing_and_can_be_ignored(program: Program, check: str, case: Case) -> None:
    before = _made(program, case)
    done = program.restore("--precheck")
    refusal = Refusal(done.code, done.out)
    (told,) = refusal.warned
    assert (refusal.exit_code, refusal.codes, told.code) == (0, [], case.code), done.out
    assert f"--ignore-check={check} silences" in told.text("Else")
    assert_well_told(told)
    assert f"{check:<28}  WARNING" in done.out
    done = program.restore("--precheck", f"--ignore-check={check}")
    assert (done.code, Refusal(done.code, done.out).warned) == (0, []), done.out
    assert f"{check:<28}  ignored" in done.out
    assert program.world.inventory() == before


def test_a_warning_is_told_by_a_deploy_which_goes_on(program: Program) -> None:
    program.world.behaviour.clock_synchronised = False
    done = program.restore()
    assert done.code == 0
    assert [one.code for one in Refusal(done.code, done.out).warned] == ["HE-CLOCK"]
    assert done.out.index("HE-CLOCK") < done.out.index("CONFIGURATION PREVIEW")


def test_a_deploy_ignores_what_it_is_told_to(program: Program) -> None:
    program.world.behaviour.clock_synchronised = False
    done = program.restore("--ignore-check=time-synchronisation")
    assert (done.code, Refusal(done.code, done.out).warned) == (0, [])


def test_what_was_ignored_is_ignored_by_the_replay(program: Program) -> None:
    program.world.behaviour.clock_synchronised = False
    program.world.behaviour.processes = ("vdsmd",)
    names = ("time-synchronisation", "other-hypervisors")
    assert program.restore(*(f"--ignore-check={name}" for name in names)).code == 0
    (kept,) = (program.world.paths.state / "answers").glob("*.conf")
    assert f"HOSTED_ENGINE/ignoreChecks=str:{','.join(names)}\n" in kept.read_text()
    replayed = program.inputs.folder / "replayed.conf"
    replayed.write_text(kept.read_text())
    assert program("cleanup", "--yes").code == 0
    secrets = f"--secrets-file={program.inputs.secrets}"
    done = program("deploy", f"--restore-from-file={program.inputs.archive}", f"--config-append={replayed}", secrets)
    assert (done.code, Refusal(done.code, done.out).warned) == (0, []), done.out


@pytest.mark.parametrize(("name", "code"), [("clock", "HE-CHECK-UNKNOWN"), ("memory", "HE-CHECK-BLOCKING")])
def test_what_no_answer_can_have_ignored(program: Program, name: str, code: str) -> None:
    program.answer(HOSTED_ENGINE__ignoreChecks=f"str:firewall,{name}")
    for options in (("--precheck",), ()):
        done = program.restore(*options)
        refusal = Refusal(done.code, done.out)
        assert (done.code, refusal.codes) == (2, [code]), done.out
        assert f"HOSTED_ENGINE/ignoreChecks={name}" in refusal.told[0].text("Where")
        assert_well_told(refusal.told[0])


def test_a_deploy_does_not_start_with_a_check_ignored_that_there_is_not(program: Program) -> None:
    done = program.restore("--ignore-check=clock")
    assert (done.code, Refusal(done.code, done.out).codes) == (2, ["HE-CHECK-UNKNOWN"])


def test_a_good_bridge_passes_every_check(program: Program) -> None:
    program.answer(**BRIDGE)
    done = program.restore("--precheck")
    assert done.code == 0, done.out
    assert not Refusal(done.code, done.out).warned
    report = done.out[done.out.index("Checks:") :]
    assert [line.split()[0] for line in report.splitlines() if "does not apply" in line] == [
        "network-programs", "reverse-names", "nfs-latency", "glusterfs-latency", "iscsi-latency", "lun-latency"
    ]  # fmt: skip
    assert "not checked" not in report
    assert f"{ENGINE} → 192.0.2.20 → beside eno1" in done.out
    assert f"{HOST} → 192.0.2.10 → eno1 of this host" in done.out


def test_the_host_s_answered_name_is_not_the_engine_s(program: Program) -> None:
    program.answer(**BRIDGE, OVEHOSTED_NETWORK__host_name=f"str:{ENGINE}")
    done = program.restore("--precheck")
    assert set(Refusal(done.code, done.out).codes) == {"HE-NAME-SAME", "HE-HOST-ADDRESS"}


def test_the_host_is_looked_at_under_the_name_that_was_answered(program: Program) -> None:
    program.world.behaviour.names = {ENGINE: ("192.0.2.20",), "mgmt.example.org": ("192.0.2.10",)}
    program.answer(**BRIDGE, OVEHOSTED_NETWORK__host_name="str:mgmt.example.org")
    done = program.restore("--precheck")
    assert done.code == 0, done.out
    assert "mgmt.example.org → 192.0.2.10 → eno1 of this host" in done.out
    program.answer(**BRIDGE, OVEHOSTED_NETWORK__host_name="str:192.0.2.10")
    done = program.restore("--precheck")
    assert done.code == 0, done.out
    assert "192.0.2.10 → 192.0.2.10 → eno1 of this host" in done.out


def test_a_ping_and_names_both_ways(program: Program) -> None:
    reverse = {"OVEHOSTED_NETWORK__fqdnReverseValidation": "bool:True"}
    program.answer(**BRIDGE, **reverse, OVEHOSTED_NETWORK__network_test="str:ping")
    done = program.restore("--precheck")
    assert done.code == 0, done.out
    assert re.search(r"engine-reverse-name +does not apply", done.out)
    assert re.search(r"reverse-names +passed", done.out)
    assert re.search(r"network-test +passed", done.out)


def test_a_bridge_without_addresses_is_in_no_network(program: Program) -> None:
    theirs = replace(NIC, index=9, name="ovirtmgmt", kind="bridge", addresses=())
    program.world.network.change(replace(FACTS, links=(*FACTS.links, theirs)))
    program.answer(**BRIDGE)
    assert "ovirtmgmt is in no network" in program.restore("--precheck").out


def test_the_record_to_add_is_told(program: Program) -> None:
    _made(program, _bridged(ON_BRIDGE["the host's name has no address"]))
    program.answer(**BRIDGE)
    done = program.restore("--precheck")
    assert f"{HOST} → no address" in done.out
    assert f"{HOST}. IN A 192.0.2.10" in done.out
    assert f"192.0.2.10 {HOST}" in done.out
    program.world.behaviour.names = {**NAMES, ENGINE: ("198.51.100.20",)}
    program.world.behaviour.reverse = {"198.51.100.20": ()}
    done = program.restore("--precheck")
    assert f"{ENGINE} → 198.51.100.20 → beside no interface" in done.out
    assert f"20.100.51.198.in-addr.arpa. IN PTR {ENGINE}." in done.out


def test_both_families_are_looked_at_unless_one_is_chosen(program: Program) -> None:
    both = (Address("192.0.2.10", 24), Address("2001:db8::10", 64))
    program.world.network.change(replace(FACTS, links=(FACTS.links[0], replace(NIC, addresses=both))))
    program.world.behaviour.names = {HOST: ("192.0.2.10", "2001:db8::10"), ENGINE: ("192.0.2.20", "2001:db8::10")}
    program.answer(**BRIDGE)
    done = program.restore("--precheck")
    assert Refusal(done.code, done.out).codes == ["HE-ENGINE-HERE"]
    assert f"{ENGINE} → 192.0.2.20 → beside eno1" in done.out
    assert f"{ENGINE} → 2001:db8::10 → eno1 of this host" in done.out
    assert program.restore("--precheck", "--4").code == 0
    assert program.restore("--precheck", "--6").code == 3


def test_a_lun_that_hangs_holds_up_no_precheck(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = Event()
    monkeypatch.setattr(FakeLuns, "read", lambda *_: hung.wait(30))
    monkeypatch.setattr(precheck, "LOOKS", 0.0)
    program.on_fc()
    done = program.restore("--precheck")
    hung.set()
    (told,) = Refusal(done.code, done.out).told
    assert (told.code, told.text("What")) == ("HE-CHECK-DEADLINE", "Look at this host's LUNs: no answer within 1 s")
    assert_well_told(told)


def test_everything_is_told_at_once(program: Program) -> None:
    program.world.behaviour.memory_mib = 2048
    program.world.behaviour.clock_synchronised = False
    program.answer(**{CONNECTION: "str:/nowhere/at/all"})
    program.inputs.archive.unlink()
    done = program.restore("--precheck")
    refusal = Refusal(done.code, done.out)
    assert set(refusal.codes) == {"HE-ARCHIVE-UNREADABLE", "HE-STORAGE-MISSING"}, done.out
    assert [one.code for one in refusal.warned] == ["HE-CLOCK"]


def test_every_check_is_in_the_report(program: Program) -> None:
    done = program.restore("--precheck")
    labels = [one.label for one in checks_of(plan_of(REGISTRY))]
    lines = done.out[done.out.index("Checks:") :].splitlines()[1:]
    assert [line.split()[0] for line in lines if line.strip()][: len(labels)] == labels
    assert len(labels) == len(set(labels))


def test_an_unfinished_run_is_told_with_all_the_rest(program: Program) -> None:
    program.world.behaviour.pull_fails = True
    assert program.restore().code == 4
    before = program.world.inventory()
    done = program.restore("--precheck")
    refusal = Refusal(done.code, done.out)
    assert "HE-RUN-UNFINISHED" in refusal.codes
    assert "HE-NAME-TAKEN" in refusal.codes
    assert refusal.exit_code == 3
    assert program.world.inventory() == before
