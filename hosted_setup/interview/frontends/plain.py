"""Plain questions, one line each: any terminal, a serial line, a pipe with the answers in it."""

from __future__ import annotations

import io
import termios
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from hosted_setup.interview.frontends.echo import without_echo
from hosted_setup.interview.frontends.wording import (
    TO_CHANGE,
    heading_of,
    help_of,
    line_of,
    pick_list,
    review_line,
    review_of,
    yes_or_no,
)
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Aborted
from hosted_setup.model.question import parse_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hosted_setup.interview.frontend import Preview, Review
    from hosted_setup.interview.frontends.screen import Screen
    from hosted_setup.interview.section_interview import SectionInterview
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question


class PlainFrontend:
    """Reads replies from `source`, draws on `screen`.

    `?` shows the help of a question and `back` returns to the one before; at a hidden question both are the reply.
    """

    def __init__(self, screen: Screen, source: TextIO) -> None:
        """See the class."""
        self._screen = screen
        self._source = source
        if isinstance(source, io.TextIOWrapper):
            # Bytes that are no text become a reply that is refused, not an exception.
            source.reconfigure(errors="surrogateescape")

    def emit(self, event: Event) -> None:
        """Show the event."""
        self._screen.emit(event)

    @property
    def attended(self) -> bool:
        """Somebody is there."""
        return True

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Need nothing beforehand: somebody is there to ask."""

    def fill(self, interview: SectionInterview) -> None:
        """Ask question after question.

        Raises:
            Aborted: at the end of input.
        """
        if heading := heading_of(interview):
            self._screen.title(heading)
        drawn = ""  # the pick list that stands there
        while (prompt := interview.prompt) is not None:
            if prompt.warning:
                self._screen.emit(Warn(prompt.warning))
            elif prompt.choices and drawn != prompt.question.name:
                self._screen.lines(pick_list(prompt.choices))
            drawn = prompt.question.name
            hidden = prompt.question.secret and not prompt.warning
            text = self._read(line_of(prompt), hidden=hidden)
            word = "" if hidden else text.strip()
            rejected = None
            if word == "?":
                self._screen.lines(help_of(prompt))
            else:
                rejected = interview.back() if word == "back" else interview.reply(text)
            if rejected is not None:
                self._screen.error(rejected.reason)

    def show(self, preview: Preview) -> None:
        """Draw the preview."""
        self._screen.preview(preview)

    def review(self, preview: Preview) -> Review:
        """Ask until the reply is yes, no or the number of an answer; empty means yes.

        Raises:
            Aborted: at the end of input.
        """
        self._screen.lines(map(_, TO_CHANGE))
        prompt = review_line(preview)
        while True:
            text = self._read(prompt, hidden=False).strip()
            try:
                return review_of(text, preview)
            except ValueError as error:
                self._screen.error(str(error))

    def confirm(self, prompt: str, *, default: bool) -> bool:
        """Ask until the reply is yes or no; empty means the `default`.

        Raises:
            Aborted: at the end of input.
        """
        while True:
            text = self._read(yes_or_no(prompt, default=default), hidden=False).strip()
            try:
                return bool(parse_as(bool, text)) if text else default
            except ValueError as error:
                self._screen.error(str(error))

    def _read(self, prompt: str, *, hidden: bool) -> str:
        try:
            with _no_echo(self._source, self._screen) if hidden else nullcontext():
                self._screen.ask(prompt)
                line = self._source.readline()
        except (OSError, termios.error) as error:  # the terminal is gone
            raise Aborted(str(error)) from error
        if not line:
            self._screen.end_line()
            message = _("end of input")
            raise Aborted(message)
        return line.removesuffix("\n").removesuffix("\r")


@contextmanager
def _no_echo(source: TextIO, screen: Screen) -> Iterator[None]:
    """Switch the echo of a terminal off, and back on whatever happens; its newline was not echoed either."""
    if not source.isatty():
        yield
        return
    try:
        with without_echo(source.fileno()):
            yield
    finally:
        screen.end_line()
