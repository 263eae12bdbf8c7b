"""Where a frontend writes: a terminal, a pipe or nothing any more."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TextIO


class Outlet:
    """Writes to `out`; when that breaks, the rest goes nowhere: the work goes on and the log has it."""

    def __init__(self, out: TextIO) -> None:
        """See the class."""
        self._out = out
        self._gone = False

    def fileno(self) -> int:
        """Give the file descriptor; raises OSError where there is none."""
        return self._out.fileno()

    def write(self, text: str) -> None:
        """Write `text` at once; what the encoding cannot say is replaced."""
        if self._gone:
            return
        encoding = self._out.encoding or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding))
            self._out.flush()
        except (OSError, ValueError):  # the reader went away, or the file is closed
            self._gone = True
            self._let_go()

    def _let_go(self) -> None:
        """Send what is still buffered nowhere: else Python's flush at exit fails and spoils the exit code."""
        with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self._out.fileno())
