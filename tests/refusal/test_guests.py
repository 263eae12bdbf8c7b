"""What fails in the guest: each failure has its own code and, with --on-failure=abort, leaves the host as it was.

On pretended ports, so that every failure is there at once; what is told is the real program's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.model import secret
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program
from tests.flow.test_failures import FAILURES, HOPELESS, QUICK
from tests.refusal.told import Refusal, assert_well_told

if TYPE_CHECKING:
    from pathlib import Path

CODES: Final = {
    "the guest never reports": "HE-GUEST-MUTE",
    "another guest reports": "HE-GUEST-FOREIGN",
    "the guest stops in the restore": "HE-GUEST-STOPPED",
    "the restore fails": "HE-RESTORE",
    "engine-setup fails": "HE-ENGINE-SETUP",
    "the health is never good": "HE-HEALTH",
    "the certificate is another CA's": "HE-ENGINE-UNTRUSTED",
    "the CA is not the backup's": "HE-CA-CHANGED",
    "the login is refused": "HE-ENGINE-LOGIN",
    "the registration is refused": "HE-ENGINE-FAULT",
    "the disk is not copied": "HE-IMPORT",
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(secret, "_known", set())
    return Program(World.make(tmp_path / "world"), Inputs.make(tmp_path / "inputs"), monkeypatch)


@pytest.mark.parametrize("failure", CODES)
def test_a_failure_in_the_guest(program: Program, failure: str) -> None:
    change, _, word = FAILURES[failure]
    change(program.world.behaviour)
    before = portrait(program.world)
    done = program.restore("--on-failure=abort", *QUICK)
    refusal = Refusal(done.code, done.out)
    assert (refusal.exit_code, refusal.codes) == (1, [CODES[failure]]), done.out
    assert changes(before, portrait(program.world)) == {}
    assert word in done.out
    assert_well_told(refusal.told[0])
    for way in ("--resume", "--abort"):
        assert way not in refusal.told[0].command  # nothing is left of the run


@pytest.mark.parametrize("failure", sorted(HOPELESS))
def test_a_failure_that_no_resume_mends_sends_back(program: Program, failure: str) -> None:
    FAILURES[failure][0](program.world.behaviour)
    done = program.restore(*QUICK)
    (told,) = Refusal(done.code, done.out).told
    assert told.code == CODES[failure]
    assert told.command.startswith("hosted-engine deploy --abort ")
    assert "bundle of logs" in told.text("Next")
    assert_well_told(told)


def test_the_appliance_is_gone_when_its_run_is_resumed(program: Program) -> None:
    before = portrait(program.world)
    FAILURES["the restore fails"][0](program.world.behaviour)
    assert program.restore().code == 4
    program.inputs.appliance.unlink()
    done = program("deploy", "--resume")
    refusal = Refusal(done.code, done.out)
    assert (refusal.exit_code, refusal.codes) == (3, ["HE-APPLIANCE-UNREADABLE"]), done.out
    assert refusal.told[0].text("Where") == str(program.inputs.appliance)
    assert changes(before, portrait(program.world)) == {}
    assert_well_told(refusal.told[0])
