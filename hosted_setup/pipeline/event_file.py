"""The file of a run's events: what its process tells from the first change on, for whoever looks, now or later.

The process that writes it holds a lock on it as long as it lives, so that a reader knows whether more will come.
"""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.interview import dialect
from hosted_setup.interview.dialect import Working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosted_setup.interview.dialect import AnyMessage
    from hosted_setup.model.events import Event

EVENTS: Final = "events.jsonl"


class EventFile:
    """Writes events as lines of the machine dialect; one that finds no room on the disk is left out.

    Args:
        path: in the run's folder; made when missing (0600), else continued.
        redact: masks secrets.
    """

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        """See the class."""
        self._redact = redact
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(path, flags, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # only a reader's glance can be in the way
        whole, newline, _torn = path.read_bytes().rpartition(b"\n")
        self.begins = len(whole) + len(newline)
        """Where the first event of this process stands."""
        os.truncate(self._descriptor, self.begins)

    def emit(self, event: Event) -> None:
        """Write `event`."""
        self._write(event)

    def sign(self, pid: int) -> None:
        """Write which process works from here on."""
        self._write(Working(pid=pid))

    def close(self) -> None:
        """Let go of the file; another process that was forked with it keeps it, and its lock."""
        os.close(self._descriptor)

    def _write(self, message: AnyMessage) -> None:
        with suppress(OSError):
            os.write(self._descriptor, dialect.encode(message, self._redact))


class Follower:
    """Reads a file of events while it is written; any number may.

    Args:
        path: the file.
        begin: the byte to begin at.
    """

    def __init__(self, path: Path, begin: int = 0) -> None:
        """See the class."""
        self.path = path
        self._place = begin
        self.worker = 0
        """The process that has signed last, 0 when none was read yet."""
        self._held: list[int] = []

    def news(self) -> tuple[AnyMessage, ...] | None:
        """Give what was written since, perhaps nothing yet; None when nothing more will be."""
        alive = self._is_written()  # before the look: what a process wrote at its end is there then
        with self.path.open("rb") as stream:
            stream.seek(self._place)
            whole, newline, _ = stream.read().rpartition(b"\n")
        if not newline:
            return () if alive else None
        self._place += len(whole) + len(newline)
        messages = tuple(_messages(whole))
        self.worker = next((one.pid for one in reversed(messages) if isinstance(one, Working)), self.worker)
        while self.worker and self._held:
            self.pass_on(self._held.pop(0))
        return messages

    def pass_on(self, number: int) -> None:
        """Send a signal to the process that works, if it still does; to one that has not signed yet when it has."""
        if not self.worker:
            self._held.append(number)
            return
        with suppress(OSError):  # it is gone
            descriptor = os.pidfd_open(self.worker)
            try:
                if self._is_written():  # so the descriptor is that process's, not a later one's of the same number
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)

    def _is_written(self) -> bool:
        with self.path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False


def worker_of(path: Path) -> int | None:
    """Give the process that works on the run of this file now, None when none does."""
    if not path.exists():
        return None
    follower = Follower(path)
    while (news := follower.news()) is not None:
        if not news:
            return follower.worker or None
    return None


def _messages(lines: bytes) -> Iterator[AnyMessage]:
    """Give the messages; what cannot be read, after a full disk or from another version, is left out."""
    for line in lines.splitlines():
        with suppress(dialect.DecodeError, ValueError):
            yield dialect.decode(line)
