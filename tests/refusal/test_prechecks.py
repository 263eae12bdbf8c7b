"""`deploy --precheck` on hosts where something is wrong: each has its own code, and nothing at all is left behind.

On pretended ports: what is told is the real program's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy.work import plan_of
from hosted_setup.model import secret
from hosted_setup.pipeline.plan import checks_of
from hosted_setup.registry import Registry
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program
from tests.refusal.told import Refusal, assert_well_told
from tests.unit.domain import test_archive_refusals, test_ova_refusals
from tests.unit.domain.builders import backup, members, qcow2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


BAD: Final[dict[str, Case]] = {
    "an engine is deployed": Case("HE-DEPLOYED", deed=_deployed),
    "a program is missing": Case("HE-PROGRAM-MISSING", {"programs": ["openssl", "setpriv"]}),
    "qemu is old": Case("HE-PROGRAM-OLD", {"versions": {"qemu-img": (4, 2, 1)}}),
    "libvirt is down": Case("HE-LIBVIRT-DOWN", {"libvirt_down": True}),
    "too little memory": Case("HE-MEMORY", {"memory_mib": 2048}),
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
    "the storage is not understood": Case(
        "HE-STORAGE-CONNECTION", answers={CONNECTION: "str:srv/engine"}, exit_code=2
    ),
    "the archive is not there": Case("HE-ARCHIVE-UNREADABLE", deed=lambda program: program.inputs.archive.unlink()),
    "the archive is newer": Case("HE-VERSION-NEWER", deed=_of_version("4.5.7")),
    "the archive is of another line": Case("HE-VERSION-PAIR", deed=_of_version("4.2.8")),
    "the appliance's description is bad": Case("HE-APPLIANCE-CONF", deed=_described_badly),
    "the appliance is larger than the disk": Case(
        "HE-DISK-SMALL", {"free_bytes": 1 << 40}, {"OVEHOSTED_STORAGE__imgSizeGB": "int:25"}, _large_appliance
    ),
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
WARNED: Final[dict[str, Case]] = {
    "cpu-virtualisation": Case("HE-CPU-VIRT", {"without_kvm": "there is no /dev/kvm"}),
    "time-synchronisation": Case("HE-CLOCK", {"clock_synchronised": False}),
    "other-hypervisors": Case("HE-OTHER-HYPERVISOR", {"processes": ("systemd", "vdsmd")}),
    "firewall": Case("HE-FIREWALL", {"dropping": ("inet filter input input",)}),
    "storage-growth": Case("HE-STORAGE-GROWTH", {"free_bytes": 5 << 30}),
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


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_environment(program: Program, name: str) -> None:
    case = BAD[name]
    before = _made(program, case)
    done = program.restore("--precheck", *case.options)
    refusal = Refusal(done.code, done.out)
    assert (refusal.exit_code, set(refusal.codes)) == (case.exit_code, {case.code}), done.out
    assert program.world.inventory() == before
    for told in refusal.told:
        assert_well_told(told)


def test_there_are_many() -> None:
    assert len({case.code for case in (*BAD.values(), *WARNED.values())}) >= 30


@pytest.mark.parametrize("check", WARNED)
def test_a_warning_stops_nothing_and_can_be_ignored(program: Program, check: str) -> None:
    case = WARNED[check]
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


def test_a_deploy_does_not_start_with_a_check_ignored_that_there_is_not(program: Program) -> None:
    done = program.restore("--ignore-check=clock")
    assert (done.code, Refusal(done.code, done.out).codes) == (2, ["HE-CHECK-UNKNOWN"])


def test_everything_is_told_at_once(program: Program) -> None:
    program.world.behaviour.memory_mib = 2048
    program.world.behaviour.clock_synchronised = False
    program.answer(**{CONNECTION: "str:/nowhere/at/all"})
    program.inputs.archive.unlink()
    done = program.restore("--precheck")
    refusal = Refusal(done.code, done.out)
    assert set(refusal.codes) == {"HE-ARCHIVE-UNREADABLE"}, done.out
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
