"""Where an answer came from, and what wins when two places give one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from hosted_setup.model.messages import _

T = TypeVar("T")


class Source(IntEnum):
    """The origins of an answer; the greater one wins (product rule: option, typed, file, resumed, backup, …)."""

    DEFAULT = 0
    DETECTED = 1
    BACKUP = 2
    SHARED = 3
    RESUMED = 4
    FILE = 5
    TYPED = 6
    OPTION = 7

    @property
    def words(self) -> str:
        """Give what the preview calls it."""
        return "shared configuration" if self is Source.SHARED else self.name.lower()


@dataclass(frozen=True)
class Origin:
    """The source of one answer and the place in it, as the preview and the errors name it."""

    source: Source
    place: str = ""  # file:line, the option, the environment variable

    def __str__(self) -> str:
        """Give the words the preview shows."""
        return self.place or _(self.source.words)


@dataclass(frozen=True)
class Recorded:
    """An answer that an unfinished run has recorded, in `section` (the class's name), `typed` by an operator or not."""

    text: str
    section: str = ""
    typed: bool = False


@dataclass(frozen=True)
class Suggestion(Generic[T]):
    """A proposed value and where it came from; `place` as in Origin."""

    value: T
    source: Source = Source.DETECTED
    place: str = ""
