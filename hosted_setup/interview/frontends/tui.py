"""The wizard: questions with completion and checks beside the typing, and a live view of the work.

The library that draws the questions is imported when the first one is drawn.
"""

from __future__ import annotations

import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, TypeVar, cast

from hosted_setup.interview.frontends.tui_ask import Ask, Command
from hosted_setup.interview.frontends.tui_progress import Progress
from hosted_setup.interview.frontends.wording import (
    TO_CHANGE,
    about,
    heading_of,
    help_of,
    line_of,
    pick_list,
    review_line,
    review_of,
    yes_or_no,
)
from hosted_setup.interview.store import parse_line
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import N_, _
from hosted_setup.model.problem import Aborted
from hosted_setup.model.question import parse_as

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hosted_setup.interview.frontend import Preview, Review
    from hosted_setup.interview.frontends.tui_line import Lines
    from hosted_setup.interview.frontends.tui_screen import LiveScreen
    from hosted_setup.interview.section_interview import Prompt, SectionInterview
    from hosted_setup.model.events import Event
    from hosted_setup.model.question import Question

T = TypeVar("T")
_UNABLE: Final = frozenset({"", "dumb", "unknown"})
_NARROWEST: Final = 40
_LEAVE: Final = N_("Ctrl-D leave")
_OPEN: Final = N_("? help   back   Tab complete   Ctrl-D leave")
_HIDDEN: Final = N_("nothing is shown while you type   F1 help   F2 back   Ctrl-D leave")
_ONLY: Final = " " * 10 + "{}: "
_PAGE: Final = N_("Enter next page   p previous page   q to the end   Ctrl-D leave")
_PAGE_KEYS: Final = ((" ", ""), ("pagedown", ""), ("p", "p"), ("pageup", "p"), ("q", "q"), ("end", "q"))
_REVIEW: Final = N_("p shows the preview again   Ctrl-D leave")


