"""Plain questions, one line each: any terminal, a serial line, a pipe with the answers in it."""

from __future__ import annotations

import io
import termios
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, TextIO

from hosted_setup.model.problem import Aborted
from hosted_setup.model.question import parse_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hosted_setup.interview.frontend import Preview
    from hosted_setup.interview.frontends.screen import Screen
    from hosted_setup.interview.section_interview import Prompt, SectionInterview
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question

_ECHO: Final = 3  # index of the local modes in what tcgetattr gives


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

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Need nothing beforehand: somebody is there to ask."""

    def fill(self, interview: SectionInterview) -> None:
        """Ask question after question.

        Raises:
            Aborted: at the end of input.
        """
        self._screen.title(interview.title)
        while (prompt := interview.prompt) is not None:
            text = self._read(_line_of(prompt), hidden=prompt.question.secret)
            word = "" if prompt.question.secret else text.strip()
            if word == "?":
                self._screen.lines(_help(prompt))
            elif word == "back":
                if not interview.back():
                    self._screen.error("this is the first question of its section")
            elif rejected := interview.reply(text):
                self._screen.error(rejected.reason)

    def show(self, preview: Preview) -> None:
        """Draw the preview."""
        self._screen.preview(preview)

    def confirm(self, prompt: str, *, default: bool) -> bool:
        """Ask until the reply is yes or no; empty means the `default`.

        Raises:
            Aborted: at the end of input.
        """
        while True:
            text = self._read(f"{prompt} (Yes, No)[{'Yes' if default else 'No'}]", hidden=False).strip()
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
            message = "end of input"
            raise Aborted(message)
        return line.removesuffix("\n").removesuffix("\r")


@contextmanager
def _no_echo(source: TextIO, screen: Screen) -> Iterator[None]:
    """Switch the echo of a terminal off, and back on whatever happens."""
    if not source.isatty():
        yield
        return
    descriptor = source.fileno()
    before = termios.tcgetattr(descriptor)
    hidden = termios.tcgetattr(descriptor)
    hidden[_ECHO] &= ~termios.ECHO
    # Nothing is flushed: what was pasted belongs to the questions that follow.
    termios.tcsetattr(descriptor, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        screen.end_line()


def _line_of(prompt: Prompt) -> str:
    question = prompt.question
    text = f"{question.prompt} (again, to be sure)" if prompt.again else question.prompt
    choices = question.choices()
    shown = prompt.default if prompt.default or not question.secret else None
    if choices == ("yes", "no"):
        default = f"[{shown.capitalize()}]" if shown else ""
        return f"{text} (Yes, No){default}"
    if choices:
        text = f"{text} ({', '.join(choices)})"
    return text if shown is None else f"{text} [{shown}]"


def _help(prompt: Prompt) -> Iterator[str]:
    question = prompt.question
    yield from question.help.splitlines() or ["There is no further help for this question."]
    if prompt.default is not None:
        yield f"An empty reply takes the default, which is from: {prompt.origin}."
    yield f"In an answer file its key is {question.key}. back returns to the question before, Ctrl-D leaves."
