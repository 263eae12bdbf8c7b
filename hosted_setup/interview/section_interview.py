"""The interview of one section, without input or output. Long: it is one state machine.

A frontend draws the prompt, and replies. Suggestions, pick lists, conditions and checks depend only on what came before
the section, so everything that is not asked is settled, and refused, before the first question is drawn.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hosted_setup.interview.store import WITHIN, missing, not_accepted, parse_line, refuse_unoffered, value_of, without
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.lookup import call_with
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import MISSING, parse_as, questions_of, text_of, title_of
from hosted_setup.pipeline.checking import PATIENT_PRECHECK, CheckLate, begun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hosted_setup.interview.store import Answers, Given
    from hosted_setup.model.question import Choice, Question
    from hosted_setup.model.secret import Secret

_TYPED: Final = Origin(Source.TYPED)
_GIVEN: Final = frozenset({Source.FILE, Source.OPTION, Source.RESUMED})


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
    """The text an empty reply stands for; "" is an empty answer or the secret that was typed, None: reply needed."""
    origin: Origin | None
    """Where the default comes from."""
    again: bool = False
    """The second entry of a secret."""
    choices: tuple[Choice, ...] = ()
    """The pick list: a reply is the text of a choice or, from 1, its number."""
    warning: str = ""
    """What is to be said against the answer; the reply is yes or no, whether to go on with it."""

    @property
    def text(self) -> str:
        """Give the words to draw."""
        if self.warning:
            return _("Continue with it?")
        return _("{prompt} (again, to be sure)", prompt=self.question.prompt) if self.again else self.question.prompt

    @property
    def words(self) -> tuple[str, ...]:
        """Give the closed list of words that are accepted, if there is one."""
        return ("yes", "no") if self.warning else self.question.choices()


@dataclass(frozen=True)
class Rejected:
    """The reply was not accepted; the same question, or a secret's first entry, comes next."""

    reason: str


@dataclass(frozen=True)
class Visit:
    """Why a section is asked, and what it knows of an earlier visit.

    `kept` are its earlier answers by name: the proposals of its questions, except that a secret is not asked again.
    """

    kept: Mapping[str, Answered] = field(default_factory=dict)
    first: bool = True
    """No section before has asked anything, so there is no way back out of this one."""
    returning: bool = False
    """The operator comes back into it, to its last question."""
    reviewing: bool = False
    """What is kept stays where it is still accepted."""
    reopened: frozenset[str] = frozenset()
    """The questions that are asked again whatever was answered; what is kept is their proposal."""
    continued: bool = False
    """A section of the same title has just been asked: both read as one."""
    place: tuple[int, int] = (1, 1)
    """Which heading of how many in this run's plan; what is answered already counts too, what is never asked not."""
    attended: bool = True
    """Somebody is there to answer what is wrong."""
    within: float = WITHIN
    """Seconds that the check of an answer may take."""


@dataclass(frozen=True)
class _Settled:
    value: Any
    origin: Origin


@dataclass(frozen=True)
class _Doubtful:
    settled: _Settled
    warning: str


@dataclass(frozen=True)
class Weighed:
    """What came of looking at a reply: what it settles, and what is to be said against that; or why it is refused."""

    text: str
    settled: _Settled | None = None
    warning: str = ""
    refused: Rejected | None = None


