"""An interview of several sections: back, again, and what is changed at the end. Long: it is one conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.interview.frontend import Confirm, Decline, Reopen
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import load
from hosted_setup.model.answer import Origin, Source, Suggestion
from hosted_setup.model.events import Failed
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.ports.problems import NameTaken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosted_setup.interview.frontend import Preview, Review
    from hosted_setup.interview.section_interview import Answered, SectionInterview
    from hosted_setup.interview.store import Answers
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question
    from tests.unit.interview.conftest import Files

SIZE, PASSWORD = "HOSTED_ENGINE/size", "OVEHOSTED_ENGINE/adminPassword"


@section("Size")
class Size:
    """What the others depend on."""

    size: int = ask("Size", key=SIZE, default=10)
    unit: str = ask("Unit", key="HOSTED_ENGINE/unit", default="GiB", asked=False)


def _half(size: Size) -> Suggestion[int]:
    return Suggestion(size.size // 2)


def _fits(value: int, size: Size) -> None:
    if value > size.size:
        message = f"{value} is more than {size.size}"
        raise ValueError(message)


def _large(size: Size) -> bool:
    return size.size > 100


@section("Size")
class Parts:
    """Of the same title."""

    part: int = ask("Part", key="HOSTED_ENGINE/part", suggest=_half, check=_fits)
    reserve: int = ask("Reserve", key="HOSTED_ENGINE/reserve", default=1, when=_large)
    shown: int = ask("Shown", key="HOSTED_ENGINE/shown", suggest=_half, asked=False)


@section("Access")
class Access:
    """With a secret in the middle."""

    user: str = ask("User", key="HOSTED_ENGINE/user", default="admin")
    password: Secret = ask("Password", key=PASSWORD)
    realm: str = ask("Realm", key="HOSTED_ENGINE/realm", default="internal")


ALL = (Size, Parts, Access)


@dataclass
class Operator:
    """Replies what a test wrote down: `NAME=TEXT`, to see that this is what is asked."""

    replies: list[str]
    reviews: list[Review] = field(default_factory=lambda: [Confirm()])
    attended: bool = True
    headings: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Somebody is there."""

    def fill(self, interview: SectionInterview) -> None:
        self.headings.append(interview.heading)
        while (prompt := interview.prompt) is not None:
            name, _, text = self.replies.pop(0).partition("=")
            assert prompt.question.name == name, (prompt, name, text)
            rejected = interview.back() if text == "back" else interview.reply(text)
            if rejected:
                self.rejected.append(rejected.reason)

    def show(self, preview: Preview) -> None:
        self.previews.append(preview)

    def review(self, preview: Preview) -> Review:
        return self.reviews.pop(0)

    def confirm(self, prompt: str, *, default: bool) -> bool:
        raise NotImplementedError


def walk(interviewer: Interviewer) -> dict[type[Any], Any]:
    """Ask all, as the runner does."""
    products: dict[type[Any], Any] = {}
    at, way = 0, 1
    while at < len(ALL):
        made = interviewer.ask(ALL[at], products, returning=way < 0)
        products[ALL[at]] = made
        way = -1 if made is None else 1
        at += way
    return products


def hold(operator: Operator, answers: Answers | None = None) -> tuple[dict[type[Any], Any], Interviewer]:
    """Hold an interview to its end, with as many rounds as the operator wants."""
    interviewer = Interviewer(answers or load(ALL), operator)
    interviewer.begin(ALL)
    products = walk(interviewer)
    while isinstance(interviewer.review([], []), Reopen):
        products = walk(interviewer)
    assert not operator.replies
    return products, interviewer


def values(interviewer: Interviewer) -> dict[str, tuple[Any, str]]:
    return {one.question.name: (one.value, str(one.origin)) for one in interviewer.answered()}


def test_back_returns_to_the_last_question_of_the_section_before() -> None:
    operator = Operator(
        [
            "size=20",
            "part=7",
            "user=back",
            "part=back",
            "size=30",
            "part=",
            "user=me",
            "password=x",
            "password=x",
            "realm=",
        ]
    )
    products, interviewer = hold(operator)
    assert products[Size].size == 30
    assert products[Parts].part == 7  # what was typed is the proposal
    assert values(interviewer)["part"] == (7, "typed")
    assert values(interviewer)["shown"] == (15, "detected")  # nobody answered that: it follows


