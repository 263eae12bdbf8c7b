"""What a run tells whoever watches it; frontends and the log draw these, other programs read them as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec

from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A JSON object that another program can read; `v` is the version of the schema (`docs/machine-dialect.json`)."""

    v: Literal[1] = 1


class Heading(Message, frozen=True, tag="heading"):
    """A stage begins; `text` is the heading operators know."""

    text: str


class StepBegun(Message, frozen=True, tag="step"):
    """Step `number` of the `total` that do the work begins: those that follow the confirmation."""

    title: str
    number: int
    total: int


class Info(Message, frozen=True, tag="info"):
    """Something worth a line."""

    text: str


class Warn(Message, frozen=True, tag="warning"):
    """Something to look at that stops nothing; a check's has its problem's code and its `--ignore-check` name."""

    text: str
    code: str = ""
    check: str = ""


class GuestLine(Message, frozen=True, tag="guest"):
    """A line the appliance printed; shown with `|- ` before it."""

    text: str


class Waiting(Message, frozen=True, tag="waiting"):
    """A wait goes on: for what, since when, how long it may (None: no limit) and usually does take (seconds)."""

    what: str
    elapsed: float
    within: float | None = None
    typical: float | None = None

    @property
    def kind(self) -> str:
        """What is waited for, without the percentage at its end."""
        return self.what.rpartition(",")[0] or self.what


class Failed(Message, frozen=True, tag="failed"):
    """A problem the operator must see."""

    problem: Problem = msgspec.field(name="problems")


class Item(msgspec.Struct, frozen=True):
    """A line of a summary as data; its `name` is the same in every language, and may come more than once."""

    name: str
    value: str


class Summary(Message, frozen=True, tag="summary"):
    """The closing lines, to be copied from the terminal; the facts among them, and the commands to run next."""

    lines: tuple[str, ...]
    facts: tuple[Item, ...] = ()
    commands: tuple[Item, ...] = ()

    @classmethod
    def of(cls, facts: Iterable[tuple[Item, str]], commands: Iterable[tuple[Item, str]], *notes: str) -> Summary:
        """Make one of what is now and what may be run next, each with its line; `notes` tell what to do before."""
        now, then = tuple(facts), tuple(commands)
        lines = (*(line for _fact, line in now), f"{_('Next')}:", *notes, *(line for _command, line in then))
        return cls(lines, tuple(fact for fact, _line in now), tuple(command for command, _line in then))


class End(Message, frozen=True, tag="end"):
    """The process has done what it was asked for, or as much of it as it could; `code` is its exit code."""

    code: int


Event = Heading | StepBegun | Info | Warn | GuestLine | Waiting | Failed | Summary | End


class Reporter(Protocol):
    """Takes events; never raises because of what an event holds."""

    def emit(self, event: Event) -> None:
        """Show or record `event`."""