class SectionInterview:
    """Asks the questions of `section` that nothing has answered.

    `problems` tells what is wrong with answers that were given; their questions are asked, where somebody is there.
    Where nobody is, `held` has what the world has against answers that are well formed: it is told with all else.

    Args:
        section: a class made by `model.question.section`.
        products: what came before, by type.
        answers: what was given before anything is asked.
        visit: what is known of earlier visits.
        heard: called with this interview after each reply that settled an answer.
        warn: called with what a check has to say against an answer that is not asked.
    """

    def __init__(  # noqa: PLR0913 - what an interview starts from
        self,
        section: type[Any],
        products: Mapping[type[Any], Any],
        answers: Answers,
        visit: Visit = Visit(),
        heard: Callable[[SectionInterview], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """See the class."""
        self.title = title_of(section)
        self.heading = "" if visit.continued else self.title
        self.place = visit.place
        self.left = False
        """Whether the operator went back before the first question."""
        self._section = section
        self._products = products
        self._visit = visit
        self._heard = heard
        self._warn = warn
        self.held: list[Problem] = []
        self._inactive: dict[str, Any] = {}
        self._choices: dict[str, tuple[Choice, ...]] = {}
        self._proposals: dict[str, _Settled] = {}
        self._settled: dict[str, _Settled] = {}
        self._questions: list[Question] = []
        self._pending: list[Question] = []
        self._position = 0
        self._first: Secret | None = None
        self._doubtful: _Doubtful | None = None
        self.problems = tuple(found for question in questions_of(section) for found in self._enter(question, answers))
        if visit.returning:
            self._position = max(len(self._pending) - 1, 0)
            self.left = not self._pending
        else:
            self._pass_what_stands()

    @property
    def asks(self) -> bool:
        """Whether there is a question that one can come back to."""
        return bool(self._pending)

    @property
    def prompt(self) -> Prompt | None:
        """The next question, or None when there is none left or the operator has `left`."""
        if self.left or self._position == len(self._pending):
            return None
        question = self._pending[self._position]
        if self._doubtful is not None:
            return Prompt(question, "no", None, warning=self._doubtful.warning)
        choices = self._choices.get(question.name, ())
        proposal = self._proposals.get(question.name)
        if self._first is not None or proposal is None:
            return Prompt(question, None, None, again=self._first is not None, choices=choices)
        return Prompt(question, "" if question.secret else text_of(proposal.value), proposal.origin, choices=choices)

    def reply(self, text: str) -> Rejected | None:
        """Answer the prompt; an empty text takes the default. Gives None when it was accepted.

        Raises:
            IndexError: when there is no question left.
        """
        return self.take(self.weigh(text))

    def weigh(self, text: str) -> Weighed:
        """Look at a reply to the prompt, which takes as long as the check of the question; nothing changes yet.

        So a frontend may do this beside its drawing, and forget what came of it.

        Raises:
            IndexError: when there is no question left.
        """
        question = self._pending[self._position]
        if self._doubtful is not None or self._first is not None:
            return Weighed(text)
        try:
            settled = self._typed(question, text)
            return Weighed(text, settled, self._check(question, settled.value) or "")
        except ValueError as error:
            return Weighed(text, refused=Rejected(str(error)))
        except CheckLate as late:
            return Weighed(text, refused=Rejected(f"{late.why}. {late.hint}"))
        except Problem as problem:
            return Weighed(text, refused=Rejected(f"{problem.headline}: {problem.detail}"))

    def take(self, weighed: Weighed) -> Rejected | None:
        """Take the reply that was weighed at this prompt. Gives None when it was accepted."""
        question = self._pending[self._position]
        try:
            if self._doubtful is not None:
                self._decide(question, self._doubtful, weighed.text)
            elif self._first is not None:
                self._second(question, weighed.text)
            elif weighed.settled is None:
                return weighed.refused
            elif weighed.warning:
                self._doubtful = _Doubtful(weighed.settled, weighed.warning)
            else:
                self._go_on(question, weighed.settled)
        except ValueError as error:
            return Rejected(str(error))
        return None

    def back(self) -> Rejected | None:
        """Return to the question before, out of the section at its first one; rejected where there is none."""
        if self._doubtful is not None or self._first is not None:
            self._doubtful = self._first = None
        elif self._position:
            self._position -= 1
        elif self._visit.first:
            return Rejected(_("this is the first question"))
        else:
            self.left = True
        return None

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
        """Give the answers so far in the order of the section; a question whose condition is false has none."""
        return tuple(
            Answered(self.title, question, self._settled[question.name].value, self._settled[question.name].origin)
            for question in self._questions
            if question.name in self._settled
        )

    def _enter(self, question: Question, answers: Answers) -> list[Problem]:
        if question.when is not None and not call_with(question.when, self._products):
            self._inactive[question.name] = None if question.default is MISSING else question.default
            return []
        self._questions.append(question)
        if question.offer is not None:
            self._choices[question.name] = tuple(call_with(question.offer, self._products))
        kept = self._visit.kept.get(question.name)
        given = answers.find(question, self._section.__name__)
        if kept is not None and (question.asked or question.name in self._visit.reopened or kept.origin == _TYPED):
            return self._keep(question, _Settled(kept.value, kept.origin))
        if given is not None:
            return self._open(question, self._take(question, given))
        proposal = self._propose(question)
        if proposal is not None:
            self._proposals[question.name] = proposal
        if question.asked:
            self._pending.append(question)
            return []
        return self._open(question, [missing(question)] if proposal is None else self._settle(question, proposal))

    def _keep(self, question: Question, kept: _Settled) -> list[Problem]:
        """Take an answer of an earlier visit, as the proposal of its question too if that is asked."""
        self._proposals[question.name] = kept
        problems = [] if question.name in self._visit.reopened else self._settle(question, kept, told=True)
        if problems:
            return self._open(question, problems)
        if question.name in self._visit.reopened or kept.origin.source not in _GIVEN:
            self._pending.append(question)
        return []

    def _open(self, question: Question, problems: list[Problem]) -> list[Problem]:
        """Ask, where somebody is there, what was answered wrongly."""
        if problems:
            self._pending.append(question)
            proposal = self._propose(question)
            self._proposals.pop(question.name, None)
            if proposal is not None:
                self._proposals[question.name] = proposal
        return problems

    def _propose(self, question: Question) -> _Settled | None:
        suggestion = call_with(question.suggest, self._products) if question.suggest else None
        if suggestion is not None:
            return _Settled(suggestion.value, Origin(suggestion.source, suggestion.place))
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

    def _settle(self, question: Question, settled: _Settled, *, told: bool = False) -> list[Problem]:
        try:
            warning = self._check(question, settled.value)
        except ValueError as error:
            return [not_accepted(question, settled.origin, str(error))]
        except Problem as problem:
            if self._visit.attended or isinstance(problem, CheckLate):  # what looks at it next would hang as well
                return [problem]
            self.held.append(problem)
            warning = None
        if warning and not told:
            self._warn(f"{question.prompt}: {warning}")
        self._settled[question.name] = settled
        return []

    def _check(self, question: Question, value: Any) -> str | None:  # noqa: ANN401 - the type is the question's own
        """Refuse a value, by an exception, or give what is to be said against it."""
        if value is None:
            return None
        try:
            if question.offer is not None:
                refuse_unoffered(question, self._choices[question.name], value)
            warning = self._checked(question, question.check, value) if question.check else None
        except ValueError as error:
            raise ValueError(without(value, str(error))) from None
        return without(value, warning) if warning else None

    def _checked(self, question: Question, check: Callable[..., str | None], value: Any) -> str | None:  # noqa: ANN401 - see above
        """Call the check, in its time."""
        result: Future[str | None] = begun(lambda: call_with(check, self._products, value))
        wait([result], self._visit.within)
        if result.done():
            return result.result()
        shown = "" if question.secret else f" ({text_of(value)})"
        raise CheckLate(
            f"{question.prompt}{shown}",
            why=_("it cannot be checked: nothing answers within {seconds:g} s", seconds=self._visit.within),
            hint=_("Does a server hang that it is on? Give another answer, or the same one to have it checked again."),
            command=PATIENT_PRECHECK,
        )

    def _typed(self, question: Question, text: str) -> _Settled:
        if text if question.secret else text.strip():
            return _Settled(self._parse(question, text), _TYPED)
        proposal = self._proposals.get(question.name)
        if proposal is None:
            message = _("an answer is needed")
            raise ValueError(message)
        return proposal

    def _parse(self, question: Question, text: str) -> Any:  # noqa: ANN401 - the type is the question's own
        """Parse a reply; what is no choice's text but a number picks a choice."""
        word = text.strip()
        choices = self._choices.get(question.name, ())
        if word.isdecimal() and 0 < int(word) <= len(choices) and all(one.text != word for one in choices):
            return choices[int(word) - 1].value
        return parse_line(question, text)

    def _decide(self, question: Question, doubtful: _Doubtful, text: str) -> None:
        sure = parse_as(bool, text or "no")
        self._doubtful = None
        if sure:
            self._go_on(question, doubtful.settled)

    def _go_on(self, question: Question, settled: _Settled) -> None:
        if question.secret and settled is not self._proposals.get(question.name):
            self._first = settled.value
        else:
            self._accept(question, settled)

    def _second(self, question: Question, text: str) -> None:
        first, self._first = self._first, None
        if first is None or first.reveal() != text:
            message = _("the two entries differ")
            raise ValueError(message)
        self._accept(question, _Settled(first, _TYPED))

    def _accept(self, question: Question, settled: _Settled) -> None:
        self._settled[question.name] = settled
        self._proposals[question.name] = settled  # on the way back, an empty reply keeps it
        self._position += 1
        self._pass_what_stands()
        self._heard(self)

    def _pass_what_stands(self) -> None:
        while self._position < len(self._pending) and self._stands(self._pending[self._position]):
            self._position += 1

    def _stands(self, question: Question) -> bool:
        """Tell whether a question on the way forward need not be asked: a secret is in memory, or all is reviewed."""
        return question.name in self._settled and (question.secret or self._visit.reviewing)
