"""The machine dialect: another program reads what happens, line by line, and replies."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

from msgspec import UNSET

from hosted_setup.interview import dialect
from hosted_setup.interview.dialect import (
    Asking,
    Confirming,
    Offered,
    Previewed,
    Rejected,
    Reply,
    Reviewing,
    Settled,
)
from hosted_setup.interview.frontend import Confirm, Decline, Reopen
from hosted_setup.interview.frontends.outlet import Outlet
from hosted_setup.interview.frontends.text import with_options
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Aborted
from hosted_setup.model.question import text_of
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hosted_setup.interview.dialect import AnyMessage, Kind
    from hosted_setup.interview.frontend import Preview, Review
    from hosted_setup.interview.section_interview import Prompt, SectionInterview
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question

T = TypeVar("T")
_KINDS: Final[dict[object, Kind]] = {bool: "boolean", int: "integer", Path: "path", Secret: "secret"}


class Telling:
    """Writes a line for everything that happens; draws for nobody.

    Args:
        out: where to write.
        redact: masks secrets.
        options: what every command of this program that is told has to carry, quoted for a shell.
    """

    def __init__(self, out: TextIO, redact: Callable[[str], str], options: str = "") -> None:
        """See the class."""
        self._out = Outlet(out)
        self._redact = redact
        self._options = options

    def emit(self, event: Event) -> None:
        """Tell an event."""
        self._write(event, lambda text: with_options(self._redact(text), self._options))

    def preview(self, preview: Preview) -> None:
        """Tell what the run will do."""
        self.ask(_previewed(preview))

    def ask(self, message: AnyMessage) -> None:
        """Tell what is no event."""
        self._write(message, self._redact)

    def _write(self, message: AnyMessage, fit: Callable[[str], str]) -> None:
        self._out.write(dialect.encode(message, fit).decode())


class MachineFrontend:
    """Tells questions by `telling`, reads replies from `source`, a line each; one that is wrong is asked for again."""

    def __init__(self, telling: Telling, source: TextIO) -> None:
        """See the class."""
        self._telling = telling
        self._source = source
        if isinstance(source, io.TextIOWrapper):
            # Bytes that are no text become a reply that is refused, not an exception.
            source.reconfigure(encoding="utf-8", errors="surrogateescape")

    def emit(self, event: Event) -> None:
        """Tell the event."""
        self._telling.emit(event)

    @property
    def attended(self) -> bool:
        """A program is there to reply."""
        return True

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Need nothing beforehand: a program is there to ask."""

    def fill(self, interview: SectionInterview) -> None:
        """Ask question after question.

        Raises:
            Aborted: at the end of input.
        """
        while (prompt := interview.prompt) is not None:
            self._ask(_asking(interview.title, prompt), lambda reply: _answer(interview, reply))

    def show(self, preview: Preview) -> None:
        """Tell the preview."""
        self._telling.preview(preview)

    def review(self, preview: Preview) -> Review:
        """Ask until the reply is one that counts.

        Raises:
            Aborted: at the end of input.
        """
        return self._ask(Reviewing(refused=preview.refused), lambda reply: _review(preview, reply))

    def confirm(self, prompt: str, *, default: bool) -> bool:
        """Ask for a yes or no.

        Raises:
            Aborted: at the end of input.
        """
        return self._ask(Confirming(prompt=prompt, default=default), _confirmed)

    def _ask(self, message: AnyMessage, take: Callable[[Reply], T]) -> T:
        """Tell `message` until `take` accepts a reply; give what it makes of it."""
        while True:
            self._telling.ask(message)
            try:
                return take(dialect.reply_of(self._line()))
            except ValueError as error:
                self._telling.ask(Rejected(reason=str(error)))

    def _line(self) -> bytes:
        """Read a line.

        Raises:
            Aborted: at the end of input.
            ValueError: it is too long.
        """
        line = self._read()
        if len(line) <= dialect.LONGEST:
            return line.encode("utf-8", "surrogateescape")
        while len(line) > dialect.LONGEST and not line.endswith("\n"):
            line = self._read()
        message = _("a reply has at most {most} characters", most=dialect.LONGEST)
        raise ValueError(message)

    def _read(self) -> str:
        try:
            piece = self._source.readline(dialect.LONGEST + 1)
        except (OSError, ValueError) as error:  # it is closed
            raise Aborted(str(error)) from error
        if not piece:
            message = _("end of input")
            raise Aborted(message)
        return piece


def is_nobody(source: TextIO | None) -> bool:
    """Tell whether no program can reply: standard input is closed, or it is /dev/null, that of another /dev too."""
    if source is None:
        return True
    try:
        status = os.fstat(source.fileno())
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev
    except (OSError, ValueError):  # no file, or a closed one
        return False


def _answer(interview: SectionInterview, reply: Reply) -> None:
    if reply.back is True:
        rejected = interview.back()
    elif reply.answer is UNSET:
        message = _("a question wants answer or back")
        raise ValueError(message)
    else:
        rejected = interview.reply(text_of(reply.answer))
    if rejected is not None:
        raise ValueError(rejected.reason)


def _review(preview: Preview, reply: Reply) -> Review:
    if isinstance(reply.reopen, int):
        if reply.reopen > len(preview.answers):
            message = _("there is no answer {number}", number=reply.reopen)
            raise ValueError(message)
        return Reopen(reply.reopen)
    if reply.confirm is UNSET:
        message = _("a review wants confirm or reopen")
        raise ValueError(message)
    if reply.confirm and preview.refused:
        message = _("the problems that were told are still there")
        raise ValueError(message)
    return Confirm() if reply.confirm else Decline()


def _confirmed(reply: Reply) -> bool:
    if isinstance(reply.confirm, bool):
        return reply.confirm
    message = _("confirm is wanted")
    raise ValueError(message)


def _asking(section: str, prompt: Prompt) -> Asking:
    question = prompt.question
    return Asking(
        section=section,
        name=question.name,
        key=question.key,
        prompt=prompt.text,
        kind=_kind(prompt),
        help=question.help,
        optional=question.optional,
        default=prompt.default,
        origin="" if prompt.origin is None else str(prompt.origin),
        again=prompt.again,
        words=prompt.words,
        choices=tuple(Offered(one.text, one.description, one.unfit) for one in prompt.choices),
        warning=prompt.warning,
    )


def _kind(prompt: Prompt) -> Kind:
    if prompt.warning:
        return "boolean"
    kind = prompt.question.plain_type
    if kind in _KINDS:
        return _KINDS[kind]
    closed = prompt.words or (prompt.choices and prompt.question.closed)
    return "choice" if closed else "text"


def _previewed(preview: Preview) -> Previewed:
    return Previewed(
        answers=tuple(
            Settled(
                number=number,
                section=one.section,
                key=one.question.key,
                prompt=one.question.prompt,
                value=None if one.question.secret else text_of(one.value),
                secret=one.question.secret,
                origin=str(one.origin),
            )
            for number, one in enumerate(preview.answers, 1)
        ),
        plan=preview.plan,
        effects=preview.effects,
        refused=preview.refused,
    )
