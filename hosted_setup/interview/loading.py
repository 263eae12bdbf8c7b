"""Reading all answers given before anything is asked; which of two wins is decided here.

The order is in `docs/decisions/0002-answer-precedence.md`: [environment:enforce] of a file, options, the secrets of the
environment, the other sections of files, what a resumed run already knew. What the backup says, what is detected and
plain defaults belong to the questions and come after all of these.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hosted_setup.interview import answer_file, keys, original, secrets
from hosted_setup.interview.answer_file import Kind, Layer
from hosted_setup.interview.problems import AnswersDialect, AnswersKey, AnswersSyntax, AnswersUnreadable, SecretsSource
from hosted_setup.interview.secrets import HELP
from hosted_setup.interview.store import Answers, Given, not_accepted, questions_by_key, refusal
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hosted_setup.interview.answer_file import Entry, Parsed
    from hosted_setup.interview.secrets import Stream
    from hosted_setup.model.answer import Recorded
    from hosted_setup.model.events import Event
    from hosted_setup.model.problem import Problem
    from hosted_setup.model.question import Question


_WITHIN: Final = 1.0
"""Seconds that the check of an answer may take here; its section gives a slow one more, and tells what hangs."""


@dataclass(frozen=True)
class Option:
    """An answer from the command line; `place` names the option."""

    key: str
    text: str | Secret
    place: str


class _Group(IntEnum):
    """Kinds of places; the greater one wins."""

    RESUMED = 0
    FILE = 1
    ENVIRONMENT = 2
    OPTION = 3
    ENFORCED = 4
    RESUMED_TYPED = 5


class _Candidate(NamedTuple):
    group: _Group
    layer: Layer
    number: int  # of the file, in the order read
    given: Given


@dataclass
class _Heap:
    """What piles up while places are read."""

    questions: dict[str, list[Question]]
    candidates: list[_Candidate] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Event] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)

    def is_secret(self, key: str) -> bool:
        return key in keys.SECRET or any(question.secret for question in self.questions.get(key, ()))


def load(  # noqa: PLR0913 - one argument a kind of place
    sections: Iterable[type[Any]],
    *,
    files: Sequence[Path] = (),
    secrets_file: Path | None = None,
    streams: Sequence[Stream] = (),
    options: Iterable[Option] = (),
    environment: Mapping[str, Secret] | None = None,
    resumed: Mapping[str, Recorded] | None = None,
    products: Mapping[type[Any], Any] | None = None,
    checks: bool = True,
    factor: float = 1.0,
) -> Answers:
    """Read every place and choose; what is wrong is collected, not raised.

    Args:
        sections: every section this program knows, asked in this run or not: their keys are known keys.
        files: the operator's answer files in the order given; `FILE.d/*.conf` is read after each FILE.
        secrets_file: read last of the files; must be private whatever it holds.
        streams: what descriptors and programs gave; read after the files, of the same rank.
        options: answers from the command line.
        environment: secrets by variable, from `secrets.take_from_environment`.
        resumed: what an unfinished run has recorded, by key; nothing else answers what an operator has typed.
        products: what checks may look at before the run has looked at anything.
        checks: False for answers that are meant for another host: they are parsed, and no more.
        factor: what the time that an answer's check may take is multiplied by.
    """
    heap = _Heap(questions_by_key(sections))
    paths = [(path, False) for file in files for path in _with_directory(file, heap)]
    if secrets_file is not None:
        paths.append((secrets_file, True))
    for number, (path, private) in enumerate(paths):
        _read_file(heap, path.absolute(), number, private=private)
    for number, stream in enumerate(streams, start=len(paths)):
        _read_stream(heap, stream, number)
    _read_environment(heap, environment or {})
    for option in options:
        hidden = Secret(option.text) if heap.is_secret(option.key) and isinstance(option.text, str) else option.text
        _add(heap, _Group.OPTION, Given(option.key, hidden, Origin(Source.OPTION, option.place)))
    for key, recorded in (resumed or {}).items():
        if key in heap.questions:  # another version may have recorded it
            group = _Group.RESUMED_TYPED if recorded.typed else _Group.RESUMED
            _add(heap, group, Given(key, recorded.text, Origin(Source.RESUMED), section=recorded.section))
    return _settle(heap, (products or {}) if checks else None, _WITHIN * factor)


def _add(heap: _Heap, group: _Group, given: Given) -> None:
    heap.candidates.append(_Candidate(group, Layer.DEFAULT, 0, given))


def _with_directory(file: Path, heap: _Heap) -> list[Path]:
    directory = Path(f"{file}.d")
    try:
        inside = sorted(path for path in directory.iterdir() if path.match("*.conf") and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        inside = []
    except OSError as error:
        heap.problems.append(secrets.unreadable(directory, error.strerror or str(error)))
        inside = []
    return [file, *inside]


def _read_file(heap: _Heap, path: Path, number: int, *, private: bool) -> None:
    try:
        content = secrets.read(path)
    except AnswersUnreadable as problem:
        heap.problems.append(problem)
        return
    if private and content.unfit:
        heap.problems.append(content.unfit)
        return
    parsed = answer_file.parse(content.text, path, heap.is_secret)
    heap.problems += parsed.problems
    heap.refused |= parsed.refused
    exposed = next((entry for entry in parsed.entries if isinstance(entry.text, Secret)), None)
    if exposed and content.unfit:
        heap.problems.append(secrets.at_line(content.unfit, exposed.key, exposed.place))
        return
    _take(heap, parsed, path, number, Source.FILE)


def _read_stream(heap: _Heap, stream: Stream, number: int) -> None:
    told = len(heap.problems)
    try:
        text = stream.text()
    except SecretsSource as problem:
        heap.problems.append(problem)
        return
    path = Path(stream.name)
    parsed = answer_file.parse(text, path, heap.is_secret, Layer.DEFAULT)
    heap.problems += parsed.problems
    heap.refused |= parsed.refused
    _take(heap, parsed, path, number, Source.OPTION)
    for one in heap.problems[told:]:
        one.command = HELP  # there is no line that could be shown


def _take(heap: _Heap, parsed: Parsed, path: Path, number: int, source: Source) -> None:
    heap.entries += parsed.entries
    known = [entry for entry in parsed.entries if _is_known(heap, entry)]
    _note_unused(heap, path, parsed.entries)
    for entry in known:
        group = _Group.ENFORCED if entry.layer is Layer.ENFORCE else _Group.FILE
        heap.candidates.append(_Candidate(group, entry.layer, number, _given(heap, entry, source)))


def _given(heap: _Heap, entry: Entry, source: Source) -> Given:
    origin = Origin(source, entry.place)
    if original.takes_back(entry):
        return Given(entry.key, "", origin, Kind.NONE)
    meant = original.meant_by(entry)
    if meant is None:
        return Given(entry.key, entry.text, origin, entry.kind)
    heap.notices.append(Info(meant.told))
    return Given(entry.key, meant.text, origin, entry.kind, implies=meant.implies)


def _is_known(heap: _Heap, entry: Entry) -> bool:
    standing = keys.standing(entry.key, heap.questions)
    if standing is keys.Standing.UNKNOWN:
        like = keys.suggest(entry.key, heap.questions)
        hint = _("Did you mean {like}?", like=like) if like else _("No known key is like it. Take the line out.")
        why = _("it is neither a key of this program nor one of the original's, so it would have no effect")
        command = answer_file.show_line(entry.place)
        heap.problems.append(AnswersKey(entry.key, why=why, where=entry.place, hint=hint, command=command))
    if entry.key == keys.DIALECT and entry.text == "machine":
        why = _("its programs would wait for answers this program never asks for")
        command = answer_file.show_line(entry.place)
        hint = _("Take the line out; an answer file alone is replayed without any question.")
        heap.problems.append(AnswersDialect(entry.key, why=why, where=entry.place, hint=hint, command=command))
    return standing in (keys.Standing.USED, keys.Standing.WITHOUT_EFFECT)


def _note_unused(heap: _Heap, path: Path, entries: Iterable[Entry]) -> None:
    words = {
        keys.Standing.WITHOUT_EFFECT: _("known keys without effect here"),
        keys.Standing.RETIRED: _("keys that were retired in 2018, ignored"),
    }
    for standing, word in words.items():
        names = [entry.key for entry in entries if keys.standing(entry.key, heap.questions) is standing]
        if names:
            heap.notices.append(Info(_("{path}: {word}: {names}", path=path, word=word, names=", ".join(names))))


def _read_environment(heap: _Heap, environment: Mapping[str, Secret]) -> None:
    known = {secrets.variable_of(key): key for key in heap.questions if heap.is_secret(key)}
    for name, secret in environment.items():
        if name in known:
            _add(heap, _Group.ENVIRONMENT, Given(known[name], secret, Origin(Source.OPTION, name)))
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = (
            _("Did you mean {close}?", close=close[0]) if close else _("Known: {known}", known=", ".join(sorted(known)))
        )
        heap.problems.append(
            AnswersKey(name, why=_("no secret has this variable"), where=name, hint=hint, command=HELP)
        )


def _settle(heap: _Heap, products: Mapping[type[Any], Any] | None, within: float) -> Answers:
    given: dict[str, Given] = {}
    unused: dict[str, Given] = {}
    implied: list[Given] = []
    for key in {candidate.given.key: None for candidate in heap.candidates}:
        own = [candidate for candidate in heap.candidates if candidate.given.key == key]
        winner = _winner(own)
        if winner is None:
            continue
        implied += [Given(one, text, winner.given.origin) for one, text in winner.given.implies.items()]
        winner = _recorded(winner, own)
        if key not in heap.questions:
            unused[key] = winner.given
            continue
        _note_overruled(heap, winner, own)
        reason = refusal(heap.questions[key], winner.given, products, within)
        if reason:
            heap.refused.add(key)
            heap.problems.append(not_accepted(heap.questions[key][0], winner.given.origin, reason))
        else:
            given[key] = winner.given
    given |= {one.key: one for one in implied if one.key not in given.keys() | heap.refused}
    complete = not any(isinstance(one, AnswersUnreadable | AnswersSyntax) for one in heap.problems)
    return Answers(
        given, tuple(heap.problems), tuple(heap.notices), frozenset(heap.refused), complete,
        tuple(heap.entries), unused,
    )  # fmt: skip


def _winner(own: list[_Candidate]) -> _Candidate | None:
    """Choose; `none:` in the greatest place of a group takes back what that group answered before."""
    for group in sorted(_Group, reverse=True):
        ranked = sorted((one for one in own if one.group is group), key=lambda one: (one.layer, one.number))
        if ranked and ranked[-1].given.kind is not Kind.NONE:
            return ranked[-1]
    return None


def _recorded(winner: _Candidate, own: list[_Candidate]) -> _Candidate:
    """Give what an unfinished run has recorded in place of a winner that says the same."""
    same = (one for one in own if one.given.origin.source is Source.RESUMED and one.given.text == winner.given.text)
    return next(same, winner)


def _note_overruled(heap: _Heap, winner: _Candidate, own: list[_Candidate]) -> None:
    if winner.group is not _Group.ENFORCED:
        return
    for one in own:
        if one.group is _Group.OPTION:
            text = _(
                "{origin} is overruled by {enforced}, which is in [environment:enforce]",
                origin=one.given.origin,
                enforced=winner.given.origin,
            )
            heap.notices.append(Warn(text))
