"""The plan: which steps a goal needs, in which order. Types decide, never registration order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeGuard

from hosted_setup.model.lookup import call_with, needs_of
from hosted_setup.model.question import is_section, questions_of, title_of
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import Only, Step, StepError
from hosted_setup.ports.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Ask:
    """An item of the plan: ask a section."""

    section: type[Any]
    needs: tuple[type[Any], ...]
    only: Only | None = None

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


@dataclass(frozen=True)
class Alternatives:
    """A product, `gives`, that one of several ways gives, as something answered before chooses.

    Args:
        gives: the product's type.
        title: what the plan calls it.
        choose: tells the word of the way that is taken, from what its annotations name.
        ways: for each word what has to be asked and looked at, as a goal type.
        make: makes the product of the word and of what was gained under it.
    """

    gives: type[Any]
    title: str
    choose: Callable[..., str]
    ways: Mapping[str, type[Any]]
    make: Callable[[str, Any], Any]


@dataclass(frozen=True)
class Select:
    """An item of the plan: take what the chosen way has given."""

    among: Alternatives
    only: None = None

    @property
    def name(self) -> str:
        """Give the name that the printed plan shows."""
        return f"select.{self.gives.__name__}"

    @property
    def title(self) -> str:
        """Give the words for it."""
        return self.among.title

    @property
    def stage(self) -> Stage:
        """It follows from what is answered."""
        return Stage.CUSTOMIZATION

    @property
    def gives(self) -> type[Any]:
        """Give the product's type."""
        return self.among.gives

    @property
    def products(self) -> tuple[type[Any], ...]:
        """Give what the choice is made of."""
        return needs_of(self.among.choose)

    def goal(self, have: Mapping[type[Any], Any]) -> type[Any]:
        """Tell which type the chosen way gives."""
        return self.among.ways[call_with(self.among.choose, have)]

    def make(self, have: Mapping[type[Any], Any]) -> Any:  # noqa: ANN401 - of the type it gives
        """Make the product."""
        return self.among.make(call_with(self.among.choose, have), have[self.goal(have)])


Item = Step | Ask | Select


class PlanError(StepError):
    """Steps do not fit together: a missing giver, a second one, a need from a later stage, a circle."""


def plan(
    goal: type[Any],
    steps: Iterable[Step],
    given: Iterable[type[Any]],
    alternatives: Iterable[Alternatives] = (),
    *,
    asking: bool = True,
) -> tuple[Item, ...]:
    """Order what `goal` needs; `given` are the products that are there from the start.

    Checks join when the goal's closure gives all they need; with `asking`, a check may bring in sections. Items of one
    stage are in the order of their needs, and otherwise in the order in which the goal's chain of needs names them, so
    the order is the same everywhere. All ways of `alternatives` are in the plan; what customization does for one of
    them only says so.

    Raises:
        PlanError: see the class.
    """
    steps = tuple(steps)
    planner = _Planner(_givers(steps), frozenset(given), {one.gives: one for one in alternatives})
    planner.visit(goal, ())
    closed = set(planner.placed) | planner.given
    for check in steps:
        if check.gives is None and all(need in closed or (asking and is_section(need)) for need in check.products):
            planner.place(check, (check.name,))
    return tuple(sorted(planner.conditioned(), key=lambda item: item.stage))


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
    def __init__(
        self,
        givers: dict[type[Any], Step],
        given: frozenset[type[Any]],
        alternatives: Mapping[type[Any], Alternatives],
    ) -> None:
        self.givers = givers
        self.given = given
        self.alternatives = alternatives
        self.placed: dict[type[Any], Item] = {}
        self.items: list[Item] = []
        self._way: tuple[Callable[..., str], str] | None = None  # that is being planned
        self._only: dict[str, Only] = {}

    def visit(self, need: type[Any], chain: tuple[str, ...]) -> Item | None:
        if need in self.given:
            return None
        if need in self.placed:
            self._widen(self.placed[need], chain)
            return self.placed[need]
        item = self._item(need)
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
            # a check joins what is there, and makes no item of one way an item of all
            giver = self.placed.get(need) if item.gives is None else None
            giver = giver or self.visit(need, chain)
            if giver is not None and giver.stage > item.stage:
                message = f"{item.name} ({item.stage.name}) needs {need.__name__}, given only in {giver.stage.name}"
                raise PlanError(message)
            if item.gives is None and giver is not None and giver.name in self._only:
                self._only[item.name] = self._only[giver.name]
        if isinstance(item, Select):
            self._ways(item, chain)
        if self._way is not None:
            choose, word = self._way
            self._only[item.name] = Only(choose, frozenset({word}))
        self.items.append(item)

    def conditioned(self) -> tuple[Item, ...]:
        """Give the items; one of customization that only some ways need says so, and a check of theirs."""

        def conditional(item: Item) -> TypeGuard[Step | Ask]:
            of_a_way = item.stage is Stage.CUSTOMIZATION or item.gives is None
            return not isinstance(item, Select) and of_a_way and item.name in self._only

        return tuple(replace(item, only=self._only[item.name]) if conditional(item) else item for item in self.items)

    def _item(self, need: type[Any]) -> Item | None:
        if need in self.alternatives:
            return Select(self.alternatives[need])
        return _ask(need) if is_section(need) else self.givers.get(need)

    def _ways(self, item: Select, chain: tuple[str, ...]) -> None:
        if self._way is not None:
            message = f"{item.name} would be a choice within a choice"
            raise PlanError(message)
        for word, goal in item.among.ways.items():
            self._way = item.among.choose, word
            self.visit(goal, chain)
        self._way = None

    def _widen(self, item: Item, chain: tuple[str, ...]) -> None:
        """Have an item that was placed for one way be due for the present one too, and all it needs."""
        before = self._only.get(item.name)
        if before is None or (self._way is not None and self._way[1] in before.words):
            return
        if self._way is None:
            del self._only[item.name]
        else:
            self._only[item.name] = Only(before.choose, before.words | {self._way[1]})
        for need in item.products:
            self.visit(need, chain)


def _ask(section: type[Any]) -> Ask:
    needs = dict.fromkeys(need for question in questions_of(section) for need in question.needs())
    return Ask(section, tuple(needs))
