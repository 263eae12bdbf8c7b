"""A second host joins an engine that lives on a LUN, or on a volume: what a directory and an export do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosted_plugins.additional_host.steps import SETTLED
from hosted_setup.model.values import MIB
from hosted_setup.testing.clock import FakeClock
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["on_fc", "on_iscsi", "on_gluster"])
def elsewhere(
    request: pytest.FixtureRequest, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> tuple[Program, Program]:
    """Give a host with an engine on storage of that kind, and one that has answered for the same storage."""
    getattr(program, request.param)()
    done = program.restore()
    assert done.code == 0, done.out
    (tmp_path / "second").mkdir()
    for name in ("devices", "luns", "exports", "gluster.json"):
        (tmp_path / "second" / name).symlink_to(program.world.root / name)
    second = Program(World.make(tmp_path / "second"), Inputs.make(tmp_path / "second-inputs"), monkeypatch)
    second.world.behaviour.chap.update(program.world.behaviour.chap)
    second.world.behaviour.mounts = program.world.behaviour.mounts
    second.world.save()
    second.inputs.secrets.write_text(program.inputs.secrets.read_text())
    lines = program.inputs.answers.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("OVEHOSTED_VM/ovfArchive", "OVEHOSTED_NETWORK/fqdn"))]
    second.inputs.answers.write_text("\n".join([*kept, "HOSTED_ENGINE/additionalHost=bool:True", ""]))
    return program, second


def test_a_second_host_joins_wherever_the_engine_lives(elsewhere: tuple[Program, Program]) -> None:
    first, second = elsewhere
    before, theirs = portrait(second.world), portrait(first.world)
    done = second.deploy()
    assert done.code == 0, done.out
    assert "\nhost_id=2\n" in (second.world.paths.etc / "hosted-engine.conf").read_text()
    refused = first("cleanup", "--yes")
    assert (refused.code, "host1.example.org (2)" in refused.out) == (3, True), refused.out
    assert second("get-shared-config", "fqdn", "--type=he_shared").code == 0
    done = second("cleanup", "--yes")
    assert done.code == 0, done.out
    assert changes(before, portrait(second.world)) == {}
    assert changes(theirs, portrait(first.world)) == {}


@pytest.mark.parametrize("elsewhere", ["on_fc"], indirect=True)
@pytest.mark.parametrize(("times", "code"), [(2, 0), (3, 1)])
def test_a_host_that_writes_to_the_lun_at_the_same_moment_is_noticed(
    elsewhere: tuple[Program, Program], monkeypatch: pytest.MonkeyPatch, times: int, code: int
) -> None:
    first, second = elsewhere
    (lun,) = (first.world.root / "devices").iterdir()
    with lun.open("rb") as file:
        before = file.read(32 * MIB)
    written = 0

    def sleep(_clock: FakeClock, seconds: float) -> None:
        nonlocal written
        if seconds == SETTLED and written < times:
            written += 1
            with lun.open("r+b") as file:
                file.write(before)  # what the other one has read, but for its own id

    monkeypatch.setattr(FakeClock, "sleep", sleep)
    done = second.deploy("--on-failure=abort")
    assert (done.code, written) == (code, times), done.out
    assert ("HE-HOST-ID" in done.out, "does not show this host after 3 attempts" in done.out) == (code > 0,) * 2


@pytest.mark.parametrize("elsewhere", ["on_fc", "on_iscsi"], indirect=True)
def test_a_lun_is_one_engine_s(elsewhere: tuple[Program, Program]) -> None:
    first, second = elsewhere
    theirs = portrait(first.world)
    text = second.inputs.answers.read_text().replace("additionalHost=bool:True", "additionalHost=bool:False")
    second.inputs.answers.write_text(f"{text}OVEHOSTED_VM/ovfArchive=str:{second.inputs.appliance}\n"
                                     "OVEHOSTED_NETWORK/fqdn=str:engine.example.com\n")  # fmt: skip
    done = second.restore()
    assert done.code == 2, done.out
    assert "a LUN is one engine's: join it, or answer another LUN" in done.out
    assert changes(theirs, portrait(first.world)) == {}


@pytest.mark.parametrize("elsewhere", ["on_iscsi"], indirect=True)
def test_a_way_that_this_host_does_not_have_is_refused(elsewhere: tuple[Program, Program]) -> None:
    first, second = elsewhere
    with second.inputs.answers.open("a") as file:
        file.write("HOSTED_ENGINE/storageAccess=str:kernel\n")
    before, theirs = portrait(second.world), portrait(first.world)
    done = second.deploy()
    assert (done.code, "HE-ISCSI-WAY" in done.out) == (3, True), done.out
    assert (changes(before, portrait(second.world)), changes(theirs, portrait(first.world))) == ({}, {})
