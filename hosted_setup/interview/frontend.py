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
    """What the operator confirms: each answer with its origin, and what the run destroys or takes away."""

    answers: tuple[Answered, ...]
    effects: tuple[str, ...] = ()


class Frontend(Reporter, Protocol):
    """Asks and shows. Raises `model.problem.Aborted` when the operator leaves; lets KeyboardInterrupt pass."""

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Look at the questions that only an operator can answer, before anything is asked.

        Raises:
            Problems: from a frontend with nobody behind it, one for each question.
        """

    def fill(self, interview: SectionInterview) -> None:
        """Bring `interview` to its end; called only if it has something to ask.

        Raises:
            Problems: from a frontend with nobody behind it.
        """

    def show(self, preview: Preview) -> None:
        """Draw the preview."""

    def confirm(self, prompt: str, *, default: bool) -> bool:
        """Ask for a yes or no; an empty reply is the `default`, which is no where something is destroyed."""
