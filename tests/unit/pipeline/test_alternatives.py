"""One of several ways, as an answer chooses; done for that way alone. Long: plan and run of one small flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.interview.frontend import Confirm, Decline, Reopen
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import load
from hosted_setup.model.answer import Recorded
from hosted_setup.model.events import Failed
from hosted_setup.model.problem import Aborted
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.pipeline.flow import Flow, render
from hosted_setup.pipeline.journal import Begun, Past
from hosted_setup.pipeline.plan import Alternatives, Ask, PlanError, plan
from hosted_setup.pipeline.runner import Declined, Runner
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step, step_of
from hosted_setup.ports.host import Host
from tests.unit.interview.test_visits import Operator
from tests.unit.pipeline.kit import Recorder, Refused, Request, journal_of, kinds

if TYPE_CHECKING:
    from hosted_setup.pipeline.journal import AnyRecord
    from hosted_setup.pipeline.plan import Item

CONNECTION = "TEST/connection"


@section("Storage")
class Kind:
    """Which way."""

    kind: str = ask("Kind", key="TEST/kind", default="folder")


@section("Storage")
class Folder:
    """The way of a folder."""

    path: str = ask("Path", key=CONNECTION)


@section("Storage")
class Portal:
    """The first part of the way of a target."""

    address: str = ask("Address", key="TEST/address")


@dataclass(frozen=True)
class Targets:
    """What a portal offers."""

    names: tuple[str, ...]


def _targets(found: Targets) -> list[Choice]:
    return [Choice(name) for name in found.names]


@section("Storage")
class Target:
    """The second part."""

    name: str = ask("Target", key=CONNECTION, offer=_targets)


@dataclass(frozen=True)
class Chosen:
    """What was chosen."""

    kind: str
    answers: Any


@dataclass(frozen=True)
class Goal:
    """The goal."""

    kind: str


@dataclass(frozen=True)
class Facts:
    """What is looked at in any case."""


def _kind(kind: Kind) -> str:
    return kind.kind


@step(Stage.CUSTOMIZATION, "Ask the portal for its targets")
def discover(portal: Portal, facts: Facts, host: Host) -> Targets:
    if portal.address == "dead":
        detail = "dead"
        raise Refused(detail)
    return Targets((f"{portal.address}:a", f"{portal.address}:b"))


@step(Stage.SETUP, "Look")
def look() -> Facts:
    return Facts()


@check("Folder")
def folder(way: Folder) -> None:
    if way.path == "/full":
        raise Refused(way.path)


@step(Stage.TRANSACTION, "Use it")
def use(chosen: Chosen) -> Goal:
    return Goal(chosen.kind)


FLOW = Flow("storage", Goal, Request)
WAYS = Alternatives(Chosen, "The chosen way", _kind, {"folder": Folder, "target": Target}, Chosen)
STEPS = tuple(step_of(function) for function in (discover, look, use, folder))


def items() -> tuple[Item, ...]:
    return FLOW.plan(STEPS, alternatives=(WAYS,))


def test_the_plan_has_every_way_and_says_which_is_whose() -> None:
    assert render(items()) == (
        "Stage: Environment setup\n"
        "  Look [tests.unit.pipeline.test_alternatives.look]\n"
        "Stage: Environment customization\n"
        "  Storage [ask.Kind]\n"
        "  Storage [ask.Folder], only for folder\n"
        "  Storage [ask.Portal], only for target\n"
        "  Ask the portal for its targets [tests.unit.pipeline.test_alternatives.discover], only for target\n"
        "  Storage [ask.Target], only for target\n"
        "  The chosen way [select.Chosen]\n"
        "Stage: Setup validation\n"
        "  Folder [tests.unit.pipeline.test_alternatives.folder], only for folder\n"
        "Stage: Misc configuration\n"
        "  Use it [tests.unit.pipeline.test_alternatives.use]\n"
    )


@section("A")
class A:
    """What the next one needs."""

    a: str = ask("A", key="TEST/a")


def _from_a(a: A) -> bool:
    raise NotImplementedError


@section("B")
class B:
    """What needs the one before."""

    b: str = ask("B", key="TEST/b", default="", when=_from_a)


def _only(*needs: type[Any]) -> dict[str, frozenset[str] | None]:
    """Plan three ways, and a step after the choice that has more `needs`; tell for which ways each section is asked."""
    ways = Alternatives(Chosen, "", _kind, {"one": A, "two": B, "three": Folder}, Chosen)
    last = replace(step_of(use), needs=(Chosen, *needs))
    planned = plan(Goal, (last,), (), (ways,))
    return {item.section.__name__: item.only.words if item.only else None for item in planned if isinstance(item, Ask)}


def test_what_two_ways_need_is_asked_for_both_and_what_all_need_for_all() -> None:
    folder_only = frozenset({"three"})
    assert _only() == {
        "Kind": None, "A": frozenset({"one", "two"}), "B": frozenset({"two"}), "Folder": folder_only
    }  # fmt: skip
    assert _only(A) == {"Kind": None, "A": None, "B": frozenset({"two"}), "Folder": folder_only}
    assert _only(B) == {"Kind": None, "A": None, "B": None, "Folder": folder_only}


def test_a_choice_within_a_choice_is_refused() -> None:
    @dataclass(frozen=True)
    class Inner:
        pass

    inner = Alternatives(Inner, "", _kind, {"x": Folder}, lambda _word, _product: Inner())
    outer = Alternatives(Chosen, "", _kind, {"x": Inner}, Chosen)
    with pytest.raises(PlanError, match=r"select\.Inner would be a choice within a choice"):
        plan(Chosen, (), (), (outer, inner))


@dataclass
class Held:
    """A run with an operator."""

    have: Mapping[type[Any], Any] = field(default_factory=dict)
    records: list[AnyRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def hold(host: Host, operator: Operator) -> Held:
    """Run with what the journal holds already."""
    with journal_of(host) as journal:
        past = Past(journal.records)
        sections = [item.section for item in items() if isinstance(item, Ask)]
        interviewer = Interviewer(load(sections, resumed=past.answers), operator)
        interviewer.begin(sections)
        held = Held(records=journal.records)
        reporter = host.reporter
        assert isinstance(reporter, Recorder)
        try:
            held.have = Runner(items(), host, journal, interviewer, past).run(Request())
        finally:
            failed = [event.problem for event in (*reporter.events, *operator.events) if isinstance(event, Failed)]
            held.problems = [one.detail for problem in failed for one in problem.problems()]
        assert not operator.replies
        return held


def test_only_the_chosen_way_is_asked_and_done(host: Host) -> None:
    held = hold(host, Operator(["kind=", "path=/srv"]))
    assert held.have[Chosen] == Chosen("folder", Folder(path="/srv"))
    assert "Begun discover" not in kinds(held.records)


def test_what_a_way_looks_up_is_offered_to_choose_from(host: Host) -> None:
    held = hold(host, Operator(["kind=target", "address=p", "name=2"]))
    assert held.have[Chosen] == Chosen("target", Target(name="p:b"))
    assert held.have[Goal] == Goal("target")


def test_another_way_is_taken_on_the_way_back_and_the_first_is_remembered(host: Host) -> None:
    operator = Operator(
        ["kind=", "path=back", "kind=target", "address=p", "name=1", "kind=folder", "path=/srv", "kind=target"],
        [Reopen(1), Reopen(1), Confirm()],
    )
    held = hold(host, operator)
    assert held.have[Chosen] == Chosen("target", Target(name="p:a"))
    assert Folder not in held.have
    assert [[one.question.name for one in preview.answers] for preview in operator.previews] == [
        ["kind", "address", "name"], ["kind", "path"], ["kind", "address", "name"]
    ]  # fmt: skip
    assert operator.rejected == []


def test_a_look_is_made_again_only_when_what_it_looks_at_has_changed(host: Host) -> None:
    operator = Operator(
        ["kind=target", "address=p", "name=back", "address=", "name=back", "address=q", "name=", "name=q:a"],
    )
    held = hold(host, operator)
    assert kinds(held.records).count("Begun discover") == 2
    assert kinds(held.records).count("Begun look") == 1
    assert operator.rejected == ["an answer is needed"]
    assert held.have[Chosen].answers == Target(name="q:a")


def test_what_a_look_finds_wrong_is_told_and_its_section_asked_again(host: Host) -> None:
    held = hold(host, Operator(["kind=target", "address=dead", "address=p", "name=1"]))
    assert held.problems == ["dead"]
    assert held.have[Chosen].answers == Target(name="p:a")


def test_what_a_check_finds_wrong_is_mended_in_the_preview(host: Host) -> None:
    operator = Operator(["kind=", "path=/full", "path=/srv"], [Reopen(2), Confirm()])
    held = hold(host, operator)
    assert held.problems == ["/full"]
    assert [preview.refused for preview in operator.previews] == [True, False]
    assert operator.previews[1].plan == ("Use it",)
    assert held.have[Goal] == Goal("folder")


def test_whoever_mends_nothing_declines(host: Host) -> None:
    with pytest.raises(Declined):
        hold(host, Operator(["kind=", "path=/full"], [Decline()]))


class Leaving(Operator):
    """Leaves after the last reply."""

    def fill(self, interview: Any) -> None:  # noqa: ANN401 - a SectionInterview
        try:
            super().fill(interview)
        except IndexError:
            raise Aborted from None


def test_an_interrupted_interview_goes_on_with_every_answer(host: Host) -> None:
    with pytest.raises(Aborted):
        hold(
            host,
            Leaving(["kind=target", "address=p", "name=1"], []) if False else Leaving(["kind=target", "address=p"]),
        )
    held = hold(host, Operator(["name=1"]))
    assert held.have[Chosen] == Chosen("target", Target(name="p:a"))


def test_an_answer_that_was_recorded_for_another_section_is_asked(host: Host) -> None:
    with pytest.raises(Aborted):
        hold(host, Leaving(["kind=", "path=/srv"], [Reopen(1)]))  # and leaves at the kind
    held = hold(host, Operator(["kind=target", "address=p", "name=1"], [Reopen(1), Confirm()]))
    assert held.have[Chosen] == Chosen("target", Target(name="p:a"))
    answered = Past(held.records).answers
    assert answered[CONNECTION] == Recorded("p:a", "Target", typed=True)


def test_before_the_confirmation_a_resume_looks_anew_and_after_it_does_not(host: Host) -> None:
    with pytest.raises(Aborted):
        hold(host, Leaving(["kind=target", "address=p"]))
    held = hold(host, Operator(["name=1"]))
    names = [one.step.rpartition(".")[2] for one in held.records if isinstance(one, Begun)]
    assert names == ["look", "discover", "look", "discover", "folder", "use"]
