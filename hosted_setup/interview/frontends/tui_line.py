"""One question on one line of the terminal: editing, completion, what is wrong while typing, a check beside it all.

It is drawn where the cursor stands, so that the terminal's own record keeps every question with its reply; below it, as
long as it is asked, stands a bar. The terminal is asked nothing: one that answers no escape sequence will do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from concurrent.futures import wait
from functools import partial
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, TypeVar

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.filters import is_done
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.bindings.completion import display_completions_like_readline
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import BufferControl, ConditionalContainer, FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.layout.processors import BeforeInput, Processor, Transformation, TransformationInput
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output

from hosted_setup.interview.frontends.tui_ask import Command
from hosted_setup.model.messages import _
from hosted_setup.pipeline.checking import begun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import FrameType

    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from hosted_setup.interview.frontends.tui_ask import Ask

    Handler = Callable[[int, FrameType | None], Any]

_GRACE: Final = 0.05  # seconds: a check that is quicker shows no sign, and keys typed ahead belong to the next question
_BLINK: Final = 0.2
_PATIENCE: Final = 0.5  # seconds that completion may take: nothing else is drawn meanwhile
_SPINNER: Final = "|/-\\"
_COMMANDS: Final = {"?": Command.HELP, "back": Command.BACK}
T = TypeVar("T")


class Lines:
    """Asks on a terminal.

    Args:
        source: the terminal's keys; the process's own where it is left out.
        output: the terminal's screen, the same.
        environ: NO_COLOR is looked at.
    """

    def __init__(
        self, source: Input | None = None, output: Output | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        """See the class."""
        self._source = source or create_input()
        self._output = output or _screen()
        self._colours = ColorDepth.DEPTH_1_BIT if environ.get("NO_COLOR") else None

    def ask(self, ask: Ask, weigh: Callable[[str], T]) -> T | Command:
        """Give what `weigh` makes of the reply, beside the drawing, or what the operator wants instead.

        Raises:
            EOFError: the operator leaves, or the terminal is gone.
            KeyboardInterrupt: on Ctrl-C, except that a check which is under way is given up by it.
        """
        line = _Line(ask, weigh)
        app: Application[T | Command] = Application(
            layout=line.layout, key_bindings=line.keys, input=self._source, output=self._output,
            color_depth=self._colours, refresh_interval=_BLINK, erase_when_done=ask.fleeting,
        )  # fmt: skip
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            return app.run(pre_run=lambda: _end_on_signals(app, before))
        except OSError as error:  # the terminal is gone
            raise EOFError(str(error)) from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Line:
    """The state of one question while it is asked."""

    def __init__(self, ask: Ask, weigh: Callable[[str], object]) -> None:
        self._ask = ask
        self._weigh = weigh
        self._check: _Check | None = None
        self._told = ""  # in the bar, until the next key
        self.buffer = Buffer(
            completer=_Words(ask), document=Document(ask.text), multiline=False,
            history=InMemoryHistory(list(ask.earlier)), on_text_changed=self._changed,
        )  # fmt: skip
        processors: list[Processor] = [_Hidden()] if ask.hidden else []
        control = BufferControl(self.buffer, input_processors=[*processors, BeforeInput(ask.message)])
        bar = Window(FormattedTextControl(self._bar), style="reverse", wrap_lines=True, dont_extend_height=True)
        line = Window(control, wrap_lines=True, dont_extend_height=True)
        self.layout = Layout(HSplit([line, ConditionalContainer(bar, ~is_done)]))
        self.keys = self._bindings()

    def _bar(self) -> str:
        wide = get_app().output.get_size().columns - 2
        about = (f" {row}\n" for text in self._ask.about for row in wrap(text, wide))
        return "".join((*about, self._state()))

    def _state(self) -> str:
        if self._check is not None:
            return _(" {sign} checking ...  Ctrl-C gives the check up ", sign=self._check.sign())
        wrong = self._told or self._wrong()
        return f" {wrong} " if wrong else f" {self._ask.note} "

    def _wrong(self) -> str:
        text = self.buffer.text.strip()
        if not text or (self._ask.commands and any(word.startswith(text) for word in _COMMANDS)):
            return ""
        return self._ask.wrong(self.buffer.text)

    def _changed(self, _buffer: Buffer) -> None:
        self._told = _("changed while it was checked: Enter checks it anew") if self._check else ""
        self._check = None

    def _bindings(self) -> KeyBindings:
        keys = KeyBindings()
        keys.add("enter")(self._enter)
        keys.add("tab")(display_completions_like_readline)
        keys.add("c-c")(self._interrupt)
        keys.add(Keys.SIGINT)(self._interrupt)
        keys.add(Keys.BracketedPaste)(_paste)
        keys.add("c-z")(lambda event: event.app.suspend_to_background())
        keys.add("c-d")(self._leave_or_delete)
        for key, reply in self._ask.keys:
            keys.add(key)(partial(self._reply, reply))
        if self._ask.commands:
            keys.add("f1")(lambda event: event.app.exit(result=Command.HELP))
            keys.add("f2")(lambda event: event.app.exit(result=Command.BACK))
        return keys

    def _reply(self, reply: str, event: KeyPressEvent) -> None:
        event.app.exit(result=self._weigh(reply))

    def _enter(self, event: KeyPressEvent) -> None:
        text, app = self.buffer.text, event.app
        if self._ask.commands and not self._ask.hidden and text.strip() in _COMMANDS:
            app.exit(result=_COMMANDS[text.strip()])
        elif self._check is None:
            check = self._check = _Check(lambda: self._weigh(text))
            if check.done.wait(_GRACE):
                self._end(app, check)
            else:
                app.create_background_task(self._wait(app, check))

    async def _wait(self, app: Application[Any], check: _Check) -> None:
        while check is self._check:
            if check.done.is_set():
                self._end(app, check)
                return
            await asyncio.sleep(_GRACE)

    @staticmethod
    def _end(app: Application[Any], check: _Check) -> None:
        if check.error is not None:
            app.exit(exception=check.error)
        else:
            app.exit(result=check.result)

    def _interrupt(self, event: KeyPressEvent) -> None:
        if self._check is None:
            event.app.exit(exception=KeyboardInterrupt)
        else:
            self._check, self._told = None, _("the check was given up: Enter checks again")

    def _leave_or_delete(self, event: KeyPressEvent) -> None:
        if self.buffer.text:
            self.buffer.delete()
        else:
            event.app.exit(exception=EOFError(_("end of input")))


class _Check:
    """Looks at a reply in a thread that nobody needs to wait for."""

    def __init__(self, weigh: Callable[[], object]) -> None:
        self.done = threading.Event()
        self.result: object = None
        self.error: BaseException | None = None
        self._weigh = weigh
        self._signs = 0
        threading.Thread(target=self._run, name="check", daemon=True).start()

    def sign(self) -> str:
        self._signs += 1
        return _SPINNER[self._signs % len(_SPINNER)]

    def _run(self) -> None:
        try:
            self.result = self._weigh()
        except BaseException as error:  # noqa: BLE001 - raised where the reply is awaited
            self.error = error
        self.done.set()


class _Words(Completer):
    """Completes the whole reply: a path, or one of the words."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._paths = PathCompleter()

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Give what the text before the cursor may become."""
        typed = document.text_before_cursor
        yield from (Completion(word, -len(typed)) for word in self._ask.words if word.startswith(typed))
        if self._ask.paths:
            found = begun(lambda: list(self._paths.get_completions(document, complete_event)))
            wait([found], _PATIENCE)
            yield from found.result() if found.done() else ()  # a server that hangs has no files


class _Hidden(Processor):
    """Shows nothing, not even how much was typed."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Take all away."""
        del transformation_input
        return Transformation([], lambda _: 0, lambda _: 0)


