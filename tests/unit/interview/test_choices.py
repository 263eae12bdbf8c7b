"""Pick lists, and what a check has to say against an answer without refusing it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.interview.frontends.replay import ReplayFrontend
from hosted_setup.interview.frontends.screen import Screen
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import load
from hosted_setup.interview.section_interview import Rejected, SectionInterview
from hosted_setup.interview.store import Answers
from hosted_setup.model.answer import Source
from hosted_setup.model.problem import Problems
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from tests.unit.interview.conftest import Files

NIC = "OVEHOSTED_NETWORK/bridgeIf"
HOST = "HOSTED_ENGINE/hostNumber"
MEMORY = "OVEHOSTED_VM/vmMemSizeMB"


@dataclass(frozen=True)
class Found:
    """What was detected."""

    nics: tuple[str, ...] = ("eno1", "eno2", "wlan0")


def _nics(found: Found) -> list[Choice]:
    return [Choice(nic, "wired", "it has no address" if nic == "eno2" else "") for nic in found.nics]


def _numbers() -> list[Choice]:
    return [Choice(2, "the second host"), Choice(1, "the first host")]


def _small(memory: int) -> str | None:
    return f"{memory} MB are few" if memory < 4096 else None


def _weak(password: Secret) -> str | None:
    return f"{password.reveal()} is short" if len(password.reveal()) < 8 else None


@section("Host network")
class Nics:
    """A closed list."""

    nic: str = ask("NIC", key=NIC, offer=_nics)


@section("Host network")
class Numbers:
    """An open one, of numbers."""

    number: int = ask("Number of the host", key=HOST, offer=_numbers, closed=False)


@section("Engine VM")
class Small:
    """Answers that may be doubtful."""

    memory: int = ask("Memory", key=MEMORY, default=2048, check=_small)
    password: Secret = ask("Password", key="OVEHOSTED_ENGINE/adminPassword", check=_weak)


PRODUCTS: dict[type[Any], Any] = {Found: Found()}


def test_a_choice_is_taken_by_its_number_or_its_text() -> None:
    for reply, nic in (("1", "eno1"), (" wlan0 ", "wlan0"), ("3", "wlan0")):
        interview = SectionInterview(Nics, PRODUCTS, Answers())
        assert interview.prompt is not None
        assert [one.text for one in interview.prompt.choices] == ["eno1", "eno2", "wlan0"]
        assert interview.reply(reply) is None
        assert interview.instance() == Nics(nic=nic)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("2", "eno2 cannot be chosen: it has no address"),
        ("eno2", "eno2 cannot be chosen: it has no address"),
        ("eno9", "'eno9' is not one of: eno1, wlan0"),
        ("0", "'0' is not one of: eno1, wlan0"),
        ("4", "'4' is not one of: eno1, wlan0"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_the_reason(reply: str, reason: str) -> None:
    assert SectionInterview(Nics, PRODUCTS, Answers()).reply(reply) == Rejected(reason)


def test_an_empty_list_has_nothing_to_choose() -> None:
    interview = SectionInterview(Nics, {Found: Found(nics=())}, Answers())
    assert interview.reply("eno1") == Rejected("'eno1' is not one of: (there is none)")


def test_an_open_list_accepts_other_values_and_a_text_before_a_number() -> None:
    for reply, number in (("7", 7), ("1", 1), ("2", 2)):
        interview = SectionInterview(Numbers, PRODUCTS, Answers())
        assert interview.reply(reply) is None
        assert interview.instance() == Numbers(number=number)


def test_a_given_answer_is_held_to_the_list(files: Files) -> None:
    for text, refused in (("eno1", False), ("eno2", True), ("1", True)):
        answers = load([Nics], files=[files(f"{NIC}=str:{text}")])
        assert bool(SectionInterview(Nics, PRODUCTS, answers).problems) is refused
    early = load([Nics], files=[files(f"{NIC}=str:eno9")], products=PRODUCTS)
    assert [one.code for one in early.problems] == ["HE-ANSWERS-VALUE"]


def test_a_doubtful_answer_is_taken_on_a_yes_only() -> None:
    interview = SectionInterview(Small, {}, Answers())
    assert interview.reply("1024") is None
    prompt = interview.prompt
    assert prompt is not None
    assert (prompt.warning, prompt.text, prompt.default) == ("1024 MB are few", "Continue with it?", "no")
    assert prompt.words == ("yes", "no")
    assert interview.reply("perhaps") == Rejected("'perhaps' is neither yes nor no")
    for reply in ("", "no"):
        assert interview.reply(reply) is None
        assert interview.prompt is not None
        assert not interview.prompt.warning
        assert interview.reply("1024") is None
    assert interview.reply("yes") is None
    assert interview.answered()[0].value == 1024


def test_the_default_may_be_doubtful_too_and_back_is_a_no() -> None:
    interview = SectionInterview(Small, {}, Answers())
    assert interview.reply("") is None
    assert interview.prompt is not None
    assert interview.prompt.warning == "2048 MB are few"
    assert interview.back() is None
    assert interview.prompt.question.name == "memory"
    assert not interview.prompt.warning


def test_a_doubtful_secret_is_not_shown_and_still_entered_twice() -> None:
    interview = SectionInterview(Small, {}, Answers())
    assert interview.reply("8192") is None
    assert interview.reply("x1y2") is None
    assert interview.prompt is not None
    assert interview.prompt.warning == "******** is short"
    assert interview.reply("yes") is None
    assert interview.prompt.again
    assert interview.reply("x1y2") is None
    assert interview.instance().password == Secret("x1y2")


def test_with_nobody_there_the_warning_is_told_and_the_answer_taken(files: Files) -> None:
    path = files(f"{MEMORY}=int:1024\nOVEHOSTED_ENGINE/adminPassword=str:x1y2")
    out = io.StringIO()
    interviewer = Interviewer(load([Small], files=[path]), ReplayFrontend(Screen(out, {})))
    made = interviewer.ask(Small, {})
    assert made is not None
    assert made.memory == 1024
    assert out.getvalue() == "[WARNING] Memory: 1024 MB are few\n[WARNING] Password: ******** is short\n"


def test_a_default_in_replay_is_warned_of_too(files: Files) -> None:
    out = io.StringIO()
    answers = load([Small], files=[files("OVEHOSTED_ENGINE/adminPassword=str:x1y2z3u4")])
    Interviewer(answers, ReplayFrontend(Screen(out, {}))).ask(Small, {})
    assert out.getvalue() == "[WARNING] Memory: 2048 MB are few\n"


def test_replay_refuses_what_is_not_offered(files: Files) -> None:
    answers = load([Nics], files=[files(f"{NIC}=str:eno2")])
    with pytest.raises(Problems) as caught:
        Interviewer(answers, ReplayFrontend(Screen(io.StringIO(), {}))).ask(Nics, PRODUCTS)
    (problem,) = caught.value.problems()
    assert "eno2 cannot be chosen: it has no address" in problem.detail
    assert Source.FILE is answers.given[NIC].origin.source
