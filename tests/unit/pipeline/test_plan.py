"""The plan follows from types alone."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.model.answer import Suggestion
from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.flow import render
from hosted_setup.pipeline.plan import PlanError, plan
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import Step
from tests.unit.pipeline import kit


@dataclass(frozen=True)
class A:
    """A product."""


@dataclass(frozen=True)
class B:
    """A product."""


@dataclass(frozen=True)
class C:
    """A product."""


@dataclass(frozen=True)
class D:
    """A product."""


@section("Wishes")
class Wishes:
    """A section without needs."""

    one: str = ask("One", key="TEST/one", default="")


def propose(found: A) -> Suggestion[str]:
    raise NotImplementedError


@section("Proposing")
class Proposing:
    """A section that proposes something found before."""

    two: str = ask("Two", key="TEST/two", suggest=propose)


def giver(gives: type[Any] | None, *needs: type[Any], stage: Stage = Stage.SETUP, name: str = "") -> Step:
    word = name or f"give{gives.__name__ if gives else 'nothing'}"
    return Step(word, word, stage, lambda: None, needs, gives)


def checking(*needs: type[Any], name: str) -> Step:
    return giver(None, *needs, stage=Stage.VALIDATION, name=name)


def names(goal: type[Any], *steps: Step, given: tuple[type[Any], ...] = ()) -> list[str]:
    return [item.name for item in plan(goal, steps, given)]


def test_givers_come_before_what_needs_them() -> None:
    assert names(C, giver(C, B, A), giver(B, A), giver(A)) == ["giveA", "giveB", "giveC"]


def test_what_the_goal_does_not_need_is_left_out() -> None:
    assert names(B, giver(A), giver(B), giver(C, A)) == ["giveB"]


def test_what_is_given_needs_no_giver() -> None:
    assert names(B, giver(B, A), given=(A,)) == ["giveB"]


def test_stages_come_before_needs() -> None:
    early, late = giver(A, stage=Stage.CLOSING), giver(B, stage=Stage.SETUP)
    assert names(C, giver(C, A, B, stage=Stage.CLOSING), early, late) == ["giveB", "giveA", "giveC"]


def test_a_missing_giver_is_named_with_who_needs_it() -> None:
    with pytest.raises(PlanError, match="nothing gives A, needed by giveB"):
        names(B, giver(B, A))


def test_a_goal_that_nothing_gives() -> None:
    with pytest.raises(PlanError, match="nothing gives A, needed by the goal"):
        names(A)


def test_a_second_giver_is_refused() -> None:
    with pytest.raises(PlanError, match="A is given by giveA and by rival"):
        names(A, giver(A), giver(A, name="rival"))


def test_a_need_from_a_later_stage_is_refused() -> None:
    with pytest.raises(PlanError, match=r"giveB \(SETUP\) needs A, given only in CLOSING"):
        names(B, giver(B, A), giver(A, stage=Stage.CLOSING))


def test_a_need_from_a_later_stage_is_refused_when_it_was_placed_before() -> None:
    with pytest.raises(PlanError, match=r"giveB \(SETUP\) needs A"):
        names(C, giver(C, A, B, stage=Stage.CLOSING), giver(A, stage=Stage.CLOSING), giver(B, A))


def test_a_circle_is_told_as_one() -> None:
    with pytest.raises(PlanError, match="a circle: giveA needs giveB needs giveA"):
        names(A, giver(A, B), giver(B, A))


def test_a_check_joins_a_flow_that_has_what_it_needs() -> None:
    join, other = checking(A, name="join"), checking(D, name="other")
    assert names(B, join, other, giver(B, A), giver(A), giver(D)) == ["giveA", "giveB", "join"]


def test_a_check_brings_its_own_questions() -> None:
    assert names(A, giver(A), checking(A, Wishes, name="wish")) == ["giveA", "ask.Wishes", "wish"]


def test_a_section_is_asked_in_customization_after_what_it_proposes() -> None:
    goal = giver(B, Proposing, stage=Stage.TRANSACTION)
    assert names(B, goal, giver(A)) == ["giveA", "ask.Proposing", "giveB"]


@given(
    st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_order_is_one_whatever_the_registration(needs: list[set[int]], random: Any) -> None:  # noqa: ANN401 - hypothesis's
    kinds = [make_dataclass(f"P{number}", (), frozen=True) for number in range(len(needs))]
    steps = [
        giver(kinds[number], *(kinds[need] for need in sorted(wanted) if need < number))
        for number, wanted in enumerate(needs)
    ]
    expected = names(kinds[-1], *steps)
    shuffled = steps[:]
    random.shuffle(shuffled)
    assert names(kinds[-1], *shuffled) == expected
    places = {name: at for at, name in enumerate(expected)}
    for one in steps:
        if one.name in places:
            assert all(places[f"give{need.__name__}"] < places[one.name] for need in one.needs)


def test_a_plan_is_printed_by_stages() -> None:
    assert render(kit.items()) == (
        "Stage: Environment setup\n"
        "  Look [tests.unit.pipeline.kit.look]\n"
        "Stage: Environment customization\n"
        "  Names [ask.Names]\n"
        "Stage: Setup validation\n"
        "  Name [tests.unit.pipeline.kit.name]\n"
        "  Size [tests.unit.pipeline.kit.size]\n"
        "Stage: Misc configuration\n"
        "  Make the first [tests.unit.pipeline.kit.make_first]\n"
        "  Make the second [tests.unit.pipeline.kit.make_second]\n"
        "  Switch [tests.unit.pipeline.kit.switch]\n"
        "Stage: Closing up\n"
        "  Close [tests.unit.pipeline.kit.close]\n"
    )
