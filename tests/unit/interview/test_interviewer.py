"""The interviewer with a scripted frontend, and with nobody at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from hosted_setup.interview.frontend import Confirm, Decline, Preview
from hosted_setup.interview.frontends.replay import ReplayFrontend
from hosted_setup.interview.frontends.screen import Screen
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import load
from hosted_setup.model.answer import Recorded
from hosted_setup.model.problem import ExitCode, Problems, exit_code_of
from hosted_setup.model.secret import Secret
from tests.unit.interview.conftest import Files, told
from tests.unit.interview.sections import (
    ALL,
    FQDN,
    OWN,
    PASSWORD,
    PATH,
    VCPUS,
    Backup,
    Engine,
    Facts,
    Local,
    Network,
    Vm,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosted_setup.interview.frontend import Frontend, Review
    from hosted_setup.interview.section_interview import SectionInterview
    from hosted_setup.interview.store import Answers
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question

Products = dict[type[Any], Any]
T = TypeVar("T")


class Scripted:
    """Replies what a test wrote down, and keeps what it was shown."""

    attended = True

    def __init__(self, *replies: str, reviews: Sequence[Review] = (Confirm(),)) -> None:
        self.replies = list(replies)
        self.reviews = list(reviews)
        self.events: list[Event] = []
        self.previews: list[Preview] = []
        self.asked: list[str] = []
        self.places: list[tuple[int, int]] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Somebody is there."""

    def fill(self, interview: SectionInterview) -> None:
        self.places.append(interview.place)
        while interview.prompt:
            self.asked.append(interview.prompt.question.name)
            reply = self.replies.pop(0)
            assert (interview.back() if reply == "back" else interview.reply(reply)) is None

    def show(self, preview: Preview) -> None:
        self.previews.append(preview)

    def review(self, preview: Preview) -> Review:
        assert preview is self.previews[-1]
        return self.reviews.pop(0)

    def confirm(self, prompt: str, *, default: bool) -> bool:
        raise NotImplementedError


def replay(answers: Answers) -> tuple[Interviewer, io.StringIO]:
    out = io.StringIO()
    frontend: Frontend = ReplayFrontend(Screen(out, {}))
    return Interviewer(answers, frontend), out


def asked(interviewer: Interviewer, section: type[T], products: Products) -> T:
    made = interviewer.ask(section, products)
    assert made is not None
    return made


def test_a_whole_interview(products: Products, files: Files) -> None:
    path = files(f"{VCPUS}=str:2\nOVEHOSTED_VM/vmBoot=str:disk")
    frontend = Scripted("", "", "", "engine.example.com", "x1y2", "x1y2")
    interviewer = Interviewer(load(ALL, files=[path]), frontend)
    interviewer.begin([Vm, Engine])
    assert len(frontend.events) == 1
    assert asked(interviewer, Vm, products).vcpus == 2
    assert asked(interviewer, Engine, products).password == Secret("x1y2")
    assert frontend.places == [(1, 2), (2, 2)]
    assert [one.question.name for one in interviewer.answered()] == [
        *("memory", "vcpus", "access", "static", "machine", "fqdn", "password")
    ]
    assert interviewer.texts(Engine, typed=True) == ((FQDN, "engine.example.com"),)
    assert dict(interviewer.texts(Vm, typed=False))["OVEHOSTED_VM/cloudinitVMStaticCIDR"] == ""
    assert interviewer.review(["Start it"], ["VM x is removed"]) == Confirm()
    assert frontend.previews == [Preview(interviewer.answered(), ("Start it",), ("VM x is removed",))]


def test_an_answer_to_a_question_that_is_not_asked_is_told_once_with_its_place(
    products: Products, files: Files
) -> None:
    path = files(f"{VCPUS}=int:2\nOVEHOSTED_CORE/renewPKIonRestore=bool:True")
    out = io.StringIO()
    interviewer = Interviewer(load(ALL, files=[path]), ReplayFrontend(Screen(out, {})))
    interviewer.begin([Vm])
    interviewer.ask(Vm, products)
    for _ in range(2):
        interviewer.review([], [])
    assert out.getvalue().count("is not asked here, so its answer has no effect") == 1
    assert f"[ INFO  ] {path}:3: OVEHOSTED_CORE/renewPKIonRestore is not asked here" in out.getvalue()


def test_a_section_asked_again_proposes_and_replaces_its_answers(products: Products) -> None:
    interviewer = Interviewer(load(ALL), Scripted("/a", "", "/b"))
    for expected in ("/a", "/a", "/b"):
        interviewer.ask(Local, products)
        assert [one.value for one in interviewer.answered()] == [Path(expected)]


