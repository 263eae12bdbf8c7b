"""What the pipeline asks with: a section in, its answers out, whoever or whatever answers."""

from __future__ import annotations

import math
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hosted_setup.interview.confirmation import Confirmation
from hosted_setup.interview.frontend import Confirm, Decline, Preview, Reopen
from hosted_setup.interview.section_interview import SectionInterview, Visit
from hosted_setup.interview.store import WITHIN, value_of
from hosted_setup.model.answer import Source
from hosted_setup.model.events import Failed, Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem, Problems
from hosted_setup.model.question import questions_of, text_of, title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from hosted_setup.interview.frontend import Frontend, Review
    from hosted_setup.interview.section_interview import Answered
    from hosted_setup.interview.store import Answers
    from hosted_setup.model.answer import Origin
    from hosted_setup.model.events import Reporter

T = TypeVar("T")


def _may_ask(section: type[Any]) -> bool:
    """Tell whether some question of the section is asked where nothing answers it."""
    return any(question.asked for question in questions_of(section))


class Interviewer:
    """Asks what the answers leave open, and remembers every answer with its origin.

    Args:
        answers: what was given before anything is asked.
        frontend: what asks.
        reporter: where notices, warnings and problems go; the frontend alone without it.
        keep: called with all answers after each one that an operator gives.
        factor: what the time that an answer's check may take is multiplied by.
    """

    def __init__(
        self,
        answers: Answers,
        frontend: Frontend,
        reporter: Reporter | None = None,
        keep: Callable[[tuple[Answered, ...]], object] = lambda _: None,
        factor: float = 1.0,
    ) -> None:
        """See the class."""
        self._answers = answers
        self._frontend = frontend
        self._reporter = reporter or frontend
        self._keep = keep
        self._factor = factor
        self._answered: dict[type[Any], tuple[Answered, ...]] = {}  # in the order of the plan
        self._memory: dict[type[Any], dict[str, Answered]] = {}
        self._asking: set[type[Any]] = set()
        self.held: list[Problem] = []
        """What the world has against well-formed answers, with nobody there to change them."""
        self._heading = ""
        self._reviewing = False
        self._told: set[str] = set()  # keys of answers without effect
        self._reopened: tuple[type[Any] | None, frozenset[str]] = None, frozenset()

    @property
    def attended(self) -> bool:
        """Whether somebody is there who can change an answer."""
        return self._frontend.attended

    def is_given(self, key: str) -> bool:
        """Tell whether a question of this key was answered before anything was asked."""
        return key in self._answers.given

    def of_original(self, key: str) -> Origin | None:
        """Give where a file that was written for the original answers the key; None where none does."""
        return self._answers.of_original(key)

    def begin(self, sections: Iterable[type[Any]], perhaps: Container[type[Any]] = ()) -> None:
        """Show the notices and look at all answers once, before anything starts.

        Args:
            sections: those of this run's plan, in order.
            perhaps: those of them that are asked or not as others are answered.

        Raises:
            Problems: everything that is wrong with the answers and, with nobody to ask, everything that is missing.
        """
        self._answered = dict.fromkeys(sections, ())
        for notice in self._answers.notices:
            self._reporter.emit(notice)
        problems = list(self._answers.problems)
        if self._answers.complete:
            try:
                self._frontend.prepare(self._answers.unanswered(one for one in self._answered if one not in perhaps))
            except Problem as problem:
                problems += problem.problems()
        if problems:
            raise Problems(problems)

    def foretell(self, section: type[T], products: Mapping[type[Any], Any]) -> T | None:
        """Give `section` as what was given and the defaults tell it; None where that needs more, or an operator."""
        if any(need not in products for question in questions_of(section) for need in question.needs()):
            return None
        interview = SectionInterview(section, products, self._answers, Visit(attended=False))
        wrong = interview.problems or interview.held or interview.accept_defaults()
        return None if wrong else cast("T", interview.instance())

    def ask(
        self,
        section: type[T],
        products: Mapping[type[Any], Any],
        heard: Callable[[], None] = lambda: None,
        *,
        returning: bool = False,
        most: float = math.inf,
    ) -> T | None:
        """Give an instance of `section`, asking what is open; None when the operator goes back to a section before.

        Args:
            section: what to ask.
            products: what came before, by type.
            heard: called after each answer that an operator gives.
            returning: whether the operator comes back into it, from a section after it.
            most: seconds that no answer's check may exceed, whatever it has else.

        Raises:
            Problems: with nobody to ask, for answers that are refused or missing.
            Aborted: when the operator leaves.
        """

        def remember(interview: SectionInterview) -> None:
            self._remember(section, interview)
            heard()
            self._keep(self.answered())

        self._answered.setdefault(section, ())
        visit = self._visit(section, min(WITHIN, most) * self._factor, returning=returning)
        interview = SectionInterview(section, products, self._answers, visit, remember, self._warn)
        if interview.problems and not self.attended:
            raise Problems(interview.problems)
        if interview.problems:
            self._reporter.emit(Failed(Problems(interview.problems)))
        if interview.prompt is not None:
            self._heading = interview.title
            self._frontend.fill(interview)
        self.held += interview.held
        self._remember(section, interview)
        if interview.left:
            return None
        if self._reopened[0] is section:
            self._reopened = None, frozenset()
        return cast("T", interview.instance())

    def leave_out(self, section: type[Any]) -> None:
        """Be told that as it was answered now the run does without `section`."""
        self._answered[section] = ()
        self._asking.discard(section)

    def answered(self) -> tuple[Answered, ...]:
        """Give all answers so far in the order of the plan; secrets are `Secret`s."""
        return tuple(answer for section in self._answered.values() for answer in section)

    def texts(self, section: type[Any], *, typed: bool) -> tuple[tuple[str, str], ...]:
        """Give the answers of a section that were `typed`, or the others, as key and text, for the journal.

        Secrets are left out.
        """
        return tuple(
            (one.question.key, text_of(one.value))
            for one in self._answered[section]
            if not one.question.secret and (one.origin.source is Source.TYPED) is typed
        )

    def reopen(self, section: type[Any]) -> bool:
        """Have a section asked anew, since what came of its answers is wrong; False with nobody there to answer.

        Secrets are not among them.
        """
        names = frozenset(one.question.name for one in self._answered[section] if not one.question.secret)
        self._reopened = section, names
        return self.attended and bool(names)

    def review(self, plan: Sequence[str], effects: Sequence[str], problem: Problem | None = None) -> Review:
        """Show what the run will do and get the one confirmation; one given in a file or as an option counts.

        After a `Reopen` all sections are to be asked again: what was answered stays where it is still accepted.

        Args:
            plan: the titles of the steps that change something.
            effects: what the run destroys or takes away.
            problem: what forbids a confirmation.

        Raises:
            Problem: `problem`, with nobody there to change an answer.
        """
        self.tell_unasked()
        told = {str(one): one for one in (*self.held, *(problem.problems() if problem else ()))}  # once
        if told and not self.attended:
            raise Problems(told.values()) if len(told) > 1 else next(iter(told.values()))
        given = None if problem is not None or self._reviewing else self._confirmation()
        preview = Preview(
            self.answered(), tuple(plan), tuple(effects), refused=problem is not None, asked=given is None
        )  # fmt: skip
        self._frontend.show(preview)
        if given is not None:
            return Confirm() if given else Decline()
        if problem is not None:
            self._reporter.emit(Failed(problem))
        review = self._frontend.review(preview)
        self._heading = ""
        if isinstance(review, Reopen):
            self._reviewing = True
            self._reopened = self._place(review.number)
        return review

    def tell_unasked(self) -> None:
        """Tell, once of each, of the answers that were given to questions which the other answers make pointless."""
        asked = {one.question.key for one in self.answered()} | {one.key for one in questions_of(Confirmation)}
        for given in self._answers.given.values():
            if given.origin.source is not Source.RESUMED and given.key not in asked | self._told:
                self._told.add(given.key)
                text = _(
                    "{origin}: {key} is not asked here, so its answer has no effect", origin=given.origin, key=given.key
                )
                self._reporter.emit(Info(text))

    def _visit(self, section: type[Any], within: float, *, returning: bool) -> Visit:
        before = takewhile(lambda one: one is not section, self._answered)
        headings = list(dict.fromkeys(title_of(one) for one in self._answered if one is section or _may_ask(one)))
        return Visit(
            kept=self._memory.get(section, {}),
            first=not any(one in self._asking for one in before),
            returning=returning,
            reviewing=self._reviewing,
            reopened=self._reopened[1] if self._reopened[0] is section else frozenset(),
            continued=self._heading == title_of(section),
            place=(headings.index(title_of(section)) + 1, len(headings)),
            attended=self.attended,
            within=within,
        )

    def _remember(self, section: type[Any], interview: SectionInterview) -> None:
        self._answered[section] = interview.answered()
        self._memory.setdefault(section, {}).update({one.question.name: one for one in interview.answered()})
        if interview.asks:
            self._asking.add(section)
        else:
            self._asking.discard(section)

    def _place(self, number: int) -> tuple[type[Any], frozenset[str]]:
        """Find the section and the name of the question whose answer has this number in the preview."""
        places = [
            (section, frozenset({one.question.name})) for section, answers in self._answered.items() for one in answers
        ]
        return places[number - 1]

    def _confirmation(self) -> bool | None:
        for question in questions_of(Confirmation):
            given = self._answers.find(question)
            if given is not None:
                return cast("bool", value_of(question, given))
        return None

    def _warn(self, text: str) -> None:
        self._reporter.emit(Warn(text))
