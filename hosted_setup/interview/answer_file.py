"""otopi's answer files, read strictly: every mistake has its file and line.

The format is otopi's (`src/otopi/common.py`, `src/plugins/otopi/core/config.py`): an INI file whose sections say when
an answer applies and whose values carry a type, `KEY=type:value`. Where otopi guesses, this reader refuses. It has its
own line parser because configparser forgets line numbers. No message quotes a value: it may be a secret.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final

from hosted_setup.interview.problems import (
    AnswersBool,
    AnswersDuplicate,
    AnswersProblem,
    AnswersSyntax,
    AnswersType,
)
from hosted_setup.model.messages import _
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Layer(IntEnum):
    """The four sections; a greater one wins whatever the file (otopi applies them in this order)."""

    DEFAULT = 0
    INIT = 1
    OVERRIDE = 2
    ENFORCE = 3


class Kind(StrEnum):
    """The type word before a value."""

    NONE = "none"
    BOOL = "bool"
    INT = "int"
    STR = "str"
    MULTI = "multi-str"


@dataclass(frozen=True)
class Entry:
    """One answer of a file. A multi-str's items are joined by newlines; none has the empty text."""

    key: str
    kind: Kind
    text: str | Secret
    layer: Layer
    path: Path
    line: int  # from 1

    @property
    def place(self) -> str:
        """Give file:line."""
        return f"{self.path}:{self.line}"


@dataclass
class Parsed:
    """What a file holds, with all that is wrong in it."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[AnswersProblem] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Keys that are there but with a value that was refused: they are not missing as well."""


_SECTION: Final = re.compile(r"\[environment:(default|init|override|enforce)\]")
_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]*/[A-Za-z0-9_./-]+")
_BOOLS: Final = frozenset({"True", "true", "False", "false"})
_NUMBER: Final = re.compile(r"-?[0-9]+")
_KINDS: Final = tuple(kind.value for kind in Kind)
_CONTROL: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})
COMMENTS: Final = ("#", ";")


def is_plain(text: str) -> bool:
    """Tell whether `text` is free of control characters, line separators and lone surrogates; a tab is fine."""
    return all(char == "\t" or unicodedata.category(char) not in _CONTROL for char in text)


def show_line(place: str) -> str:
    """Give the command that shows the line `place` (file:line) names."""
    path, _, line = place.rpartition(":")
    return f"sed -n {line}p {shlex.quote(path)}"


def parse(text: str, path: Path, is_secret: Callable[[str], bool], layer: Layer | None = None) -> Parsed:
    """Read the answers in `text`, which came from `path`; goes on after a mistake, to tell all of them.

    Answers before any section belong to `layer`; without one they are refused.
    """
    return _Reader(path, is_secret, layer).read(text)


@dataclass
class _Pending:
    """A value whose continuation lines may still come."""

    key: str
    kind: Kind
    line: int
    parts: list[str]


class _Reader:
    def __init__(self, path: Path, is_secret: Callable[[str], bool], layer: Layer | None) -> None:
        self._path = path
        self._is_secret = is_secret
        self._parsed = Parsed()
        self._layer = layer
        self._seen: dict[tuple[Layer, str], int] = {}
        self._pending: _Pending | None = None

    def read(self, text: str) -> Parsed:
        for number, line in _lines(text):
            self._line(number, line)
        self._flush()
        return self._parsed

    def _line(self, number: int, line: str) -> None:
        if not is_plain(line):
            self._flush()
            self._syntax(number, _("the line holds a control character"), _("answer files are plain text in UTF-8"))
            return
        stripped = line.strip()
        if stripped.startswith(COMMENTS):
            return
        if not stripped:
            self._flush()
        elif line[0] in " \t":
            self._continuation(number, stripped)
        elif stripped.startswith("["):
            self._section(number, stripped)
        else:
            self._answer(number, line)

    def _section(self, number: int, text: str) -> None:
        self._flush()
        found = _SECTION.fullmatch(text)
        # An answer below a section that is not understood is read all the same, so that its own mistakes show too.
        self._layer = Layer[found[1].upper()] if found else Layer.DEFAULT
        if not found:
            known = ", ".join(f"[environment:{layer.name.lower()}]" for layer in Layer)
            self._syntax(number, _("there is no such section"), _("the sections are {known}", known=known))

    def _continuation(self, number: int, text: str) -> None:
        if self._pending is None or self._pending.kind is not Kind.MULTI:
            why = _("only a multi-str: value goes on over several lines")
            self._syntax(number, _("an indented line that continues nothing"), why)
            return
        self._pending.parts.append(text)

    def _answer(self, number: int, text: str) -> None:
        self._flush()
        name, equals, typed = text.partition("=")
        key = name.strip()
        if not equals or not _KEY.fullmatch(key):
            self._syntax(number, _("the line is no answer"), _("an answer reads FAMILY/name=type:value"))
            return
        if self._layer is None:
            self._syntax(
                number, _("{key} stands before any section", key=key), _("begin the file with [environment:default]")
            )
            self._layer = Layer.DEFAULT
        if self._duplicate(number, key):
            return
        word, colon, rest = typed.lstrip().partition(":")
        # A blank at a line's end is an accident of editing, but a password may end in one.
        value = rest if self._is_secret(key) and word == Kind.STR else rest.rstrip()
        if not colon or word not in _KINDS:
            self._refuse(
                AnswersType, key, number, _("the types are {types}", types=", ".join(f"{kind}:" for kind in _KINDS))
            )
            return
        self._pending = _Pending(key, Kind(word), number, [value] if value or word != Kind.MULTI else [])

    def _duplicate(self, number: int, key: str) -> bool:
        layer = self._layer or Layer.DEFAULT
        first = self._seen.setdefault((layer, key), number)
        if first != number:
            self._refuse(
                AnswersDuplicate, key, number, _("line {first} of the same section answers it already", first=first)
            )
        return first != number

    def _flush(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        text = "\n".join(pending.parts)
        if pending.kind is Kind.BOOL and text not in _BOOLS:
            self._refuse(AnswersBool, pending.key, pending.line, _("the accepted words are True and False"))
        elif pending.kind is Kind.INT and not _NUMBER.fullmatch(text):
            self._refuse(AnswersType, pending.key, pending.line, _("int: is followed by a whole number"))
        elif pending.kind is Kind.NONE and text not in ("", "None"):
            self._refuse(AnswersType, pending.key, pending.line, "none: is followed by None or nothing")
        else:
            self._keep(pending, "" if pending.kind is Kind.NONE else text)

    def _keep(self, pending: _Pending, text: str) -> None:
        hide = self._is_secret(pending.key) and pending.kind is not Kind.NONE
        value = Secret(text) if hide else text
        layer = self._layer or Layer.DEFAULT
        self._parsed.entries.append(Entry(pending.key, pending.kind, value, layer, self._path, pending.line))

    def _syntax(self, number: int, detail: str, why: str) -> None:
        self._add(AnswersSyntax, number, detail, why)

    def _refuse(self, kind: type[AnswersProblem], key: str, number: int, why: str) -> None:
        self._parsed.refused.add(key)
        self._add(kind, number, key, why)

    def _add(self, kind: type[AnswersProblem], number: int, detail: str, why: str) -> None:
        place = f"{self._path}:{number}"
        hint = _("Mend the line, then run the same command again.")
        self._parsed.problems.append(kind(detail, why=why, where=place, hint=hint, command=show_line(place)))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not str.splitlines: it also splits at characters that editors do not count as line ends.
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.removesuffix("\r")
