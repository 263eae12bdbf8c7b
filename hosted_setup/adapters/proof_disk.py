"""A disk that exists only as long as this process: a few bytes served over NBD to one qemu.

libvirt takes open files for a domain only after the domain was defined, and a definition would outlive a killed
installer; a file would too. A listening socket does not. The protocol is NBD's first one: a fixed greeting, then
requests of 28 bytes.
"""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE: Final = 1 << 20  # firmware finds no cylinder on a disk of one sector
_GREETING: Final = b"NBDMAGIC" + struct.pack(">QQI124x", 0x420281861253, SIZE, 0b11)  # has flags, read-only
_REQUEST: Final = struct.Struct(">IIQQI")
_READ: Final = 0
_FLUSH: Final = 3
_DISCONNECT: Final = 2
_MAGIC_IN: Final = 0x25609513
_MAGIC_OUT: Final = 0x67446698
_EPERM: Final = 1


@contextmanager
def served(content: bytes) -> Iterator[int]:
    """Serve `content`, padded with zeros to `SIZE`, to the first that connects; gives the port on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        Thread(target=_serve, args=(listener, content), daemon=True, name="proof-disk").start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            # close() alone would leave a thread that waits in accept() where it is.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, content: bytes) -> None:
    with suppress(OSError):
        client, _ = listener.accept()
        with client:
            client.sendall(_GREETING)
            while (request := client.recv(_REQUEST.size, socket.MSG_WAITALL)) and _answer(client, request, content):
                pass


def _answer(client: socket.socket, request: bytes, content: bytes) -> bool:
    if len(request) < _REQUEST.size:
        return False
    magic, kind, cookie, offset, length = _REQUEST.unpack(request)
    if magic != _MAGIC_IN or kind == _DISCONNECT or offset + length > SIZE:
        return False
    fault = 0 if kind in {_READ, _FLUSH} else _EPERM
    data = content[offset : offset + length].ljust(length, b"\0") if kind == _READ else b""
    client.sendall(struct.pack(">IIQ", _MAGIC_OUT, fault, cookie) + data)
    return True
