"""The answers of this run as a file, for the steps that keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hosted_setup.interview.answer_writer import render

if TYPE_CHECKING:
    from hosted_setup.interview.interviewer import Interviewer
    from hosted_setup.model.answer import Origin


@dataclass(frozen=True)
class AnswerSheet:
    """Gives the answers so far; secrets are never among them."""

    interviewer: Interviewer

    def text(self) -> str:
        """Give an answer file."""
        return render(self.interviewer.answered())

    def gives(self, key: str) -> bool:
        """Tell whether a question of this key was answered before anything was asked."""
        return self.interviewer.is_given(key)

    def of_original(self, key: str) -> Origin | None:
        """Give where a file that was written for the original answers the key; None where none does."""
        return self.interviewer.of_original(key)
