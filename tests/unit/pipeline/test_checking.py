"""Checks run side by side, each in its time; what hangs becomes a problem, and holds nobody up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.model.events import Waiting
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.checking import CheckLate, Result, look, refusal, run_checks, table, warnings
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step, step_of
from tests.unit.pipeline.kit import Recorder, make_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hosted_setup.ports.host import Host


@dataclass(frozen=True)
class Need:
    """A product."""

    wanted: bool = True


class Wrong(Problem):
    """What the checks here find."""

    code = "HE-TEST-CHECKING"
    title = "Something is wrong"


HAVE: dict[type[Any], Any] = {Need: Need()}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


@pytest.fixture
def hung() -> Iterator[Event]:
    """Give what a hung server is: nobody sets it before the test is over."""
    event = Event()
    yield event
    event.set()


def passing(title: str = "Passing", **properties: Any) -> Callable[..., None]:  # noqa: ANN401 - check's own
    @check(title, **properties)
    def one(need: Need) -> None:
        """Find nothing."""

    return one


def failing(title: str, **properties: Any) -> Callable[..., None]:  # noqa: ANN401 - check's own
    @check(title, **properties)
    def one(need: Need) -> None:
        raise Wrong(title, why="a reason", hint="Look:", command="true")

    return one


def test_every_check_has_its_result(host: Host) -> None:
    checks = [
        step_of(passing("All well")),
        step_of(failing("Bad disk")),
        step_of(failing("Bad clock", blocking=False)),
        step_of(failing("Known clock", blocking=False)),
        step_of(failing("Elsewhere", when=lambda: False)),
    ]
    checked = run_checks(checks, {Need: Need()}, host, ["known-clock", "bad-disk"])
    assert table(checked) == (
        "all-well     passed",
        "bad-disk     REFUSED",
        "bad-clock    WARNING",
        "known-clock  ignored",
        "elsewhere    does not apply",
    )
    (told,) = warnings(checked)
    assert (told.code, told.check) == ("HE-TEST-CHECKING", "bad-clock")
    assert told.text == (
        "HE-TEST-CHECKING: Something is wrong\nWhat:  Bad clock\nWhy:   a reason\nNext:  Look:\n       true\n"
        "Else:  --ignore-check=bad-clock silences this warning, which stops nothing"
    )
    problem = refusal(checked)
    assert isinstance(problem, Wrong)
    assert problem.detail == "Bad disk"


def test_what_lacks_a_need_is_not_checked(host: Host) -> None:
    (checked,) = run_checks([step_of(failing("Bad"))], {}, host)
    assert checked.result is Result.UNCHECKED
    assert refusal([checked]) is None


def test_whether_a_check_applies_is_told_by_products(host: Host) -> None:
    def wanted(need: Need) -> bool:
        return need.wanted

    one = step_of(failing("Bad", when=wanted))
    assert one.products == (Need,)
    assert run_checks([one], {Need: Need(wanted=False)}, host)[0].result is Result.INAPPLICABLE
    assert run_checks([one], HAVE, host)[0].result is Result.REFUSED


def test_all_problems_are_told_at_once(host: Host) -> None:
    problem = refusal(run_checks([step_of(failing("Bad")), step_of(failing("Worse"))], HAVE, host))
    assert problem is not None
    assert [one.detail for one in problem.problems()] == ["Bad", "Worse"]


def test_checks_run_side_by_side(host: Host) -> None:
    together = Barrier(3, timeout=10)

    def meeting(title: str) -> Callable[..., None]:
        @check(title)
        def one(need: Need) -> None:
            together.wait()

        return one

    checked = run_checks([step_of(meeting(title)) for title in ("A", "B", "C")], HAVE, host)
    assert {one.result for one in checked} == {Result.PASSED}


def test_what_hangs_is_a_problem_and_holds_up_nobody(host: Host, hung: Event) -> None:
    def hanging(title: str, *, blocking: bool) -> Callable[..., None]:
        @check(title, within=0.2, blocking=blocking)
        def one(need: Need) -> None:
            hung.wait(30)

        return one

    checks = [hanging("Storage", blocking=True), hanging("Clock", blocking=False), passing()]
    begun = time.monotonic()
    checked = run_checks([step_of(one) for one in checks], HAVE, host)
    assert time.monotonic() - begun < 5
    assert [one.result for one in checked] == [Result.REFUSED, Result.WARNED, Result.PASSED]
    late = checked[0].problem
    assert isinstance(late, CheckLate)
    assert str(late) == "HE-CHECK-DEADLINE: A check did not end in time: Storage: no answer within 0.2 s"
    assert late.command == "hosted-engine deploy --precheck --timeout-factor=4"


def test_none_takes_longer_than_whoever_runs_them_gives(host: Host, hung: Event) -> None:
    @check("Storage", within=30.0)
    def hanging(need: Need) -> None:
        hung.wait(30)

    begun = time.monotonic()
    late, passed = run_checks([step_of(hanging), step_of(passing(within=0.5))], HAVE, host, most=0.6)
    assert time.monotonic() - begun < 5
    assert str(late.problem) == "HE-CHECK-DEADLINE: A check did not end in time: Storage: no answer within 0.6 s"
    assert passed.result is Result.PASSED


def test_the_deadline_is_scaled(tmp_path: Path) -> None:
    @check("Slow", within=0.05)
    def slow(need: Need) -> None:
        time.sleep(0.2)

    (checked,) = run_checks([step_of(slow)], HAVE, make_host(tmp_path, timeout_factor=200))
    assert checked.result is Result.PASSED


def test_a_long_wait_is_shown(host: Host, hung: Event) -> None:
    @check("Name server", within=1.5)
    def one(need: Need) -> None:
        hung.wait(30)

    run_checks([step_of(one)], HAVE, host)
    assert isinstance(host.reporter, Recorder)
    waits = [event for event in host.reporter.events if isinstance(event, Waiting)]
    assert waits
    assert waits[0].what == "the checks (name-server)"


def test_the_systems_errors_are_problems_and_others_are_bugs(host: Host) -> None:
    @check("Disk")
    def disk(need: Need) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/nowhere")

    @check("Bug")
    def bug(need: Need) -> None:
        raise ZeroDivisionError

    (checked,) = run_checks([step_of(disk)], HAVE, host)
    assert checked.problem is not None
    assert checked.problem.code == "HE-SYSTEM"
    with pytest.raises(ZeroDivisionError):
        run_checks([step_of(bug)], HAVE, host)


def test_a_step_that_looks_has_its_time_too(host: Host, hung: Event) -> None:
    @step(Stage.SETUP, "Look at libvirt", within=0.1)
    def hanging() -> Need:
        return Need()

    @step(Stage.SETUP, "Read the archive")
    def unlimited() -> Need:
        return Need()

    def call() -> Need:
        hung.wait(30)
        return Need()

    with pytest.raises(CheckLate, match=r"Look at libvirt: no answer within 0\.1 s"):
        look(step_of(hanging), call, host)
    assert look(step_of(hanging), Need, host) == Need()
    assert look(step_of(unlimited), Need, host) == Need()
    with pytest.raises(CheckLate, match=r"no answer within 0\.05 s"):
        look(step_of(hanging), call, host, 0.05)
