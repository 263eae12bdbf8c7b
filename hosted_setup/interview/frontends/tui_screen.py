"""The screen of the wizard: as the plain one, with a few live lines below the finished ones while there is work."""

from __future__ import annotations

import os
import termios
import textwrap
import time
from collections import deque
from contextlib import ExitStack, suppress
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Final, TextIO

from hosted_setup.interview.frontends.echo import is_ours, without_echo
from hosted_setup.interview.frontends.screen import INDENT, Screen, shown
from hosted_setup.interview.frontends.text import bounded, clean, clean_lines, duration, fitting, folded, width_of
from hosted_setup.model.answer import Source
from hosted_setup.model.events import GuestLine, Heading, StepBegun, Waiting
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hosted_setup.interview.frontend import Preview
    from hosted_setup.interview.section_interview import Answered
    from hosted_setup.model.events import Event

_GUEST_LINES: Final = 4
_SMALLEST: Final = os.terminal_size((80, 24))
_NUMBER: Final = 5
_NARROWEST: Final = 8
_ABOVE: Final = 3  # rows that are left to the finished lines
_BELOW: Final = 2  # rows of a question and its bar


class LiveScreen(Screen):
    """Draws events like `Screen`; on a terminal the stage, the step, the wait and the guest's last lines stay below.

    What is finished goes up into the terminal's own record: the lines are those of the plain screen. Elsewhere than on
    a terminal, and when it has gone, there are no live lines.

    Args:
        out: where to write.
        environ: NO_COLOR and TERM are looked at.
        now: seconds of a monotonic clock.
        options: what every command of this program that is shown has to carry, quoted for a shell.
    """

    def __init__(
        self,
        out: TextIO,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.monotonic,
        options: str = "",
    ) -> None:
        """See the class."""
        super().__init__(out, environ, now, options)
        self._begun: float | None = None
        self._stage = ""
        self._step: tuple[StepBegun, float] | None = None
        self._wait_for: tuple[Waiting, float] | None = None
        self._guest: deque[str] = deque()
        self._rows = 0  # of the live lines that stand there
        self._hush = ExitStack()

    @property
    def lives(self) -> bool:
        """Whether there is work that live lines tell of."""
        return self._live and self._step is not None

    def emit(self, event: Event) -> None:
        """Draw one event, and the live lines anew."""
        if not self._live:
            super().emit(event)
            return
        match event:
            case Waiting():
                self._wait_for = event, self._now()
            case GuestLine(text):
                self._guest.extend(clean_lines(text))
                self._let_go_up(_GUEST_LINES)
            case _:
                self._note(event)
                self._let_go_up(0)
                super().emit(event)
        self.tick()

    def tick(self) -> None:
        """Draw the live lines as they are by now."""
        if not self.lives:
            return
        size = self._size()
        lines = [bounded(line, size.columns - 1) for line in self._lines_of_work()][: max(1, size.lines - _ABOVE)]
        self._write(self._erasure() + "\n".join(lines))
        self._rows = len(lines)

    def rest(self) -> None:
        """Take the live lines away until there is work again."""
        self._let_go_up(0)
        self._clear()
        self._step = self._wait_for = None
        with suppress(OSError, termios.error):  # it is gone
            self._hush.close()

    def _silence(self) -> None:
        """Echo no keys while live lines are drawn: the cursor is to stay where they end."""
        with suppress(OSError, termios.error):
            if is_ours(self._out.fileno()):
                self._hush.enter_context(without_echo(self._out.fileno()))

    def pages(self, preview: Preview) -> list[list[str]]:
        """Give the rows of a preview in pages that leave room for a question: no section is broken that fits on one."""
        most = max(_ABOVE, self._size().lines - _BELOW)
        pages: list[list[str]] = [[]]
        for part in self._parts(preview):
            if pages[-1] and len(pages[-1]) + len(part) > most:
                pages.append([])
            for row in part:
                if len(pages[-1]) == most:
                    pages.append([])
                pages[-1].append(row)
        return pages

    def _answers(self, answers: Sequence[Answered]) -> Iterator[list[str]]:
        """Give a table fitted to the width; a file whose name is too long for it stands below the table."""
        columns = self._size().columns - 1
        wide = max(_NARROWEST, (columns - _NUMBER) * 3 // 8)
        widths = wide, max(_NARROWEST, columns - _NUMBER - 2 * wide)
        files = _files(answers, widths[1])
        for title, numbered in groupby(enumerate(answers, 1), lambda one: one[1].section):
            yield [clean(title), *(row for number, one in numbered for row in _rows(number, one, widths, files))]
        if files:
            yield [f"{'':{_NUMBER}}{name}: {path}" for path, name in files.items()]

    def _note(self, event: Event) -> None:
        self._wait_for = None
        if isinstance(event, Heading):
            self._stage = event.text
        elif isinstance(event, StepBegun):
            now = self._now()
            if self._step is None:
                self._silence()
            self._begun = now if self._begun is None else self._begun
            self._step = event, now

    def _let_go_up(self, leave: int) -> None:
        """Make finished lines of the guest's oldest ones."""
        while len(self._guest) > leave:
            self._line(f"{INDENT}|- {self._guest.popleft()}")

    def _lines_of_work(self) -> Iterator[str]:
        if self._step is None or self._begun is None:
            return
        step, since = self._step
        now = self._now()
        yield f"--- {clean(self._stage)}, {duration(now - self._begun)} ---"
        place, elapsed = f"{step.number}/{step.total}", duration(now - since)
        yield INDENT + _("step {place}, {elapsed}: {title}", place=place, elapsed=elapsed, title=clean(step.title))
        if self._wait_for is not None:
            wait, told = self._wait_for
            typical = _(", typically {typical}", typical=duration(wait.typical)) if wait.typical else ""
            within = _(", at most {within}", within=duration(wait.within)) if wait.within is not None else ""
            what, elapsed = clean(wait.what), duration(wait.elapsed + now - told)
            texts = [
                INDENT + _("waiting for {what}: {elapsed}", what=what, elapsed=elapsed + more)
                for more in (typical + within, typical, "")
            ]
            yield fitting(texts, self._size().columns - 1)
        yield from (f"{INDENT}|- {line}" for line in self._guest)

    def _clear(self) -> None:
        super()._clear()
        if self._rows:
            self._write(self._erasure())
            self._rows = 0

    def _erasure(self) -> str:
        """Give what takes the live lines away; after a resize no more than them, whatever the terminal has made."""
        if not self._rows:
            return ""
        up = f"\x1b[{self._rows - 1}A" if self._rows > 1 else ""
        return f"\r{up}\x1b[J"

    def _size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._out.fileno())
        except OSError:
            return _SMALLEST
        return size if size.columns and size.lines else _SMALLEST


