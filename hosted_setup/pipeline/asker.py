"""What the pipeline needs of an interview."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hosted_setup.interview.frontend import Review
    from hosted_setup.model.problem import Problem


class Asker(Protocol):
    """Asks sections, and has the operator's word on the preview."""

    def ask(
        self,
        section: type[Any],
        products: Mapping[type[Any], Any],
        heard: Callable[[], None],
        *,
        returning: bool = False,
        most: float = math.inf,
    ) -> object | None:
        """Give the answered section, None when the operator goes back.

        `heard` is called after each answer; no answer's check may take longer than `most` seconds.
        """

    def texts(self, section: type[Any], *, typed: bool) -> tuple[tuple[str, str], ...]:
        """Give the answers of a section that were `typed`, or the others, as key and text, without secrets."""

    @property
    def held(self) -> Sequence[Problem]:
        """Give what the world has against well-formed answers, with nobody there to change them."""

    def leave_out(self, section: type[Any]) -> None:
        """Be told that as it was answered now the run does without `section`."""

    def reopen(self, section: type[Any]) -> bool:
        """Have a section asked anew; False with nobody there to answer."""

    def review(self, plan: Sequence[str], effects: Sequence[str], problem: Problem | None = None) -> Review:
        """Show the preview and get the operator's word on it; with a `problem` it cannot be confirmed."""
