"""Unfinished runs, and taking finished ones back."""

from __future__ import annotations

import io
import shlex
from typing import TYPE_CHECKING

import pytest

from hosted_setup.pipeline.journal import RunLock
from hosted_setup.testing.behaviour import RESTORE_FAILS
from hosted_setup.testing.portrait import changes, portrait

if TYPE_CHECKING:
    from tests.flow.program import Program

RESUME, ABORT = "hosted-engine deploy --resume", "hosted-engine deploy --abort"


@pytest.fixture
def failed(program: Program) -> Program:
    """Leave a run that failed in the restore."""
    good = program.world.behaviour.guest.restore
    program.world.behaviour.guest.restore = RESTORE_FAILS
    assert program.restore().code == 4
    program.world.behaviour.guest.restore = good
    return program


def test_a_second_run_is_refused_naming_both_ways(failed: Program) -> None:
    before = portrait(failed.world)
    done = failed.restore()
    assert done.code == 4
    assert "HE-RUN-UNFINISHED" in done.out
    assert RESUME in done.out
    assert ABORT in done.out
    assert changes(before, portrait(failed.world)) == {}


def test_cleanup_is_refused_while_a_run_is_unfinished(failed: Program) -> None:
    before = portrait(failed.world)
    done = failed("cleanup", "--yes")
    assert done.code == 4
    assert RESUME in done.out
    assert changes(before, portrait(failed.world)) == {}


def test_the_state_of_an_unfinished_run(failed: Program) -> None:
    done = failed("run", "status")
    assert done.code == 4
    assert "not at work" in done.out
    assert RESUME in done.out
    assert ABORT in done.out


def test_the_commands_that_are_shown_can_be_pasted(failed: Program) -> None:
    done = failed("run", "status", "--timeout-factor=2")
    (resume,) = (line.partition(":  ")[2] for line in done.out.splitlines() if RESUME in line)
    options = [f"--root={failed.world.paths.root}", "--timeout-factor=2"]
    assert shlex.split(resume) == [*RESUME.split(), *options]
    assert failed(*shlex.split(resume)[1:]).code == 0


def test_the_state_of_a_run_at_work(failed: Program) -> None:
    lock = RunLock(failed.world.paths.runs)
    assert "at work now" in failed("run", "status").out
    lock.release()


def test_a_run_at_work_refuses_resume_and_abort(failed: Program) -> None:
    lock = RunLock(failed.world.paths.runs)
    for done in (failed("deploy", "--abort"), failed.deploy("--resume")):
        assert done.code == 3
        assert "HE-RUN-LOCKED" in done.out
        assert "hosted-engine run status" in done.out
    lock.release()


def test_no_run_is_unfinished(program: Program) -> None:
    done = program("run", "status")
    assert (done.code, "No run is unfinished" in done.out) == (0, True)
    for arguments in (("deploy", "--resume"), ("deploy", "--abort"), ("run", "abort")):
        done = program(*arguments)
        assert done.code == 2
        assert "HE-RUN-NONE" in done.out


@pytest.mark.parametrize("arguments", [("deploy", "--abort"), ("run", "abort"), ("--deploy", "--abort")])
def test_an_unfinished_run_is_taken_back(program: Program, arguments: tuple[str, ...]) -> None:
    before = portrait(program.world)
    program.world.behaviour.guest.restore = RESTORE_FAILS
    assert program.restore().code == 4
    done = program(*arguments)
    assert done.code == 0, done.out
    assert "Everything this run had changed on this host is undone" in done.out
    assert changes(before, portrait(program.world)) == {}
    assert program("run", "status").code == 0


def test_cleanup_removes_a_deployment(program: Program) -> None:
    before = portrait(program.world)
    assert program.restore().code == 0
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}
    again = program("cleanup", "--yes")
    assert (again.code, "nothing to clean up" in again.out) == (0, True)


@pytest.mark.parametrize(("reply", "removed"), [("\n", False), ("no\n", False), ("", False), ("perhaps\nyes\n", True)])
def test_cleanup_removes_nothing_but_on_a_yes(program: Program, reply: str, removed: bool) -> None:  # noqa: FBT001 - a table
    assert program.restore().code == 0
    before = portrait(program.world)
    program.stdin = io.StringIO(reply)
    done = program("cleanup")
    assert "for good. Are you sure? (Yes, No)[No]: " in done.out
    assert done.code == (0 if removed else 130), done.out
    assert (changes(before, portrait(program.world)) != {}) is removed


def test_the_secrets_of_a_resume_come_from_the_sources_named_then(failed: Program) -> None:
    done = failed("deploy", "--resume")
    assert done.code == 0, done.out


def test_a_resume_without_its_secrets_tells_which_are_missing(failed: Program) -> None:
    before = portrait(failed.world)
    failed.inputs.secrets.write_text("[environment:default]\n")
    done = failed("deploy", "--resume")
    assert done.code == 2
    assert "HE-ANSWERS-MISSING" in done.out
    assert "HOSTED_ENGINE_SECRET_ADMIN_PASSWORD" in done.out
    assert "HOSTED_ENGINE_SECRET_CLOUDINIT_ROOT_PWD" in done.out
    assert changes(before, portrait(failed.world)) == {}


def test_a_damaged_journal_is_told_and_left_alone(failed: Program) -> None:
    (journal,) = failed.world.paths.runs.glob("*/journal.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"confirmed"', b'"confined"'))
    damaged = journal.read_bytes()
    for arguments in (("run", "status"), ("deploy", "--resume"), ("deploy", "--abort"), ("cleanup", "--yes")):
        done = failed(*arguments)
        assert done.code == 4, arguments
        assert "HE-JOURNAL-DAMAGED" in done.out
        assert "hosted-engine support-bundle" in done.out
    assert journal.read_bytes() == damaged


@pytest.mark.parametrize(("spare", "code"), [(0, 0), (-1, 3)])
def test_the_path_of_the_socket_has_a_limit(program: Program, spare: int, code: int) -> None:
    length = len(str(program.world.paths.runs / "20260101000000-abcdef" / "guest.sock"))
    program.world.guests.path_limit = length + spare
    before = portrait(program.world)
    done = program.deploy()
    assert done.code == code, done.out
    assert ("HE-ROOT-LONG" in done.out) == (code != 0)
    assert (changes(before, portrait(program.world)) == {}) == (code != 0)