@pytest.mark.parametrize(
    ("line", "expected", "asked"),
    [
        ("OVEHOSTED_CORE/confirmSettings=bool:True", Confirm(), 0),
        ("OVEHOSTED_CORE/confirmSettings=bool:False", Decline(), 0),
        ("OVEHOSTED_CORE/confirmSettings=str:yes", Confirm(), 0),
        ("OVEHOSTED_CORE/deployProceed=bool:True", Confirm(), 0),
        ("OVEHOSTED_CORE/deployProceed=bool:True\nOVEHOSTED_CORE/confirmSettings=bool:False", Decline(), 0),
        (f"{VCPUS}=str:2", Decline(), 1),
    ],
)
def test_a_confirmation_in_a_file_counts(files: Files, line: str, expected: Review, asked: int) -> None:
    frontend = Scripted(reviews=[Decline()])
    interviewer = Interviewer(load(ALL, files=[files(line)]), frontend)
    assert interviewer.review([], []) == expected
    assert len(frontend.reviews) == 1 - asked
    assert len(frontend.previews) == 1


def test_wrong_answers_are_told_before_anything_starts(files: Files) -> None:
    interviewer = Interviewer(load(ALL, files=[files(f"{VCPUS}=str:x\n{FQDN}=str:x")]), Scripted())
    with pytest.raises(Problems) as caught:
        interviewer.begin(ALL)
    assert told(list(caught.value.problems())) == [
        ("HE-ANSWERS-VALUE", "answers.conf:2"),
        ("HE-ANSWERS-VALUE", "answers.conf:3"),
    ]
    assert exit_code_of(caught.value) is ExitCode.USAGE


def test_replay_lists_what_is_wrong_and_what_is_missing(files: Files) -> None:
    interviewer, _ = replay(load(ALL, files=[files(f"{VCPUS}=str:x\n{PATH}=bool:no")]))
    with pytest.raises(Problems) as caught:
        interviewer.begin(ALL)
    found = list(caught.value.problems())
    assert [(one.code, one.detail.rpartition("(")[2].rstrip(")")) for one in found if one.code.endswith("MISSING")] == [
        ("HE-ANSWERS-MISSING", PASSWORD),
        ("HE-ANSWERS-MISSING", OWN),
    ]
    assert [one.code for one in found] == [
        *("HE-ANSWERS-BOOL", "HE-ANSWERS-VALUE", "HE-ANSWERS-MISSING", "HE-ANSWERS-MISSING")
    ]
    secret, plain = found[2:]
    assert "HOSTED_ENGINE_SECRET_ADMIN_PASSWORD" in secret.hint
    assert "--secrets-file" in secret.hint
    assert f"{OWN}=str:" in plain.hint
    assert exit_code_of(caught.value) is ExitCode.USAGE


def test_replay_does_not_guess_what_is_missing_from_half_a_file(files: Files) -> None:
    interviewer, _ = replay(load(ALL, files=[files("what")]))
    with pytest.raises(Problems) as caught:
        interviewer.begin(ALL)
    assert [one.code for one in caught.value.problems()] == ["HE-ANSWERS-SYNTAX"]


def test_replay_takes_defaults_and_needs_no_confirmation(products: Products, files: Files) -> None:
    path = files(f"{FQDN}=str:engine.example.com\n{PASSWORD}=str:x1y2\n{OWN}=str:nat\n{PATH}=str:/srv/he")
    interviewer, out = replay(load(ALL, files=[path]))
    interviewer.begin(ALL)
    assert asked(interviewer, Vm, products).memory == 8000
    assert asked(interviewer, Engine, products).password == Secret("x1y2")
    assert asked(interviewer, Network, products).mode == "nat"
    assert interviewer.review([], ["storage domain z is renamed"]) == Confirm()
    assert "storage domain z is renamed" in out.getvalue()
    assert "answers.conf:2" in out.getvalue()
    assert "x1y2" not in out.getvalue()


def test_replay_tells_what_is_missing_once_the_run_has_looked(products: Products) -> None:
    interviewer, _ = replay(load(ALL))
    products[Facts] = Facts(memory=0)
    with pytest.raises(Problems) as caught:
        interviewer.ask(Vm, products)
    assert [one.code for one in caught.value.problems()] == ["HE-ANSWERS-MISSING"]
    with pytest.raises(Problems) as caught:
        interviewer.ask(Engine, products)
    assert [one.code for one in caught.value.problems()] == ["HE-ANSWERS-MISSING", "HE-ANSWERS-MISSING"]


def test_replay_refuses_a_default_that_a_check_refuses(products: Products) -> None:
    interviewer, _ = replay(load(ALL, resumed={PASSWORD: Recorded("x1y2")}))
    products[Backup] = Backup("engine")
    with pytest.raises(Problems) as caught:
        interviewer.ask(Vm, {**products, Facts: Facts(memory=-3)})
    (problem,) = caught.value.problems()
    assert (problem.code, problem.where) == ("HE-ANSWERS-VALUE", "detected")
