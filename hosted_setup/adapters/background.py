"""A process that goes on without its terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from hosted_setup.files import private

_THREADS_WITHIN: Final = 10.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MULTIPLEXED: Final = ("tmux", "screen")


def has_terminal() -> bool:
    """Tell whether this process talks to a terminal."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return any(stream is not None and not stream.closed and stream.isatty() for stream in streams)


def is_fragile(environ: Mapping[str, str]) -> bool:
    """Tell whether the terminal goes when a connection breaks: SSH, with neither tmux nor screen in between."""
    remote = environ.get("SSH_CONNECTION") or environ.get("SSH_TTY")
    kept = environ.get("TMUX") or environ.get("STY") or environ.get("TERM", "").startswith(_MULTIPLEXED)
    return bool(remote) and not kept


def detach(output: Path) -> int | None:
    """Go on in a process of a session of its own, whose output, and its children's, is added to the file `output`.

    Gives its pid here, 0 there. Memory is copied; files, locks and connections are shared, so the caller closes them on
    one side. Another thread would be missing there with all it held: None, and nothing is done, if one does not end.
    Here SIGINT, SIGTERM and SIGHUP are held back from now on, until the caller lets them through: what they used to end
    is the other's. So is a SIGHUP that comes while those threads end: the terminal's end is no reason to stop any more.
    """
    if not _hand_over_begins():
        return None
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it is broken or closed
            stream.flush()
    with Path(os.devnull).open("rb") as nothing, open(output, "ab", opener=private) as kept:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            for stream, number in ((nothing, 0), (kept, 1), (kept, 2)):
                os.dup2(stream.fileno(), number)
            _forget_signals()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return pid


def _hand_over_begins() -> bool:
    """Wait until no other thread runs, and hold the signals back; where one goes on to run let them through."""
    held: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _frame: held.append(number))  # other threads take it as well
    try:
        alone = _is_alone()
    finally:
        signal.signal(signal.SIGHUP, before)
    if alone:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    for number in held:
        signal.raise_signal(number)
    return alone


def _is_alone() -> bool:
    """Wait until no other thread runs."""
    deadline = time.monotonic() + _THREADS_WITHIN
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
    return threading.active_count() == 1


def _forget_signals() -> None:
    """Drop what the terminal sent between fork and setsid: it is the other process's to pass on; SIGHUP for good."""
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handlers[number])
