"""Plain lines on any terminal or pipe: `[ INFO  ] …` as operators and their runbooks know them."""

from __future__ import annotations

import os
import time
from itertools import groupby
from typing import TYPE_CHECKING, Final, TextIO

from hosted_setup.interview.frontends.outlet import Outlet
from hosted_setup.interview.frontends.text import clean, clean_lines, duration, fitting, folded, width_of, with_options
from hosted_setup.model.events import End, Failed, GuestLine, Heading, Info, StepBegun, Summary, Waiting, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.question import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hosted_setup.interview.frontend import Preview
    from hosted_setup.interview.section_interview import Answered
    from hosted_setup.model.events import Event
    from hosted_setup.model.problem import Problem

INDENT: Final = " " * 10
QUIET: Final = 10.0
"""Seconds: elsewhere than on a terminal a wait shows itself no more often, and never less."""

_INFO: Final = "[ INFO  ] "
_WARNING: Final = "[WARNING] "
_ERROR: Final = "[ ERROR ] "
_COLOURS: Final = {_WARNING: "\x1b[33m", _ERROR: "\x1b[31m"}
_PLAIN: Final = "\x1b[0m"
_COLUMNS: Final = 80
_DEEPER: Final = "  "
_LABEL: Final = 40


class Screen:
    """Draws events on `out`, which may be a terminal, a pipe or gone.

    Args:
        out: where to write.
        environ: NO_COLOR and TERM are looked at.
        now: seconds of a monotonic clock.
        live: whether a wait is drawn over itself and colours are used, on a terminal.
        options: what every command of this program that is shown has to carry, quoted for a shell.
    """

    def __init__(
        self,
        out: TextIO,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.monotonic,
        options: str = "",
        *,
        live: bool = True,
    ) -> None:
        """See the class."""
        self._options = options
        self._out = Outlet(out)
        self._now = now
        self._live = live and out.isatty()
        dumb = environ.get("TERM", "dumb") == "dumb"
        self._colour = self._live and not dumb and not environ.get("NO_COLOR")
        self._drawn = 0  # columns of the live line that stands there
        self._last = now()
        self._waiting: tuple[str, float] = ("", 0.0)

    def emit(self, event: Event) -> None:  # noqa: C901 - one arm a kind of event
        """Draw one event."""
        match event:
            case Heading(text):
                self._lines(_INFO, _("Stage: {stage}", stage=text))
            case StepBegun(title, number, total):
                self._lines(_INFO, f"{title} ({number}/{total})")
            case Info(text):
                self._lines(_INFO, with_options(text, self._options))
            case Warn(text):
                self._lines(_WARNING, with_options(text, self._options))
            case GuestLine(text):
                self.lines(f"|- {line}" for line in clean_lines(text))
            case Waiting():
                self._wait(event)
            case Failed(problem):
                for one in problem.problems():
                    self._problem(one)
            case Summary(lines):
                self.lines(("", *(with_options(line, self._options) for line in lines)))
            case End():
                pass  # the caller sees the exit code

    def error(self, reason: str) -> None:
        """Draw why a reply was not accepted."""
        self._lines(_ERROR, reason)

    def title(self, text: str) -> None:
        """Draw the title of a section."""
        self.lines(_title(text))

    def lines(self, lines: Iterable[str]) -> None:
        """Draw indented lines, on a terminal folded between words."""
        self.rows(self._indented(lines))

    def rows(self, rows: Iterable[str]) -> None:
        """Draw rows as they are."""
        for row in rows:
            self._line(row)

    def ask(self, text: str) -> None:
        """Draw a prompt, on a terminal folded between words, and stay on its line; the later rows stand further in."""
        line = f"{INDENT}{clean(text)}:"
        first, *rest = folded(line, self._columns() - len(_DEEPER) - 2) if self._live else [line]
        *above, last = [first, *(_DEEPER + row for row in rest)]
        self.rows(above)
        self._clear()
        self._write(f"{last} ")

    def end_line(self) -> None:
        """Go to the next line, where the operator's own newline was not echoed."""
        self._write("\n")

    def preview(self, preview: Preview) -> None:
        """Draw the answers, numbered and with their origins, what the run will do and what it destroys."""
        for part in self._parts(preview):
            self.rows(part)

    def _parts(self, preview: Preview) -> Iterator[list[str]]:
        """Give the rows of a preview, each section's together."""
        answers = iter(self._answers(preview.answers))
        yield [*self._indented(_title(_("Configuration preview"))), *next(answers, ())]
        yield from answers
        if preview.plan:
            yield self._indented((_("The run will:"), *(f"- {title}" for title in preview.plan)))
        if preview.effects:
            first = self._prefixed(_WARNING, _("This run will also do the following:"))
            yield [*first, *self._indented(f"- {effect}" for effect in preview.effects)]
        yield self._indented(("",))

    def _answers(self, answers: Sequence[Answered]) -> Iterator[list[str]]:
        for title, numbered in groupby(enumerate(answers, 1), lambda one: one[1].section):
            lines = (
                f" {number:>3} {one.question.prompt:<{_LABEL}}: {shown(one)}  ({one.origin})"
                for number, one in numbered
            )
            yield self._indented((title, *lines))

    def _problem(self, problem: Problem) -> None:
        self._lines(_ERROR, f"{problem.code}: {problem.headline}")
        hint, command = (with_options(text, self._options) for text in (problem.hint, problem.command))
        told = {_("What"): problem.detail, _("Why"): problem.why, _("Where"): problem.where, _("Next"): hint}
        wide = max(7, *(len(word) + 2 for word in told))
        for word, text in told.items():
            if text:
                first, *rest = clean_lines(text)
                self.lines((f"{word + ':':{wide}}{first}", *(f"{'':{wide}}{line}" for line in rest)))
        if command:
            word = "" if hint else f"{_('Next')}:"
            self._line(f"{INDENT}{word:{wide}}{clean(command)}")

    def _lines(self, prefix: str, text: str) -> None:
        self.rows(self._prefixed(prefix, text))

    def _prefixed(self, prefix: str, text: str) -> list[str]:
        first, *rest = self._indented(clean_lines(text) or [""])
        begin = f"{_COLOURS[prefix]}{prefix}{_PLAIN}" if self._colour and prefix in _COLOURS else prefix
        return [begin + first[len(INDENT) :], *rest]

    def _indented(self, lines: Iterable[str]) -> list[str]:
        """Give the rows of lines, folded between words on a terminal."""
        whole = (f"{INDENT}{clean(line)}".rstrip() for line in lines)
        return [row for line in whole for row in (folded(line, self._columns() - 1) if self._live else [line])]

    def _wait(self, event: Waiting) -> None:
        typical = _(" of typically {typical}", typical=duration(event.typical)) if event.typical else ""
        within = _(", at most {within}", within=duration(event.within)) if event.within is not None else ""
        what, elapsed = clean(event.what), duration(event.elapsed)
        texts = [
            _INFO + _("Waiting for {what}: {elapsed}", what=what, elapsed=elapsed + more)
            for more in (typical + within, typical, "")
        ]
        if self._live:
            self._redraw(fitting(texts, self._columns() - 1))
        elif self._is_due(event.what):
            self._line(texts[0])

    def _is_due(self, what: str) -> bool:
        """Tell whether the next poll, as far off as the last one was, would come after the quiet time."""
        now = self._now()
        before, polled = self._waiting
        self._waiting = (what, now)
        gap = now - polled
        return what != before or now - self._last + gap > QUIET

    def _redraw(self, text: str) -> None:
        padding = " " * max(0, self._drawn - width_of(text))
        self._write(f"\r{text}{padding}")
        self._drawn = width_of(text)

    def _clear(self) -> None:
        if self._drawn:
            self._write(f"\r{' ' * self._drawn}\r")
            self._drawn = 0

    def _line(self, text: str) -> None:
        self._clear()
        self._write(f"{text}\n")
        self._last = self._now()

    def _write(self, text: str) -> None:
        self._out.write(text)

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns or _COLUMNS
        except OSError:
            return _COLUMNS


def _title(text: str) -> tuple[str, ...]:
    return "", f"--== {text.upper()} ==--", ""


def shown(one: Answered) -> str:
    """Give an answer as it may be shown."""
    return "********" if one.question.secret else text_of(one.value) or _("(none)")
