"""Pauses: asked for by an option or an answer, ended by `run continue` or by their time, never made for nobody."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.pipeline.journal import RunLock
from hosted_setup.testing.behaviour import RESTORE_FAILS
from hosted_setup.testing.clock import FakeClock
from hosted_setup.testing.crash import in_a_process_of_its_own
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.state import Domain, load_all
from tests.flow.program import Done

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.flow.program import Program

DONE, USAGE, UNFINISHED, PAUSED, INTERRUPTED = 0, 2, 4, 5, 130
RESTORE, HOST = "Pause after the restore", "Pause after this host is added"
BEFORE: Final = "The run has paused here before; it goes on now."


@pytest.fixture
def attended(program: Program) -> Program:
    """Begin runs at a terminal."""
    program.attended = True
    return program


def paused(program: Program) -> list[Path]:
    return list(program.world.paths.runs.glob("*/paused"))


def while_paused(program: Program, monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Do something whenever the run waits in a pause."""
    sleep = program.world.clock.sleep

    def act(seconds: float) -> None:
        if paused(program):
            deed()
        sleep(seconds)

    monkeypatch.setattr(program.world.clock, "sleep", act)


@pytest.mark.parametrize(
    ("options", "answers", "pauses"),
    [
        (("--pause-after=restore",), {}, [RESTORE]),
        (("--pause-after=host",), {}, [HOST]),
        (("--pause-after=host", "--pause-after=restore"), {}, [RESTORE, HOST]),
        ((), {"OVEHOSTED_CORE__pauseonRestore": "bool:True"}, [HOST]),
        ((), {"HOSTED_ENGINE__pauseAfterRestore": "bool:True"}, [RESTORE]),
        ((), {}, []),
    ],
)
def test_a_pause_lasts_until_it_is_ended(
    attended: Program, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], answers: dict[str, str],
    pauses: list[str],
) -> None:  # fmt: skip
    calls: list[tuple[Done, Done]] = []
    while_paused(attended, monkeypatch, lambda: calls.append((attended("run", "status"), attended("run", "continue"))))
    attended.answer(**answers)
    done = attended.restore(*options)
    assert done.code == DONE, done.out
    assert [title for title in (RESTORE, HOST) if f"{title} (" in done.out] == pauses
    assert len(calls) == len(pauses)
    for status, released in calls:
        assert status.code == PAUSED
        assert "It is paused until 2026-01-03 03:04 UTC. Let it go on:  hosted-engine run continue" in status.out
        assert (released.code, "goes on. See it:  hosted-engine deploy --attach" in released.out) == (DONE, True)
    assert done.out.count("Paused. Let the run go on:  hosted-engine run continue") == len(pauses)
    assert not paused(attended)


def test_what_is_there_in_a_pause(attended: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[list[str]] = []

    def look() -> None:
        (domain,) = load_all(attended.world.hypervisor.domains, Domain)
        found.append([str(one["collection"]) for one in domain.entities])
        attended("run", "continue")

    while_paused(attended, monkeypatch, look)
    done = attended.restore("--pause-after=host", "--pause-after=restore")
    assert "hosts" not in found[0]
    assert "hosts" in found[1]
    assert "engine-setup has not run. Log in:  ssh root@192.168.222.2" in done.out
    assert "See it:  https://engine.example.com/ovirt-engine/" in done.out


@pytest.mark.parametrize("way", ["keep", "abort"])
def test_a_pause_that_nobody_ends_stops_the_run_in_it(
    attended: Program, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    hour = partial(FakeClock.sleep, attended.world.clock, 3600)
    while_paused(attended, monkeypatch, hour)
    done = attended.restore("--pause-after=restore", f"--on-failure={way}")
    assert done.code == PAUSED, done.out
    assert "HE-PAUSED" in done.out
    assert "it has waited 24 hours" in done.out
    (domain,) = load_all(attended.world.hypervisor.domains, Domain)
    assert domain.live
    status = attended("run", "status")
    assert (status.code, "not at work" in status.out) == (UNFINISHED, True)
    resumed = attended("deploy", "--resume")
    assert (resumed.code, BEFORE in resumed.out) == (DONE, True), resumed.out


def killed(program: Program, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Kill the program in its pause."""
    with monkeypatch.context() as patch:
        while_paused(program, patch, lambda: os.kill(os.getpid(), signal.SIGKILL))
        code = in_a_process_of_its_own(lambda: program.restore("--pause-after=restore").code, folder / "errors")
    assert code == -signal.SIGKILL
    assert paused(program)


def test_a_run_that_is_killed_in_its_pause_is_resumed_behind_it(
    attended: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed(attended, monkeypatch, tmp_path)
    released = attended("run", "continue")
    assert (released.code, "HE-RUN-NOT-PAUSED" in released.out) == (USAGE, True), released.out
    resumed = attended("deploy", "--resume")
    assert (resumed.code, BEFORE in resumed.out) == (DONE, True), resumed.out
    assert not paused(attended)


def test_a_run_that_is_killed_in_its_pause_is_taken_back(
    attended: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = portrait(attended.world)
    killed(attended, monkeypatch, tmp_path)
    assert attended("deploy", "--abort").code == DONE
    assert changes(before, portrait(attended.world)) == {}


def test_ctrl_c_in_a_pause_leaves_both_ways(attended: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = portrait(attended.world)
    while_paused(attended, monkeypatch, interrupt)
    done = attended.restore("--pause-after=restore")
    assert done.code == INTERRUPTED, done.out
    assert not paused(attended)
    assert attended("run", "abort").code == DONE
    assert changes(before, portrait(attended.world)) == {}


def test_a_pause_that_is_not_reached_yet_is_made_after_a_resume(
    attended: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, attended.world.behaviour.guest.restore = attended.world.behaviour.guest.restore, RESTORE_FAILS
    assert attended.restore("--pause-after=restore").code == UNFINISHED
    attended.world.behaviour.guest.restore = good
    calls: list[Done] = []
    while_paused(attended, monkeypatch, lambda: calls.append(attended("run", "continue")))
    assert attended("deploy", "--resume").code == DONE
    assert len(calls) == 1


def test_no_pause_is_made_for_nobody(program: Program) -> None:
    done = program.restore("--pause-after=restore", "--pause-after=host")
    assert done.code == DONE, done.out
    assert done.out.count("No pause here: the run was not begun at a terminal, so nobody would end it.") == 2


def test_nothing_is_paused(program: Program) -> None:
    done = program("run", "continue")
    assert (done.code, "HE-RUN-NONE" in done.out) == (USAGE, True)
    program.world.behaviour.guest.restore = RESTORE_FAILS
    assert program.restore().code == UNFINISHED
    lock = RunLock(program.world.paths.runs)
    done = program("run", "continue")
    lock.release()
    assert (done.code, "HE-RUN-NOT-PAUSED" in done.out) == (USAGE, True)
    assert "hosted-engine run status" in done.out
