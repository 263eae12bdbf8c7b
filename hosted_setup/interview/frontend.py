"""What a way of talking to an operator must do; drawing only, the rules are in `section_interview`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hosted_setup.model.events import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosted_setup.interview.section_interview import Answered, SectionInterview
    from hosted_setup.model.question import Question


@dataclass(frozen=True)
class Preview:
    """What the operator confirms.

    Each answer with its origin, what the run will do in words, and what it destroys or takes away. One that is
    `refused` cannot be confirmed: a check has found problems, which are told below it. One that is not `asked` was
    confirmed, or declined, beforehand.
    """

    answers: tuple[Answered, ...]
    plan: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    refused: bool = False
    asked: bool = True


@dataclass(frozen=True)
class Confirm:
    """The operator goes ahead."""


@dataclass(frozen=True)
class Decline:
    """The operator does not."""


@dataclass(frozen=True)
class Reopen:
    """The operator changes the answer of this number, counted from 1 in the preview."""

    number: int


Review = Confirm | Decline | Reopen


class Frontend(Reporter, Protocol):
    """Asks and shows. Raises `model.problem.Aborted` when the operator leaves; lets KeyboardInterrupt pass."""

    @property
    def attended(self) -> bool:
        """Whether somebody is there to reply."""

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Look at the questions that only an operator can answer, before anything is asked.

        Raises:
            Problems: from a frontend with nobody behind it, one for each question.
        """

    def fill(self, interview: SectionInterview) -> None:
        """Draw prompts and pass replies on until `interview` has no prompt; called only if it has one.

        Raises:
            Problems: from a frontend with nobody behind it.
        """

    def show(self, preview: Preview) -> None:
        """Draw the preview."""

    def review(self, preview: Preview) -> Review:
        """Get the operator's word on the preview that was just shown; never `Confirm` of a refused one."""

    def confirm(self, prompt: str, *, default: bool) -> bool:
        """Ask for a yes or no; an empty reply is the `default`, which is no where something is destroyed."""
