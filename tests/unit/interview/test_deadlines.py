"""The check of an answer has its time: what hangs is told, and the operator goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import Option, load
from hosted_setup.interview.section_interview import Rejected, SectionInterview, Visit
from hosted_setup.model.events import Failed
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.checking import CheckLate
from tests.unit.interview.test_interviewer import Scripted

ANSWERS_AGAIN = threading.Event()


def _reachable(path: Path) -> None:
    if path.name == "hung":
        ANSWERS_AGAIN.wait(60)


def _accepted(secret: Secret) -> None:
    _reachable(Path(secret.reveal()))


@section("Storage")
class Where:
    """What hangs at an answer that ends in hung."""

    path: Path = ask("Path", key="TEST/path", check=_reachable)
    password: Secret = ask("Password", key="TEST/password", check=_accepted)


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    ANSWERS_AGAIN.clear()
    yield
    ANSWERS_AGAIN.set()


def test_an_answer_whose_check_hangs_is_refused_and_another_one_taken() -> None:
    interview = SectionInterview(Where, {}, load([Where]), Visit(within=0.05))
    refused = interview.reply("/srv/hung")
    assert isinstance(refused, Rejected)
    assert "nothing answers within 0.05 s. Does a server hang" in refused.reason
    assert interview.reply("/srv/good") is None
    assert interview.prompt
    assert interview.prompt.question.name == "password"


def test_the_same_answer_is_checked_again() -> None:
    interview = SectionInterview(Where, {}, load([Where]), Visit(within=0.05))
    assert interview.reply("/srv/hung") is not None
    ANSWERS_AGAIN.set()
    assert interview.reply("/srv/hung") is None


@pytest.mark.parametrize("attended", [True, False])
def test_a_given_answer_whose_check_hangs_is_a_problem(attended: bool) -> None:  # noqa: FBT001 - a case
    answers = load(
        [Where],
        options=[Option("TEST/path", "/srv/hung", "--path"), Option("TEST/password", "hung", "--p")],
        factor=0.01,
    )
    interview = SectionInterview(Where, {}, answers, Visit(within=0.05, attended=attended))
    assert [type(one) for one in interview.problems] == [CheckLate, CheckLate]
    assert [one.detail for one in interview.problems] == ["Path (/srv/hung)", "Password"]
    assert not interview.held


def test_whoever_asks_may_have_less_time() -> None:
    options = [Option("TEST/path", "/srv/hung", "--path")]
    frontend = Scripted("/srv/good", "x", "x")
    Interviewer(load([Where], options=options, factor=0.01), frontend).ask(Where, {}, most=0.05)
    (told,) = frontend.events
    assert isinstance(told, Failed)
    assert [one.why for one in told.problem.problems()] == ["it cannot be checked: nothing answers within 0.05 s"]


def test_the_time_is_multiplied() -> None:
    frontend = Scripted("/srv/good", "x", "x")
    interviewer = Interviewer(
        load([Where], options=[Option("TEST/path", "/srv/hung", "--path")], factor=0.01), frontend, factor=0.01
    )
    assert interviewer.ask(Where, {}) == Where(path=Path("/srv/good"), password=Secret("x"))
    (told,) = frontend.events
    assert isinstance(told, Failed)
    assert [one.why for one in told.problem.problems()] == ["it cannot be checked: nothing answers within 0.07 s"]
