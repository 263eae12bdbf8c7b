"""What a run tells whoever watches it; frontends and the log draw these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hosted_setup.model.problem import Problem


@dataclass(frozen=True)
class Heading:
    """A stage begins; `text` is the heading operators know."""

    text: str


@dataclass(frozen=True)
class StepBegun:
    """Step `number` of `total` begins."""

    title: str
    number: int
    total: int


@dataclass(frozen=True)
class Info:
    """Something worth a line."""

    text: str


@dataclass(frozen=True)
class Warn:
    """Something to look at that stops nothing."""

    text: str


@dataclass(frozen=True)
class GuestLine:
    """A line the appliance printed; shown with `|- ` before it."""

    text: str


@dataclass(frozen=True)
class Waiting:
    """A wait goes on: for what, since when, how long it may (None: no limit) and usually does take (seconds)."""

    what: str
    elapsed: float
    within: float | None = None
    typical: float | None = None


@dataclass(frozen=True)
class Failed:
    """A problem the operator must see."""

    problem: Problem


@dataclass(frozen=True)
class Summary:
    """The closing lines, to be copied from the terminal."""

    lines: tuple[str, ...]


Event = Heading | StepBegun | Info | Warn | GuestLine | Waiting | Failed | Summary


class Reporter(Protocol):
    """Takes events; never raises because of what an event holds."""

    def emit(self, event: Event) -> None:
        """Show or record `event`."""
