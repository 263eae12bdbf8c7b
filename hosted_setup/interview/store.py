"""Answers given before anything is asked, and what one means to a question."""

from __future__ import annotations

from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hosted_setup.interview.answer_file import Kind, is_plain, show_line
from hosted_setup.interview.confirmation import Confirmation
from hosted_setup.interview.original import OWN
from hosted_setup.interview.problems import AnswersMissing, AnswersValue
from hosted_setup.interview.secrets import HELP, variable_of
from hosted_setup.model.answer import Source
from hosted_setup.model.lookup import call_with, needs_of
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import MISSING, questions_of, text_of
from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.checking import begun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hosted_setup.interview.answer_file import Entry
    from hosted_setup.model.answer import Origin
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Choice, Question

WITHIN: Final = 7.0
"""Seconds that the check of an answer may take."""


@dataclass(frozen=True)
class Given:
    """One answer as it was given: its text is parsed when its question is known."""

    key: str
    text: str | Secret
    origin: Origin
    kind: Kind = Kind.STR
    section: str = ""
    """The class of the section that an unfinished run has recorded it for, where it has."""
    implies: Mapping[str, str] = field(default_factory=dict)
    """What it answers besides, by key, where nothing else answers that."""


@dataclass(frozen=True)
class Answers:
    """For each key the answer that won, and what was wrong or worth a notice on the way.

    Made by `loading.load`; the problems are raised by `Interviewer.begin`, together with what is missing.
    """

    given: Mapping[str, Given] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    notices: tuple[Event, ...] = ()
    refused: frozenset[str] = frozenset()
    """Keys that were answered, but wrongly; they are not missing as well."""
    complete: bool = True
    """False when a file could not be read to its end: what is missing cannot be told then."""
    entries: tuple[Entry, ...] = ()
    """Everything the files say, in the order in which it was read."""
    unused: Mapping[str, Given] = field(default_factory=dict)
    """For each known key that has no effect here the answer that would have won."""

    def find(self, question: Question, section: str = "") -> Given | None:
        """Give what was given for the question's key, and recorded for no other section than `section` if for one."""
        given = self.given.get(question.key)
        return None if given is not None and given.section not in ("", section) else given

    def of_original(self, key: str) -> Origin | None:
        """Give where a file that was written for the original answers the key; None where none does."""
        given = self.given.get(key)
        if given is None or given.origin.source is not Source.FILE or not given.text:
            return None
        path = next(entry.path for entry in self.entries if entry.place == given.origin.place)
        own = any(entry.path == path and entry.key.startswith(OWN) for entry in self.entries)
        return None if own else given.origin

    def unanswered(self, sections: Iterable[type[Any]]) -> tuple[Question, ...]:
        """Give the questions that only an operator can answer, as far as that can be told before the run looks."""
        return tuple(
            question
            for section in sections
            for question in questions_of(section)
            if question.key not in self.given
            and question.key not in self.refused
            and question.default is MISSING
            and question.suggest is None
            and question.when is None
            and not question.optional
        )


def questions_by_key(sections: Iterable[type[Any]]) -> dict[str, list[Question]]:
    """Give the questions of `sections`, and the confirmation's, by key: two sections may ask for one key."""
    found: dict[str, list[Question]] = {}
    for section in (*sections, Confirmation):
        for question in questions_of(section):
            found.setdefault(question.key, []).append(question)
    return found


def value_of(question: Question, given: Given) -> Any:  # noqa: ANN401 - the type is the question's own
    """Turn what was given into the question's type, the same way as what is typed.

    The types of a file are read with the tolerance its writers need: a number may stand in a str, a yes in a str or a
    bool, and `bool:False` for an optional question means that there is none (the original writes it for DHCP).

    Raises:
        ValueError: with a sentence for the operator.
    """
    if isinstance(given.text, Secret):
        return _secret(question, given.text)
    if question.optional and given.kind is Kind.BOOL and given.text.casefold() == "false":
        return None
    return parse_line(question, given.text)


def parse_line(question: Question, text: str) -> Any:  # noqa: ANN401 - the type is the question's own
    """Parse a text from anywhere; control characters are refused first.

    Raises:
        ValueError: with a sentence for the operator.
    """
    if not all(is_plain(line) for line in text.split("\n")):
        message = _("control characters are not accepted")
        raise ValueError(message)
    if question.secret:
        return _secret(question, Secret(text))
    return question.parse(text)


