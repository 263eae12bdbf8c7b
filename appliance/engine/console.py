"""What the tools say: lines on the screen at once, and a log that only root can read."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class ToolError(Exception):
    """The tool cannot go on; the text is what the operator reads."""


class Console:
    """The screen and the log file of one run."""

    def __init__(self, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        self.path = log
        self._handle = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.close()

    def say(self, text: str) -> None:
        """Print a line, flushed: somebody may be following it through a pipe."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        self.log(text)

    def log(self, text: str) -> None:
        """Write to the log alone."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S%z")
        for line in text.splitlines() or [""]:
            self._handle.write(f"{stamp} {os.getpid()}: {line}\n")

    def complain(self, text: str) -> None:
        """Print an error line."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        self.log(text)


def timestamp() -> str:
    """Return the moment as oVirt's file names have it."""
    return time.strftime("%Y%m%d%H%M%S")