def test_a_proposal_that_no_longer_fits_is_refused_at_its_prompt() -> None:
    operator = Operator(
        [
            "size=20",
            "part=7",
            "user=back",
            "part=back",
            "size=4",
            "part=",
            "user=",
            "password=x",
            "password=x",
            "realm=",
        ]
    )
    products, interviewer = hold(operator)
    assert values(interviewer)["part"] == (2, "detected")
    assert products[Parts].part == 2


def test_at_the_very_first_question_back_says_so() -> None:
    operator = Operator(["size=back", "size=", "part=", "user=", "password=x", "password=x", "realm="])
    hold(operator)
    assert operator.rejected == ["this is the first question"]


def test_a_section_that_asks_nothing_is_passed_on_the_way_back(files: Files) -> None:
    answers = load(ALL, files=[files("HOSTED_ENGINE/part=int:3")])
    operator = Operator(["size=20", "user=back", "size=", "user=", "password=x", "password=x", "realm="])
    products, _ = hold(operator, answers)
    assert products[Size].size == 20


def test_a_secret_is_asked_again_only_where_the_operator_goes_back_into_it() -> None:
    operator = Operator(
        [
            "size=", "part=", "user=", "password=x", "password=x", "realm=back",
            "password=back", "user=back", "part=", "user=me",  # the password stays
            "realm=back", "password=", "realm=",  # into it: an empty reply keeps it
        ]
    )  # fmt: skip
    products, _ = hold(operator)
    assert products[Access] == Access(user="me", password=Secret("x"), realm="internal")


def test_sections_of_one_title_read_as_one() -> None:
    operator = Operator(["size=", "part=", "user=", "password=x", "password=x", "realm="])
    hold(operator)
    assert operator.headings == ["Size", "", "Access"]


def test_a_reopened_answer_is_asked_with_itself_as_default_and_the_rest_stays() -> None:
    operator = Operator(
        ["size=20", "part=7", "user=", "password=x", "password=x", "realm=", "user=root"], [Reopen(5), Confirm()]
    )
    _, interviewer = hold(operator)
    assert [one.question.name for one in operator.previews[0].answers][4] == "user"
    assert values(interviewer)["user"] == ("root", "typed")
    assert values(interviewer)["part"] == (7, "typed")


def test_what_a_change_makes_invalid_or_active_is_asked_too() -> None:
    begin = ["size=20", "part=7", "user=", "password=x", "password=x", "realm="]
    operator = Operator([*begin, "size=200", "reserve=9", "size=5", "part="], [Reopen(1), Reopen(1), Confirm()])
    products, interviewer = hold(operator)
    assert products[Parts] == Parts(part=2, reserve=1, shown=2)
    assert "reserve" not in values(interviewer)
    assert [one.code for one in told(operator)] == ["HE-ANSWERS-VALUE"]  # why the part is asked again
    assert "reserve" in [one.question.name for one in operator.previews[1].answers]


def test_what_a_file_says_and_what_is_never_asked_is_reopened_too(files: Files) -> None:
    answers = load(ALL, files=[files(f"{SIZE}=int:40")])
    operator = Operator(
        ["part=", "user=", "password=x", "password=x", "realm=", "size=", "size=60", "unit=MiB", "shown=1"],
        [Reopen(1), Reopen(1), Reopen(2), Reopen(4), Confirm()],
    )
    products, interviewer = hold(operator, answers)
    assert operator.previews[1].answers[0].origin.source is Source.FILE  # an empty reply keeps it
    assert values(interviewer)["size"] == (60, "typed")
    assert values(interviewer)["part"] == (20, "detected")  # was accepted, stays
    assert products[Size] == Size(size=60, unit="MiB")
    assert values(interviewer)["shown"] == (1, "typed")


def test_a_secret_is_reopened() -> None:
    begin = ["size=", "part=", "user=", "password=x", "password=x", "realm="]
    products, _ = hold(Operator([*begin, "password=y", "password=y"], [Reopen(6), Confirm()]))
    assert products[Access].password == Secret("y")


def test_back_works_in_the_second_round_too() -> None:
    begin = ["size=20", "part=7", "user=", "password=x", "password=x", "realm="]
    operator = Operator([*begin, "user=back", "part=8", "user="], [Reopen(5), Confirm()])
    products, _ = hold(operator)
    assert products[Parts].part == 8


