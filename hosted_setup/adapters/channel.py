"""The guest's progress channel: a unix socket to qemu for writing, the channel's log for reading.

libvirt logs all that the guest writes into the port. Reading that log instead of the socket means that nothing is
lost while no installer runs, and that a resumed one sees every line from the first. The socket is held open all the
same: the guest's writes wait until somebody is connected.
"""

from __future__ import annotations

import contextlib
import os
import socket as sockets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LINE_LIMIT: Final = 16384  # bytes; a longer line is cut
READ_LIMIT: Final = 1 << 20  # bytes a call


class UnixChannel:
    """Implements `ports.guest.Channel`."""

    def __init__(self, socket: Path, log: Path) -> None:
        """Hold the socket, read `log` from its beginning."""
        self._socket = socket
        self._log = log
        self._offset = 0
        self._rest = b""
        self._connection: sockets.socket | None = None
        self._connect()

    def read(self) -> tuple[str, ...]:
        """Give the lines that came since the last call."""
        self._connect()
        self._drain()
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read(READ_LIMIT)
        except FileNotFoundError:
            return ()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LINE_LIMIT]
        return tuple(_clean(line) for line in lines)

    def send(self, line: str) -> None:
        """Send one line to the guest."""
        self._connect()
        if self._connection is not None:
            self._connection.setblocking(True)
            self._connection.settimeout(10)
            self._connection.sendall(line.encode() + b"\n")
            self._connection.setblocking(False)

    def close(self) -> None:
        """Let go of the channel."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        if self._connection is not None:
            return
        connection = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM | sockets.SOCK_CLOEXEC)
        try:
            connection.connect(os.fspath(self._socket))
        except OSError:
            connection.close()  # the guest is not up yet, or no more; whoever waits will find out
            return
        connection.setblocking(False)
        self._connection = connection

    def _drain(self) -> None:
        """Take what comes through the socket out of the way: it is in the log as well."""
        while self._connection is not None:
            try:
                if not self._connection.recv(65536):
                    self.close()
            except BlockingIOError:
                return
            except OSError:
                self.close()


class UnixGuests:
    """Implements `ports.guest.Guests`; one connection a socket, since qemu serves one at a time."""

    def __init__(self) -> None:
        """Hold no connection yet."""
        self._open: dict[tuple[Path, Path], UnixChannel] = {}

    def open(self, socket: Path, log: Path) -> UnixChannel:
        """Open the channel from its first line on; an older one of the same socket is closed."""
        with contextlib.suppress(KeyError):
            self._open.pop((socket, log)).close()
        channel = self._open[(socket, log)] = UnixChannel(socket, log)
        return channel


def _clean(line: bytes) -> str:
    text = line[:LINE_LIMIT].decode("utf-8", "replace").rstrip("\r")
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in text)
