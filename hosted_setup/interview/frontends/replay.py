"""Replay: nobody is asked. What is missing is told at once, before anything starts.

It needs no confirmation: whoever starts a replay has decided. Defaults and suggestions are taken as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hosted_setup.interview.frontend import Confirm
from hosted_setup.interview.store import missing
from hosted_setup.model.events import Reporter
from hosted_setup.model.problem import Problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosted_setup.interview.frontend import Preview, Review
    from hosted_setup.interview.section_interview import SectionInterview
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question


class Shower(Reporter, Protocol):
    """What a replay shows by."""

    def preview(self, preview: Preview) -> None:
        """Show what the run will do."""


class ReplayFrontend:
    """Shows what happens on `screen`; reads nothing."""

    def __init__(self, screen: Shower) -> None:
        """Show on `screen`."""
        self._screen = screen

    def emit(self, event: Event) -> None:
        """Show the event."""
        self._screen.emit(event)

    @property
    def attended(self) -> bool:
        """Nobody is there."""
        return False

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Refuse to start with questions open.

        Raises:
            Problems: HE-ANSWERS-MISSING for each.
        """
        if unanswered:
            raise Problems(missing(question) for question in unanswered)

    def fill(self, interview: SectionInterview) -> None:
        """Take the defaults.

        Raises:
            Problems: for each question without a default, or with one that is refused.
        """
        problems = interview.accept_defaults()
        if problems:
            raise Problems(problems)

    def show(self, preview: Preview) -> None:
        """Draw the preview, for the record."""
        self._screen.preview(preview)

    def review(self, preview: Preview) -> Review:  # noqa: ARG002 - of the protocol
        """Go ahead: whoever starts a replay has decided."""
        return Confirm()

    def confirm(self, prompt: str, *, default: bool) -> bool:  # noqa: ARG002 - of the protocol
        """Need no confirmation."""
        return True
