"""A way to a server of the laboratory on which each answer takes its time: a TCP proxy in front of it."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress
from threading import Thread
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.laboratory import Laboratory

ADDRESS: Final = "127.0.0.2"
"""An address at which no server listens for itself."""
_SERVER: Final = "127.0.0.1"
_CHUNK: Final = 1 << 16


class SlowWay:
    """Leads from an address of the laboratory to the server that listens at all of them; use it in a `with`.

    Args:
        lab: where.
        address: what goes there comes to the server slowly.
        ports: those of the server's that do.

    `delay` is the seconds that each answer takes, and may be changed at any time.
    """

    def __init__(self, lab: Laboratory, address: str, *ports: int) -> None:
        """Be ready, with no delay."""
        self.delay = 0.0
        self._lab = lab
        self._table = f"slow_{ports[0]}"
        rules = ""
        with ExitStack() as stack, lab.network():
            for one in ports:
                listener = stack.enter_context(socket.create_server((_SERVER, 0)))
                rules += f"ip daddr {address} tcp dport {one} redirect to :{listener.getsockname()[1]}\n"
                Thread(target=self._serve, args=(listener, one), daemon=True).start()
                stack.callback(listener.shutdown, socket.SHUT_RDWR)
            table = f"table ip {self._table} {{\nchain output {{\ntype nat hook output priority -100\n{rules}}}\n}}\n"
            lab.run(["nft", "-f", "-"], check=True, input=table)
            self._listeners = stack.pop_all()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lead nowhere; what is connected ends with its client."""
        self._listeners.close()
        self._lab.run(["nft", "delete", "table", "ip", self._table], check=True)

    def _serve(self, listener: socket.socket, port: int) -> None:
        with suppress(OSError):  # the end
            while True:
                client = listener.accept()[0]
                server = socket.create_connection((_SERVER, port))
                Thread(target=_pass_on, args=(client, server), daemon=True).start()
                Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        _pass_on(server, client, lambda: self.delay)


def _pass_on(source: socket.socket, target: socket.socket, delay: Callable[[], float] = float) -> None:
    """Pass on what comes until either has gone."""
    with suppress(OSError), source, target:
        while piece := source.recv(_CHUNK):
            time.sleep(delay())
            target.sendall(piece)
        target.shutdown(socket.SHUT_RDWR)
