"""The plan: which steps a goal needs, in which order. Types decide, never registration order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hosted_setup.model.lookup import needs_of
from hosted_setup.model.question import is_section, questions_of, title_of
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import Step, StepError
from hosted_setup.ports.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Ask:
    """An item of the plan: ask a section."""

    section: type[Any]
    needs: tuple[type[Any], ...]

    @property
    def name(self) -> str:
        """Give the journal's name for it."""
        return f"ask.{self.section.__name__}"

    @property
    def title(self) -> str:
        """Give the section's heading."""
        return title_of(self.section)

    @property
    def stage(self) -> Stage:
        """Questions are asked in customization only."""
        return Stage.CUSTOMIZATION

    @property
    def gives(self) -> type[Any]:
        """Give the section: its answers are the product."""
        return self.section

    @property
    def products(self) -> tuple[type[Any], ...]:
        """Give what its suggestions, pick lists, conditions and checks look at, beside the host."""
        return tuple(need for need in self.needs if need is not Host)


Item = Step | Ask


class PlanError(StepError):
    """Steps do not fit together: a missing giver, a second one, a need from a later stage, a circle."""


def plan(goal: type[Any], steps: Iterable[Step], given: Iterable[type[Any]]) -> tuple[Item, ...]:
    """Order what `goal` needs; `given` are the products that are there from the start.

    Checks join when the goal's closure gives all they need. Items of one stage are in the order of their needs, and
    otherwise in the order in which the goal's chain of needs names them, so the order is the same everywhere.

    Raises:
        PlanError: see the class.
    """
    steps = tuple(steps)
    planner = _Planner(_givers(steps), frozenset(given))
    planner.visit(goal, ())
    closed = set(planner.placed) | planner.given
    for check in steps:
        if check.gives is None and all(need in closed or is_section(need) for need in check.products):
            planner.place(check, (check.name,))
    return tuple(sorted(planner.items, key=lambda item: item.stage))


def checks_of(items: Iterable[Item]) -> tuple[Step, ...]:
    """Give the checks of a plan."""
    return tuple(item for item in items if isinstance(item, Step) and item.gives is None)


def _givers(steps: Iterable[Step]) -> dict[type[Any], Step]:
    givers: dict[type[Any], Step] = {}
    for one in steps:
        if one.gives is None:
            continue
        other = givers.setdefault(one.gives, one)
        if other is not one:
            message = f"{one.gives.__name__} is given by {other.name} and by {one.name}"
            raise PlanError(message)
    return givers


class _Planner:
    def __init__(self, givers: dict[type[Any], Step], given: frozenset[type[Any]]) -> None:
        self.givers = givers
        self.given = given
        self.placed: dict[type[Any], Item] = {}
        self.items: list[Item] = []

    def visit(self, need: type[Any], chain: tuple[str, ...]) -> Item | None:
        if need in self.given:
            return None
        if need in self.placed:
            return self.placed[need]
        item = _ask(need) if is_section(need) else self.givers.get(need)
        if item is None:
            message = f"nothing gives {need.__name__}, needed by {chain[-1] if chain else 'the goal'}"
            raise PlanError(message)
        if item.name in chain:
            message = f"a circle: {' needs '.join((*chain, item.name))}"
            raise PlanError(message)
        self.place(item, (*chain, item.name))
        self.placed[need] = item
        return item

    def place(self, item: Item, chain: tuple[str, ...]) -> None:
        for need in item.products:
            giver = self.visit(need, chain)
            if giver is not None and giver.stage > item.stage:
                message = f"{item.name} ({item.stage.name}) needs {need.__name__}, given only in {giver.stage.name}"
                raise PlanError(message)
        self.items.append(item)


def _ask(section: type[Any]) -> Ask:
    needs: dict[type[Any], None] = {}
    for question in questions_of(section):
        for function, skip in ((question.suggest, 0), (question.offer, 0), (question.when, 0), (question.check, 1)):
            needs.update(dict.fromkeys(_needs(function, skip)))
    return Ask(section, tuple(needs))


def _needs(function: Callable[..., Any] | None, skip: int) -> tuple[type[Any], ...]:
    return needs_of(function, skip) if function else ()
