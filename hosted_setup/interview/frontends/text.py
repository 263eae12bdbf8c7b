"""Text made fit for a terminal: nothing that comes from a guest, a file or a backup may steer it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from hosted_setup.model.messages import N_, _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# CSI and OSC sequences with what belongs to them, then any other two-character escape (ECMA-48).
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?"
)
# Control and format characters (bidirectional overrides are format), separators that break lines, lone surrogates.
_UNFIT: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
# A command stands at the beginning of a text or after two blanks and ends before the next two; a help needs no options.
_COMMAND: Final = re.compile(r"(?:^|(?<=  ))hosted-engine(?! \S+ --help)(?: \S+)+")
_DEEPER: Final = 2  # columns by which what a colon announces stands further in
_LABELS: Final = (N_("What"), N_("Why"), N_("Where"), N_("Next"), N_("Else"))


def with_options(text: str, options: str) -> str:
    """Give `text` with `options`, quoted for a shell, at the end of every command of this program in it."""
    return _COMMAND.sub(lambda found: f"{found[0]} {options}", text) if options else text


def clean(text: str) -> str:
    """Give `text` without escape sequences and control characters; a tab becomes a space."""
    plain = _ESCAPES.sub("", text).replace("\t", " ")
    return "".join(char for char in plain if unicodedata.category(char) not in _UNFIT)


def clean_lines(text: str) -> list[str]:
    """Give the lines of `text`, each clean; a carriage return ends a line, as progress bars use it."""
    return [clean(line) for line in re.split(r"\r?\n|\r", text.rstrip("\r\n"))]


def width_of(text: str) -> int:
    """Give the columns `text` takes: wide characters take two, combining ones none."""
    return sum(_columns(char) for char in text)


def bounded(text: str, columns: int) -> str:
    """Give as much of `text` as fits into `columns`."""
    used = 0
    for position, char in enumerate(text):
        used += _columns(char)
        if used > columns:
            return text[:position]
    return text


def fitting(texts: Sequence[str], columns: int) -> str:
    """Give the first of `texts` that fits into `columns`; as much as fits of the last one, where none does."""
    return next((text for text in texts if width_of(text) <= columns), bounded(texts[-1], columns))


def folded(text: str, columns: int) -> list[str]:
    """Give `text` in lines of at most `columns`, broken at blanks; the later ones begin below the first one's text.

    Neither a word, such as a path, nor a command that is to be copied is ever broken: a long one has a line of its own,
    further to the left if need be; for one that is longer still the terminal has to make do.
    """
    if width_of(text) <= columns:
        return [text]
    label = re.match(rf" *(?:(?:{'|'.join(re.escape(_(one)) for one in _LABELS)}): +)?", text)
    line = label[0] if label else ""
    indent, begun, lines = len(line), False, []
    for gap, piece in _pieces(text[len(line) :]):
        if begun and width_of(f"{line}{gap}{piece}") > columns:
            lines.append(line)
            wanted = indent + _DEEPER if line.endswith(":") else indent
            line = f"{'':{max(0, min(wanted, columns - width_of(piece)))}}{piece}"
        else:
            line += f"{gap}{piece}"
        begun = True
    return [*lines, line]


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Give what is not to be broken, each with the blanks before it.

    That is a word, or a command: what stands after a colon and two blanks is one too, whatever program it calls.
    """
    chunks = re.split("( {2,})", text)
    before = ""
    for blanks, chunk in zip(("", *chunks[1::2]), chunks[::2], strict=True):
        words = [chunk] if before.endswith(":") or chunk.startswith("hosted-engine ") else chunk.split(" ")
        yield blanks, words[0]
        yield from ((" ", word) for word in words[1:])
        before = chunk


def duration(seconds: float) -> str:
    """Give minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
