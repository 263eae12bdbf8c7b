"""The echo of a terminal: what is typed at a hidden question, or into lines that are drawn over, is not to be seen."""

from __future__ import annotations

import os
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCAL: Final = 3  # index of the local modes in what tcgetattr gives


@contextmanager
def without_echo(descriptor: int) -> Iterator[None]:
    """Switch the echo off, and back on whatever happens; what was typed ahead stays for whoever reads next.

    Raises:
        OSError, termios.error: there is no terminal, or it is gone.
    """
    before = termios.tcgetattr(descriptor)
    silent = termios.tcgetattr(descriptor)
    silent[_LOCAL] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def is_ours(descriptor: int) -> bool:
    """Tell whether the terminal's keys are this process's: a job in the background must not change its modes."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
