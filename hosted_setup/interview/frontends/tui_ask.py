"""What the wizard asks on one line, without the library that draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Command(Enum):
    """What an operator may want instead of replying."""

    HELP = auto()
    BACK = auto()


@dataclass(frozen=True)
class Ask:
    """One question: `message` stands before the reply, `note` in the bar below it."""

    message: str
    note: str
    about: tuple[str, ...] = ()
    """What stands in the bar above the note, a paragraph each."""
    wrong: Callable[[str], str] = lambda _: ""
    """Tells while a reply is typed what is wrong with its form; must be quick."""
    commands: bool = False
    """Whether the operator may want a `Command`: by a key and, where the reply is not hidden, by `?` and `back`."""
    hidden: bool = False
    words: tuple[str, ...] = ()
    """What can be completed."""
    paths: bool = False
    """Whether paths are completed."""
    text: str = ""
    """What stands there already, to be mended."""
    earlier: tuple[str, ...] = ()
    """Replies that the arrow keys bring back, the latest at the end."""
    keys: tuple[tuple[str, str], ...] = ()
    """Keys that reply at once, each with its reply."""
    fleeting: bool = False
    """Whether nothing of it stays on the screen."""