def _files(answers: Sequence[Answered], columns: int) -> dict[str, str]:
    """Give a short name for every file that answers are from, if one of them is too long."""
    places = [str(one.origin) for one in answers if one.origin.source is Source.FILE]
    paths = dict.fromkeys(clean(place.rpartition(":")[0]) for place in places)
    if all(width_of(clean(place)) <= columns for place in places):
        return {}
    return {path: _("file {number}", number=number) for number, path in enumerate(paths, 1)}


def _rows(number: int, one: Answered, widths: tuple[int, int], files: Mapping[str, str]) -> Iterator[str]:
    """Fold question, answer and origin into columns; a word that is wider than its column stands below, unbroken."""
    wide, rest = widths
    answer, below = _beside(shown(one), wide - 2)
    path, colon, line = clean(str(one.origin)).rpartition(":")
    origin, under = _beside(f"{files[path]}{colon}{line}" if path in files else str(one.origin), rest)
    table = textwrap.wrap(clean(one.question.prompt), wide - 2), answer, origin
    for at, cells in enumerate(zip_longest(*table, fillvalue="")):
        place = "" if at else str(number)
        yield f"{place:>{_NUMBER - 2}}  {cells[0]:<{wide}}{cells[1]:<{wide}}{cells[2]}".rstrip()
    yield from (f"{'':{_NUMBER + 2}}{row}" for row in (*below, *under))


def _beside(text: str, columns: int) -> tuple[list[str], list[str]]:
    """Give the rows of a text that fit into a column, or those that do not."""
    rows = folded(clean(text), columns)
    return (rows, []) if all(width_of(row) <= columns for row in rows) else ([], rows)
