"""The guest's progress channel: a unix socket to qemu for writing, the channel's log for reading.

libvirt logs all that the guest writes into the port. Reading that log instead of the socket means that nothing is
lost while no installer runs, and that a resumed one sees every line from the first. The socket is held open and
emptied all the same: the guest's writes wait until somebody is connected and reads. See
docs/decisions/0008-progress-channel.md.
"""

from __future__ import annotations

import os
import socket as sockets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.rotated_log import RotatedLog

if TYPE_CHECKING:
    from pathlib import Path

LINE_LIMIT: Final = 16384  # bytes; a longer line is cut
READ_LIMIT: Final = 1 << 20  # bytes a call
TOTAL_LIMIT: Final = 64 << 20  # bytes of one guest; what it says beyond is not read
SEND_TIMEOUT: Final = 10.0
PATH_LIMIT: Final = 107  # bytes: sockaddr_un has 108 with the closing NUL, for qemu as for us


class UnixChannel:
    """Implements `ports.guest.Channel`."""

    def __init__(self, socket: Path, log: Path) -> None:
        """Hold the socket, read `log` from its beginning."""
        self._socket = socket
        self._log = RotatedLog(log)
        self._taken = 0
        self._rest = b""
        self._connection: sockets.socket | None = None
        self._connect()

    def read(self) -> tuple[str, ...]:
        """Give the lines that came since the last call; control characters become `?`, bad UTF-8 too."""
        self._connect()
        self._drain()
        data = self._log.read(min(READ_LIMIT, TOTAL_LIMIT - self._taken))
        self._taken += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LINE_LIMIT]
        return tuple(_clean(line) for line in lines)

    def send(self, line: str) -> None:
        """Send one line to the guest; one that is gone gets nothing, which whoever waits for its answer finds out."""
        self._connect()
        if self._connection is None:
            return
        try:
            self._connection.settimeout(SEND_TIMEOUT)
            self._connection.sendall(line.encode() + b"\n")
            self._connection.setblocking(False)  # noqa: FBT003 - the socket's own method
        except OSError:
            self._disconnect()

    def close(self) -> None:
        """Let go of the channel."""
        self._disconnect()
        self._log.close()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> None:
        if self._connection is not None:
            return
        connection = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM | sockets.SOCK_CLOEXEC)
        connection.setblocking(False)  # noqa: FBT003 - the socket's own method
        try:
            connection.connect(os.fspath(self._socket))
        except OSError:
            connection.close()  # the guest is not up yet, or no more
        else:
            self._connection = connection

    def _drain(self) -> None:
        """Take what comes through the socket out of the way: it is in the log as well."""
        taken = 0
        with suppress(BlockingIOError):
            while self._connection is not None and taken < READ_LIMIT:
                try:
                    piece = self._connection.recv(1 << 16)
                except ConnectionError:
                    piece = b""
                taken += len(piece)
                if not piece:
                    self._disconnect()


class UnixGuests:
    """Implements `ports.guest.Guests`; one connection a socket, since qemu serves one at a time."""

    path_limit = PATH_LIMIT

    def __init__(self) -> None:
        """Hold no connection yet."""
        self._open: dict[Path, UnixChannel] = {}

    def open(self, socket: Path, log: Path) -> UnixChannel:
        """Open the channel from its first line on; an older one of the same socket is closed."""
        older = self._open.pop(socket, None)
        if older is not None:
            older.close()
        self._open[socket] = UnixChannel(socket, log)
        return self._open[socket]


def _clean(line: bytes) -> str:
    text = line[:LINE_LIMIT].decode("utf-8", "replace").rstrip("\r")
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in text)