def _paste(event: KeyPressEvent) -> None:
    """Take what was pasted as typed: each line of it answers a question."""
    text = event.data.replace("\r\n", "\n").replace("\r", "\n")
    keys = (KeyPress(Keys.Enter if one == "\n" else one, one) for one in text)
    event.app.key_processor.feed_multiple(list(keys))


def _screen() -> Output:
    """Give the process's own screen, which is never asked where its cursor stands: not all answer, or not in time."""
    return Vt100_Output(sys.stdout, _size, term=os.environ.get("TERM"), enable_cpr=False)


def _size() -> Size:
    size = os.get_terminal_size(sys.stdout.fileno())
    return Size(rows=size.lines or 24, columns=size.columns or 80)


def _end_on_signals(app: Application[Any], handlers: Mapping[signal.Signals, Any]) -> None:
    """Let what a signal's handler raises end the question, when the terminal is as it was."""
    for number, handler in handlers.items():
        if callable(handler):
            asyncio.get_running_loop().add_signal_handler(number, _end, app, handler, number)


def _end(app: Application[Any], handler: Handler, number: signal.Signals) -> None:
    try:
        handler(number, None)
    except BaseException as error:  # noqa: BLE001 - raised where the question was asked
        if not app.is_done:
            app.exit(exception=error)
