"""What interrupts the program: Ctrl-C, SIGTERM and SIGHUP raise an exception wherever it is, so that it tidies up."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from hosted_setup.model.problem import Interrupted

if TYPE_CHECKING:
    from types import FrameType

_AGAIN: Final = 0.01  # seconds
_heard: Final[set[int]] = set()


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end a run the way Ctrl-C does, with everything that has to be tidied up.

    A terminal's end is told by the kernel and by who had it, so of SIGHUP only the first counts: what tidies up is not
    interrupted by another.
    """
    _heard.clear()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _not_lost


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number in _heard:
        return
    if number == signal.SIGHUP:
        _heard.add(number)
    raise Interrupted(signal.Signals(number).name)


def _not_lost(dropped: sys.UnraisableHookArgs) -> None:
    """Send an interrupt again that came in a destructor or a weak reference's callback: Python drops it there."""
    if isinstance(dropped.exc_value, KeyboardInterrupt | Interrupted):
        from threading import Timer  # noqa: PLC0415 - the rare case

        _heard.clear()
        name = str(dropped.exc_value) or signal.SIGINT.name
        Timer(_AGAIN, os.kill, (os.getpid(), signal.Signals[name])).start()
    else:
        sys.__unraisablehook__(dropped)
