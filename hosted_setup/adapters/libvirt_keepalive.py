"""Knowing that libvirt's daemon hangs: a call that it does not answer ends, instead of waiting for ever.

libvirt's own keepalive does it (virConnectSetKeepAlive): the daemon is asked every few seconds whether it is there, and
a connection that it does not answer on is closed, which ends the call on it. That takes libvirt's event loop, here a
thread that runs as long as any connection is open. A connection that is only being opened has no keepalive yet.
"""

from __future__ import annotations

import atexit
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from typing import Final

import libvirt

INTERVAL: Final = 5
"""Seconds between two questions."""

COUNT: Final = 6
"""Questions without an answer that close a connection."""

OPENS_WITHIN: Final = 30.0
"""Seconds in which the daemon has to take a connection."""

CLOSED: Final = "keepalive"
"""A word of libvirt's sentence for a connection that was closed for want of an answer."""

_TICK: Final = 500  # milliseconds after which the loop looks whether it is still wanted

libvirt.virEventRegisterDefaultImpl()  # has to be there before the first connection


def opened(uri: str) -> libvirt.virConnect:
    """Open a connection that does not outlive its daemon's silence; `let_go` has to follow.

    Raises:
        libvirtError: libvirt refuses.
        TimeoutError: the daemon is there and does not answer; the thread that waits for it is left to itself.
    """
    future: Future[libvirt.virConnect] = Future()

    def work() -> None:
        try:
            future.set_result(libvirt.open(uri))
        except BaseException as error:  # noqa: BLE001 - raised again where it is asked for
            future.set_exception(error)

    threading.Thread(target=work, name="libvirt-open", daemon=True).start()
    try:
        connection = future.result(OPENS_WITHIN)
    except Late as error:
        message = f"it has not taken a connection within {OPENS_WITHIN:g} s"
        raise TimeoutError(message) from error
    _loop.enter()
    with suppress(libvirt.libvirtError):  # a driver without a daemon has nothing that could hang
        connection.setKeepAlive(INTERVAL, COUNT)
    return connection


def let_go() -> None:
    """Be told that a connection is not used any more; after the last one no thread is left."""
    _loop.leave()


class _Loop:
    """libvirt's event loop, in a thread while anybody needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._timer = -1
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._thread is None:
                self._over.clear()
                self._timer = libvirt.virEventAddTimeout(_TICK, lambda _timer, _opaque: None, None)
                self._thread = threading.Thread(target=self._run, name="libvirt-events", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._end()

    def end(self) -> None:
        """End it, whoever still has a connection: a callback after the interpreter's own end is a crash."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._thread is None:
            return
        self._over.set()
        libvirt.virEventUpdateTimeout(self._timer, 0)
        self._thread.join()
        libvirt.virEventRemoveTimeout(self._timer)
        self._thread = None

    def _run(self) -> None:
        while not self._over.is_set():
            libvirt.virEventRunDefaultImpl()


_loop: Final = _Loop()
atexit.register(_loop.end)
