"""What the pipeline asks with: a section in, its answers out, whoever or whatever answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from hosted_setup.interview.confirmation import Confirmation
from hosted_setup.interview.frontend import Preview
from hosted_setup.interview.section_interview import SectionInterview
from hosted_setup.interview.store import value_of
from hosted_setup.model.problem import Problem, Problems
from hosted_setup.model.question import questions_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hosted_setup.interview.frontend import Frontend
    from hosted_setup.interview.section_interview import Answered
    from hosted_setup.interview.store import Answers

T = TypeVar("T")


class Interviewer:
    """Asks what the answers leave open, and remembers every answer with its origin."""

    def __init__(self, answers: Answers, frontend: Frontend) -> None:
        """Ask through `frontend` what `answers` does not hold."""
        self._answers = answers
        self._frontend = frontend
        self._answered: dict[type[Any], tuple[Answered, ...]] = {}

    def begin(self, sections: Iterable[type[Any]]) -> None:
        """Show the notices and look at all answers once, before anything starts.

        Args:
            sections: those of this run's plan, in order.

        Raises:
            Problems: everything that is wrong with the answers and, with nobody to ask, everything that is missing.
        """
        for notice in self._answers.notices:
            self._frontend.emit(notice)
        problems = list(self._answers.problems)
        if self._answers.complete:
            try:
                self._frontend.prepare(self._answers.unanswered(sections))
            except Problem as problem:
                problems += problem.problems()
        if problems:
            raise Problems(problems)

    def ask(self, section: type[T], products: Mapping[type[Any], Any]) -> T:
        """Give an instance of `section`, asking what is open.

        Raises:
            Problems: for answers that are refused or, with nobody to ask, missing.
            Aborted: when the operator leaves.
        """
        interview = SectionInterview(section, products, self._answers)
        if interview.prompt is not None:
            self._frontend.fill(interview)
        made = interview.instance()
        self._answered[section] = interview.answered()
        return cast("T", made)

    def answered(self) -> tuple[Answered, ...]:
        """Give all answers so far in the order they were settled; secrets are `Secret`s."""
        return tuple(answer for section in self._answered.values() for answer in section)

    def texts(self, section: type[Any]) -> tuple[tuple[str, str], ...]:
        """Give the answers of a section that was asked as key and text, for the journal; secrets are left out."""
        answers = self._answered[section]
        return tuple((one.question.key, text_of(one.value)) for one in answers if not one.question.secret)

    def preview(self, effects: Sequence[str]) -> Preview:
        """Give the preview of the answers so far and of what the run destroys or takes away."""
        return Preview(self.answered(), tuple(effects))

    def confirm(self, effects: Sequence[str]) -> bool:
        """Show the preview and get the one confirmation; one given in a file or as an option counts."""
        self._frontend.show(self.preview(effects))
        for question in questions_of(Confirmation):
            given = self._answers.find(question)
            if given is not None:
                return cast("bool", value_of(question, given))
        return self._frontend.confirm(questions_of(Confirmation)[0].prompt, default=True)
