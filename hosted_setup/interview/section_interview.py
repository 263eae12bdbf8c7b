"""The interview of one section, without input or output: a frontend asks for the prompt, and replies.

Suggestions, conditions and checks depend only on what came before the section, so everything that is not asked is
settled, and refused, before the first question is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hosted_setup.interview.store import missing, not_accepted, parse_line, value_of, without
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.lookup import call_with
from hosted_setup.model.problem import Problem, Problems
from hosted_setup.model.question import MISSING, questions_of, text_of, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hosted_setup.interview.store import Answers, Given
    from hosted_setup.model.question import Question
    from hosted_setup.model.secret import Secret

_TYPED: Final = Origin(Source.TYPED)


@dataclass(frozen=True)
class Answered:
    """A settled answer with where it came from; `section` is the title of its section."""

    section: str
    question: Question
    value: Any
    origin: Origin


@dataclass(frozen=True)
class Prompt:
    """What a frontend draws for one question."""

    question: Question
    default: str | None
    """The text an empty reply stands for; "" is an empty answer, None that a reply is needed."""
    origin: Origin | None
    """Where the default comes from."""
    again: bool = False
    """The second entry of a secret."""


@dataclass(frozen=True)
class Rejected:
    """The reply was not accepted; the same question, or a secret's first entry, comes next."""

    reason: str


@dataclass(frozen=True)
class _Settled:
    value: Any
    origin: Origin


class SectionInterview:
    """Asks the questions of `section` that nothing has answered.

    Args:
        section: a class made by `model.question.section`.
        products: what came before, by type.
        answers: what was given before anything is asked.

    Raises:
        Problems: for given answers that a check refuses, and for questions that are never asked and have no answer.
    """

    def __init__(self, section: type[Any], products: Mapping[type[Any], Any], answers: Answers) -> None:
        """See the class."""
        self.title = title_of(section)
        self._section = section
        self._products = products
        self._inactive: dict[str, Any] = {}
        self._proposals: dict[str, _Settled] = {}
        self._settled: dict[str, _Settled] = {}
        self._questions: list[Question] = []
        self._pending: list[Question] = []
        self._position = 0
        self._first: Secret | None = None
        problems = [found for question in questions_of(section) for found in self._enter(question, answers)]
        if problems:
            raise Problems(problems)

    @property
    def prompt(self) -> Prompt | None:
        """The next question, or None when there is none left."""
        if self._position == len(self._pending):
            return None
        question = self._pending[self._position]
        proposal = self._proposals.get(question.name)
        if proposal is None:
            return Prompt(question, None, None, again=self._first is not None)
        default = "" if question.secret else text_of(proposal.value)
        return Prompt(question, default, proposal.origin, again=self._first is not None)

    def reply(self, text: str) -> Rejected | None:
        """Answer the prompt; an empty text takes the default. Gives None when it was accepted.

        Raises:
            IndexError: when there is no question left.
        """
        question = self._pending[self._position]
        if question.secret and self._first is not None:
            return self._second(question, text)
        try:
            settled = self._typed(question, text)
            self._check(question, settled.value)
        except ValueError as error:
            return Rejected(str(error))
        except Problem as problem:
            return Rejected(f"{problem.title}: {problem.detail}")
        if question.secret and settled.origin is _TYPED:
            self._first = settled.value
        else:
            self._accept(question, settled)
        return None

    def back(self) -> bool:
        """Return to the question before; False at the first one."""
        if self._first is not None:
            self._first = None
            return True
        if self._position == 0:
            return False
        self._position -= 1
        return True

    def accept_defaults(self) -> tuple[Problem, ...]:
        """Take the default of every question left; what has none, or an unacceptable one, is a problem."""
        problems: list[Problem] = []
        for question in self._pending[self._position :]:
            proposal = self._proposals.get(question.name)
            problems += [missing(question)] if proposal is None else self._settle(question, proposal)
        self._position = len(self._pending)
        return tuple(problems)

    def instance(self) -> Any:  # noqa: ANN401 - of the section
        """Make the section from its answers, when no question is left."""
        return self._section(**self._inactive, **{name: one.value for name, one in self._settled.items()})

    def answered(self) -> tuple[Answered, ...]:
        """Give the answers in the order of the section; a question whose condition is false has none."""
        return tuple(
            Answered(self.title, question, self._settled[question.name].value, self._settled[question.name].origin)
            for question in self._questions
        )

    def _enter(self, question: Question, answers: Answers) -> list[Problem]:
        if question.when is not None and not call_with(question.when, self._products):
            self._inactive[question.name] = None if question.default is MISSING else question.default
            return []
        self._questions.append(question)
        given = answers.find(question)
        if given is not None:
            return self._take(question, given)
        proposal = self._propose(question)
        if proposal is not None:
            self._proposals[question.name] = proposal
        if question.asked:
            self._pending.append(question)
            return []
        return [missing(question)] if proposal is None else self._settle(question, proposal)

    def _propose(self, question: Question) -> _Settled | None:
        suggestion = call_with(question.suggest, self._products) if question.suggest else None
        if suggestion is not None:
            return _Settled(suggestion.value, Origin(suggestion.source))
        if question.default is not MISSING:
            return _Settled(question.default, Origin(Source.DEFAULT))
        return _Settled(None, Origin(Source.DEFAULT)) if question.optional else None

    def _take(self, question: Question, given: Given) -> list[Problem]:
        try:
            value = value_of(question, given)
        except ValueError as error:
            return [not_accepted(question, given.origin, without(given.text, str(error)))]
        settled = _Settled(value, given.origin)
        if given.origin.source is Source.RESUMED:  # accepted when it was given; the world may have changed since
            self._settled[question.name] = settled
            return []
        return self._settle(question, settled)

    def _settle(self, question: Question, settled: _Settled) -> list[Problem]:
        try:
            self._check(question, settled.value)
        except ValueError as error:
            return [not_accepted(question, settled.origin, str(error))]
        except Problem as problem:
            return [problem]
        self._settled[question.name] = settled
        return []

    def _check(self, question: Question, value: Any) -> None:  # noqa: ANN401 - the type is the question's own
        if question.check is None or value is None:
            return
        try:
            call_with(question.check, self._products, value)
        except ValueError as error:
            raise ValueError(without(value, str(error))) from None

    def _typed(self, question: Question, text: str) -> _Settled:
        if text if question.secret else text.strip():
            return _Settled(parse_line(question, text), _TYPED)
        proposal = self._proposals.get(question.name)
        if proposal is None:
            message = "an answer is needed"
            raise ValueError(message)
        return proposal

    def _second(self, question: Question, text: str) -> Rejected | None:
        first, self._first = self._first, None
        if first is None or first.reveal() != text:
            return Rejected("the two entries differ")
        self._accept(question, _Settled(first, _TYPED))
        return None

    def _accept(self, question: Question, settled: _Settled) -> None:
        self._settled[question.name] = settled
        if not question.secret:
            self._proposals[question.name] = settled  # on the way back, an empty reply keeps it
        self._position += 1
