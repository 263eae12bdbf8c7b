"""Steps and checks: functions whose annotations say what they need and what they give."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from hosted_setup.model.lookup import call_with, needs_of
from hosted_setup.model.question import is_section
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")
_SERVICES = (Host, UndoLog)


@dataclass(frozen=True)
class Only:
    """What makes an item of a plan due: that `choose`, called with what was answered, gives one of `words`."""

    choose: Callable[..., str]
    words: frozenset[str]

    def due(self, have: Mapping[type[Any], Any]) -> bool:
        """Tell whether it is due with these products; it is not before the choice is made."""
        return self._made(have) and call_with(self.choose, have) in self.words

    def passed_over(self, have: Mapping[type[Any], Any]) -> bool:
        """Tell whether the choice is made, for another way."""
        return self._made(have) and not self.due(have)

    def _made(self, have: Mapping[type[Any], Any]) -> bool:
        return all(need in have for need in needs_of(self.choose))


@dataclass(frozen=True)
class Step:
    """A function of a flow, read: `gives` is None for a check.

    `version` changes when a product's meaning does, so that a resumed run does not misread an older one's.
    `holds` says, on resume, whether the product still describes the world; if not, the step is undone and done again.
    """

    name: str
    title: str
    stage: Stage
    function: Callable[..., Any]
    needs: tuple[type[Any], ...]
    gives: type[Any] | None
    version: int = 1
    holds: Callable[..., bool] | None = None
    commits: bool = False
    """Whether this step's last deed is the flow's one commit point: before it undo, after it forward only."""
    within: float | None = None
    """Seconds one that only looks may take, None without limit: what it asks may hang and never answer."""
    blocking: bool = True
    """Of a check: whether its problem forbids the run, or is a warning."""
    when: Callable[..., bool] | None = None
    """Whether it applies, told by its parameters' types as a step's needs are; None for always.

    A check that does not is not run; a step gives its product all the same, but is neither listed nor announced.
    """
    kept: bool = True
    """Whether the journal keeps the product; one with secrets is gained anew where a run goes on."""
    only: Only | None = None
    """Set by the plan, for what one of several alternatives needs."""

    @property
    def products(self) -> tuple[type[Any], ...]:
        """Give the needs that other steps, the interview or the request must supply."""
        asked = (*self.needs, *(needs_of(self.when) if self.when else ()))
        return tuple(dict.fromkeys(need for need in asked if need not in _SERVICES))

    @property
    def label(self) -> str:
        """Give the name by which an operator knows a check: its title in one word."""
        return self.title.lower().replace(" ", "-")


class StepError(TypeError):
    """A step is written wrongly; found when it is declared, so it never reaches an operator."""


def step(  # noqa: PLR0913 - the properties of a step
    stage: Stage,
    title: str,
    *,
    version: int = 1,
    holds: Callable[..., bool] | None = None,
    commits: bool = False,
    within: float | None = None,
    when: Callable[..., bool] | None = None,
    kept: bool = True,
) -> Callable[[F], F]:
    """Make a function a step that gives its return type; its parameters are what it needs."""

    def decorate(function: F) -> F:
        made = replace(
            _read(stage, title, function), version=version, holds=holds, commits=commits, within=within, when=when,
            kept=kept,
        )  # fmt: skip
        if not kept and stage.changes:
            message = f"{made.name}: only what looks can be done anew"
            raise StepError(message)
        if made.gives is None:
            message = f"{made.name}: a step gives a product"
            raise StepError(message)
        setattr(function, "__step__", made)  # noqa: B010 - the type of a function has no such attribute
        return function

    return decorate


def check(
    title: str, *, blocking: bool = True, within: float = 7.0, when: Callable[..., bool] | None = None
) -> Callable[[F], F]:
    """Make a function a check of the validation stage: it gives nothing, changes nothing and raises Problems.

    A check joins every flow that has what it needs. Checks run side by side, each in a thread of its own.

    Args:
        title: what it looks at; in one word it is what `--ignore-check` takes.
        blocking: whether what it raises forbids the run; else it is a warning, which an operator may ignore.
        within: seconds it may take.
        when: whether it applies; its parameters are looked up by type.
    """

    def decorate(function: F) -> F:
        made = replace(_read(Stage.VALIDATION, title, function), blocking=blocking, within=within, when=when)
        if made.gives is not None:
            message = f"{made.name}: a check gives nothing"
            raise StepError(message)
        setattr(function, "__step__", made)  # noqa: B010 - see step
        return function

    return decorate


def step_of(function: Callable[..., Any]) -> Step:
    """Give the step that `step` or `check` made of a function."""
    made = getattr(function, "__step__", None)
    if not isinstance(made, Step):
        message = f"{function!r} is not a step"
        raise StepError(message)
    return made


def _read(stage: Stage, title: str, function: Callable[..., Any]) -> Step:
    name = f"{function.__module__.removeprefix('hosted_plugins.')}.{function.__name__}"
    needs = needs_of(function)
    gives = get_type_hints(function).get("return", type(None))
    product = None if gives is type(None) else gives
    if UndoLog in needs and not stage.changes:
        message = f"{name}: nothing is changed before the transaction, so there is nothing to undo"
        raise StepError(message)
    for kind in (*(need for need in needs if need not in _SERVICES), *([product] if product else [])):
        _plain_product(name, kind)
    return Step(name, title, stage, function, needs, product)


def _plain_product(name: str, kind: type[Any]) -> None:
    params = getattr(kind, "__dataclass_params__", None)
    if is_section(kind):
        return
    if not is_dataclass(kind) or params is None or not params.frozen:
        message = f"{name}: {kind!r} is not a frozen dataclass; a bare value does not say what it means"
        raise StepError(message)