def _secret(question: Question, secret: Secret) -> Secret:
    if not question.secret:
        message = f"{question.key} is secret, so the type of its question is Secret"
        raise TypeError(message)
    if not secret:
        message = _("it must not be empty")
        raise ValueError(message)
    return secret


def _accept(question: Question, given: Given, products: Mapping[type[Any], Any] | None, within: float) -> None:
    """Parse, and check what can be told by now; what needs more is checked when its section is reached."""
    value = value_of(question, given)
    if products is None or value is None or given.origin.source is Source.RESUMED:
        return  # what an unfinished run has recorded was accepted then
    offer, check = question.offer, question.check
    if offer is not None and all(need in products for need in needs_of(offer)):
        refuse_unoffered(question, call_with(offer, products), value)
    if check is not None and all(need in products for need in needs_of(check, skip=1)):
        result = begun(lambda: call_with(check, products, value))
        wait([result], within)
        with suppress(Problem):  # told by the section as well, as it is that the check hangs
            if result.done():
                result.result()


def refusal(
    questions: Sequence[Question], given: Given, products: Mapping[type[Any], Any] | None, within: float = WITHIN
) -> str:
    """Tell why no question of the key accepts what was given; the first one's reason, or nothing.

    Checks may look at `products`, for so many seconds; None leaves them out.
    """
    reasons = []
    for question in questions:
        try:
            _accept(question, given, products, within)
        except ValueError as error:
            reasons.append(without(given.text, str(error)))
        else:
            return ""
    return reasons[0]


def refuse_unoffered(question: Question, choices: Sequence[Choice], value: object) -> None:
    """Refuse what the question's pick list does not have, if it is closed, or says cannot be chosen.

    Raises:
        ValueError: with a sentence for the operator.
        Problem: the choice's own.
    """
    choice = next((one for one in choices if one.value == value), None)
    if choice is not None and choice.problem is not None:
        raise choice.problem
    if choice is not None and choice.unfit:
        message = _("{text} cannot be chosen: {unfit}", text=choice.text, unfit=choice.unfit)
        raise ValueError(message)
    if choice is None and question.closed:
        fit = ", ".join(one.text for one in choices if not one.unfit)
        message = _("{value!r} is not one of: {fit}", value=text_of(value), fit=fit or _("(there is none)"))
        raise ValueError(message)


def not_accepted(question: Question, origin: Origin, reason: str) -> AnswersValue:
    """Build the problem of a value that was refused; `reason` is shown, so it holds no secret."""
    choices = question.choices()
    accepted = _("accepted: {choices}", choices=", ".join(choices)) if choices else question.help
    in_file = origin.source is Source.FILE
    return AnswersValue(
        f"{question.prompt} ({question.key}): {reason}",
        why=accepted,
        where=str(origin),
        hint=_("Mend the line, then run the same command again.") if in_file else how_to_answer(question),
        command=show_line(origin.place) if in_file else HELP,
    )


def missing(question: Question) -> AnswersMissing:
    """Build the problem of a question that nothing answers."""
    choices = question.choices()
    return AnswersMissing(
        f"{question.prompt} ({question.key})",
        why=_("accepted: {choices}", choices=", ".join(choices))
        if choices
        else question.help or _("it has no default, and nothing answers it"),
        hint=how_to_answer(question),
        command=HELP,
    )


def how_to_answer(question: Question) -> str:
    """Tell how a question is answered with nobody at the terminal."""
    if question.secret:
        variable = variable_of(question.key)
        return _(
            "Set {variable}, or add {key}=str:… to the file given with --secrets-file.",
            variable=variable,
            key=question.key,
        )
    kind = "bool:True" if question.choices() == ("yes", "no") else "int:…" if question.type is int else "str:…"
    return _(
        "Add to [environment:default] of the file given with --config-append: {key}={kind}", key=question.key, kind=kind
    )


def without(secret: object, text: str) -> str:
    """Give `text` with the secret's own words masked, in case whoever wrote it revealed them."""
    if isinstance(secret, Secret) and secret:
        return text.replace(secret.reveal(), str(secret))
    return text