def can_ask(source: TextIO | None, out: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Tell whether the wizard can be used: both ends are a terminal, it can move its cursor, and it is wide enough."""
    if source is None or out is None or not (source.isatty() and out.isatty()):
        return False
    try:
        columns = os.get_terminal_size(out.fileno()).columns
    except OSError:
        return False
    return environ.get("TERM", "dumb") not in _UNABLE and columns >= _NARROWEST


class TuiFrontend:
    """Asks line by line on a terminal that can move its cursor, and shows the work on `screen`."""

    def __init__(self, screen: LiveScreen, lines: Callable[[], Lines] | None = None) -> None:
        """Ask on the process's own terminal, or on what `lines` gives."""
        self._screen = screen
        self._progress = Progress(screen)
        self._given = lines
        self._typed: dict[str, tuple[str, ...]] = {}  # replies by key

    def emit(self, event: Event) -> None:
        """Show the event."""
        self._progress.emit(event)

    def close(self) -> None:
        """Have everything drawn, and leave the terminal to whoever comes next."""
        self._progress.rest()

    @property
    def attended(self) -> bool:
        """Somebody is there."""
        return True

    def prepare(self, unanswered: Sequence[Question]) -> None:
        """Need nothing beforehand: somebody is there to ask."""

    def fill(self, interview: SectionInterview) -> None:
        """Ask question after question.

        Raises:
            Aborted: the operator leaves, or the terminal is gone.
        """
        self._progress.rest()
        if heading := heading_of(interview):
            self._screen.title(heading)
        drawn = ""  # the pick list that stands there
        mend = ""  # the reply that was refused
        while (prompt := interview.prompt) is not None:
            if prompt.warning:
                self._screen.emit(Warn(prompt.warning))
            elif prompt.choices and drawn != prompt.question.name:
                self._screen.lines(pick_list(prompt.choices))
            drawn = prompt.question.name
            weighed = self._ask(self._question(prompt, mend), interview.weigh)
            mend = ""
            rejected = None
            if weighed is Command.HELP:
                self._screen.lines(help_of(prompt))
            elif weighed is Command.BACK:
                rejected = interview.back()
            else:
                rejected = interview.take(weighed)
                mend = weighed.text if rejected and not _is_hidden(prompt) else ""
                self._remember(prompt, weighed.text)
            if rejected is not None:
                self._screen.error(rejected.reason)

    def show(self, preview: Preview) -> None:
        """Draw the preview; page by page, where it is to be read on a terminal that does not show all of it at once.

        Raises:
            Aborted: the operator leaves, or the terminal is gone.
        """
        self._progress.rest()
        pages = self._screen.pages(preview)
        at, wish = 0, "" if preview.asked else "q"
        while at < len(pages):
            self._screen.rows(pages[at])
            if wish != "q" and at < len(pages) - 1:
                wish = self._turn(at + 1, len(pages))
            at = max(0, at - 1) if wish == "p" else at + 1

    def review(self, preview: Preview) -> Review:
        """Ask until the reply is yes, no or the number of an answer; empty means yes.

        Raises:
            Aborted: the operator leaves, or the terminal is gone.
        """
        self._progress.rest()
        self._screen.lines(map(_, TO_CHANGE))
        while (review := self._until(review_line(preview), partial(_review, preview), _REVIEW)) is None:
            self.show(preview)
        return review

    def confirm(self, prompt: str, *, default: bool) -> bool:
        """Ask until the reply is yes or no; empty means the `default`.

        Raises:
            Aborted: the operator leaves, or the terminal is gone.
        """
        self._progress.rest()
        return self._until(
            yes_or_no(prompt, default=default), lambda text: bool(parse_as(bool, text)) if text else default
        )

    @cached_property
    def _lines(self) -> Lines:
        from hosted_setup.interview.frontends.tui_line import Lines  # noqa: PLC0415 - see the module

        return self._given() if self._given else Lines()

    def _turn(self, number: int, total: int) -> str:
        """Give what the operator wants after a page: "" the next one, "p" the one before, "q" all that is left."""
        where = _("Page {number} of {total}", number=number, total=total)
        page = Ask(_ONLY.format(where), _(_PAGE), keys=_PAGE_KEYS, fleeting=True)
        return cast("str", self._ask(page, str.strip))

    def _until(self, message: str, understand: Callable[[str], T], note: str = _LEAVE) -> T:
        while True:
            try:
                answer = self._ask(Ask(_ONLY.format(message), _(note)), lambda text: understand(text.strip()))
            except ValueError as error:
                self._screen.error(str(error))
            else:
                return cast("T", answer)

    def _ask(self, ask: Ask, weigh: Callable[[str], T]) -> T | Command:
        try:
            return self._lines.ask(ask, weigh)
        except EOFError as error:
            raise Aborted(str(error)) from error

    def _question(self, prompt: Prompt, mend: str) -> Ask:
        hidden = _is_hidden(prompt)
        default = () if hidden or not prompt.default else (prompt.default,)
        return Ask(
            message=_ONLY.format(line_of(prompt)),
            note=_(_HIDDEN) if hidden else _(_OPEN),
            about=() if prompt.warning else tuple(about(prompt)),
            wrong=partial(_wrong, prompt),
            commands=True,
            hidden=hidden,
            words=prompt.words or tuple(choice.text for choice in prompt.choices if not choice.unfit),
            paths=prompt.question.plain_type is Path,
            text=mend,
            earlier=(*default, *self._typed.get(prompt.question.key, ())),
        )

    def _remember(self, prompt: Prompt, text: str) -> None:
        if text.strip() and not prompt.question.secret and not prompt.warning:
            self._typed[prompt.question.key] = (*self._typed.get(prompt.question.key, ()), text)


def _review(preview: Preview, text: str) -> Review | None:
    """Give what a reply to the preview means; None where it is to be seen again."""
    return None if text == "p" else review_of(text, preview)


def _is_hidden(prompt: Prompt) -> bool:
    return prompt.question.secret and not prompt.warning


def _wrong(prompt: Prompt, text: str) -> str:
    """Tell what is wrong with the form of a reply; whether it may be chosen is looked at when it is given."""
    if prompt.question.secret or prompt.choices:
        return ""
    try:
        parse_as(bool, text) if prompt.warning else parse_line(prompt.question, text)
    except ValueError as error:
        return _("not yet: {error}", error=error)
    return ""