def told(operator: Operator) -> list[Problem]:
    return [one for event in operator.events if isinstance(event, Failed) for one in event.problem.problems()]


def test_a_wrong_given_answer_is_told_and_asked_where_somebody_is_there(files: Files) -> None:
    answers = load(ALL, files=[files("HOSTED_ENGINE/part=int:30")])
    operator = Operator(["size=20", "part=", "user=", "password=x", "password=x", "realm="])
    products, _ = hold(operator, answers)
    assert products[Parts].part == 10
    assert [one.where.rpartition("/")[2] for one in told(operator)] == ["answers.conf:2"]


def test_problems_of_the_checks_are_told_below_the_preview_and_forbid_the_confirmation() -> None:
    operator = Operator([], [Reopen(1), Decline()])
    interviewer = Interviewer(load(ALL, files=[]), operator)
    operator.replies = ["size=20", "part=7", "user=", "password=x", "password=x", "realm="]
    walk(interviewer)
    assert interviewer.review([], [], NameTaken("size 20")) == Reopen(1)
    assert operator.previews[0].refused
    assert [one.detail for one in told(operator)] == ["size 20"]
    operator.replies = ["size=30"]
    walk(interviewer)
    assert interviewer.review([], []) == Decline()
    assert not operator.previews[1].refused


def test_with_nobody_there_they_are_raised_with_what_was_held() -> None:
    def taken(size: int) -> None:
        raise NameTaken(str(size))

    @section("World")
    class World:
        size: int = ask("Size", key=SIZE, default=10, check=taken)

    interviewer = Interviewer(load([World]), Replaying([]))
    assert interviewer.ask(World, {}) == World(size=10)
    for again in (None, NameTaken("10")):
        with pytest.raises(NameTaken, match="10"):  # told once
            interviewer.review([], [], again)
    with pytest.raises(Problem) as caught:
        interviewer.review([], [], NameTaken("another"))
    assert [one.detail for one in caught.value.problems()] == ["10", "another"]


class Replaying(Operator):
    """Nobody."""

    def __init__(self, replies: list[str]) -> None:
        super().__init__(replies, attended=False)

    def fill(self, interview: SectionInterview) -> None:
        assert interview.accept_defaults() == ()


def test_a_confirmation_in_a_file_does_not_count_once_something_was_changed(files: Files) -> None:
    answers = load(ALL, files=[files("OVEHOSTED_CORE/confirmSettings=bool:True")])
    operator = Operator(
        ["size=", "part=", "user=", "password=x", "password=x", "realm=", "size=12"], [Reopen(1), Decline()]
    )
    interviewer = Interviewer(answers, operator)
    interviewer.begin(ALL)
    walk(interviewer)
    assert interviewer.review([], [], NameTaken("x")) == Reopen(1)
    walk(interviewer)
    assert interviewer.review([], []) == Decline()


def test_every_answer_is_kept_at_once() -> None:
    kept: list[tuple[Answered, ...]] = []
    heard: list[str] = []
    operator = Operator(["size=20", "part=7"])
    interviewer = Interviewer(load(ALL), operator, keep=kept.append)
    interviewer.begin(ALL)
    products: dict[type[Any], Any] = {}
    products[Size] = interviewer.ask(Size, products, lambda: heard.append("size"))
    interviewer.ask(Parts, products, lambda: heard.append("part"))
    assert heard == ["size", "part"]
    assert [[one.question.name for one in answers] for answers in kept] == [
        ["size", "unit"],
        ["size", "unit", "part", "shown"],
    ]
    assert interviewer.texts(Parts, typed=True) == (("HOSTED_ENGINE/part", "7"),)
    assert kept[0][0].origin == Origin(Source.TYPED)


def test_a_section_that_is_left_out_is_in_no_preview_and_stays_in_memory() -> None:
    operator = Operator(["size=20", "part=7"])
    interviewer = Interviewer(load(ALL), operator)
    interviewer.begin(ALL)
    products: dict[type[Any], Any] = {Size: interviewer.ask(Size, {})}
    interviewer.ask(Parts, products)
    interviewer.leave_out(Parts)
    assert [one.question.name for one in interviewer.answered()] == ["size", "unit"]
    operator.replies = ["part="]
    made = interviewer.ask(Parts, products)
    assert made is not None
    assert made.part == 7
