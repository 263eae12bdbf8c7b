"""The screen of the wizard: as the plain one, with a few live lines below the finished ones while there is work."""

from __future__ import annotations

import os
import textwrap
import time
from collections import deque
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TextIO

from hosted_setup.interview.frontends.screen import INDENT, Screen, shown
from hosted_setup.interview.frontends.text import bounded, clean, clean_lines, duration
from hosted_setup.model.events import GuestLine, Heading, StepBegun, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hosted_setup.interview.section_interview import Answered
    from hosted_setup.model.events import Event

_GUEST_LINES: Final = 4
_SMALLEST: Final = os.terminal_size((80, 24))
_NUMBER: Final = 5
_NARROWEST: Final = 8
_ABOVE: Final = 3  # rows that are left to the finished lines


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

    def paragraphs(self, lines: Iterable[str]) -> None:
        """Draw indented lines, folded between words."""
        self.lines(row for line in lines for row in _fold(line, self._size().columns - len(INDENT) - 1))

    def rest(self) -> None:
        """Take the live lines away until there is work again."""
        self._let_go_up(0)
        self._clear()
        self._step = self._wait_for = None

    def _answers(self, answers: Sequence[Answered]) -> None:
        """Draw a table fitted to the width; what does not fit into a column goes on below."""
        section = ""
        for number, one in enumerate(answers, 1):
            if one.section != section:
                section = one.section
                self._line(clean(section))
            for row in _rows(number, one, self._size().columns - 1):
                self._line(row)

    def _note(self, event: Event) -> None:
        self._wait_for = None
        if isinstance(event, Heading):
            self._stage = event.text
        elif isinstance(event, StepBegun):
            now = self._now()
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
        yield f"{INDENT}step {step.number}/{step.total}, {duration(now - since)}: {clean(step.title)}"
        if self._wait_for is not None:
            wait, told = self._wait_for
            typical = f", typically {duration(wait.typical)}" if wait.typical else ""
            within = f", at most {duration(wait.within)}" if wait.within is not None else ""
            yield f"{INDENT}waiting for {clean(wait.what)}: {duration(wait.elapsed + now - told)}{typical}{within}"
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


def _rows(number: int, one: Answered, columns: int) -> Iterator[str]:
    """Fold question, answer and origin into columns: a bit more than a third each, the rest for the origin."""
    wide = max(_NARROWEST, (columns - _NUMBER) * 3 // 8)
    rest = max(_NARROWEST, columns - _NUMBER - 2 * wide)
    folded = [_fold(one.question.prompt, wide - 2), _fold(shown(one), wide - 2), _fold(str(one.origin), rest)]
    for at, (question, answer, origin) in enumerate(zip_longest(*folded, fillvalue="")):
        place = "" if at else str(number)
        yield f"{place:>{_NUMBER - 2}}  {question:<{wide}}{answer:<{wide}}{origin}".rstrip()


def _fold(text: str, columns: int) -> list[str]:
    return textwrap.wrap(clean(text), columns, break_on_hyphens=False) or [""]
