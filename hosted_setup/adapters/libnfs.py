"""NFS in user space, by libnfs; every call ends within its own time, whatever the server does.

The library's waiting calls are not used: they wait for a server that hangs, and reconnect for minutes to one that
refuses. Here each request is sent and its answer awaited up to a deadline; a connection that missed one is given up.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

from hosted_setup.model.messages import _
from hosted_setup.ports.trees import SlowServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
LIBRARY: Final = "libnfs.so.13"
_LOOK: Final = 0.1  # seconds between two looks at what the library would wait for
_ANSWER: Final = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_RPC_ANSWER: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class Stat(ctypes.Structure):
    """`struct nfs_stat_64`, see libnfs.h."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", "atime", "mtime"),
            *("ctime", "atime_nsec", "mtime_nsec", "ctime_nsec", "used"),
        )
    )


class StatVfs(ctypes.Structure):
    """`struct nfs_statvfs_64`, see libnfs.h."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail", "fsid", "flag", "namemax"),
        )
    )


class _Entry(ctypes.Structure):
    """The beginning of `struct nfsdirent`, see libnfs.h."""

    _fields_ = (("next", ctypes.c_void_p), ("name", ctypes.c_char_p))


class _Group(ctypes.Structure):
    """`struct groupnode`, see mount.x of RFC 1813."""

    _fields_ = (("name", ctypes.c_char_p), ("next", ctypes.c_void_p))


class _Export(ctypes.Structure):
    """`struct exportnode`, see mount.x of RFC 1813."""

    _fields_ = (("path", ctypes.c_char_p), ("groups", ctypes.c_void_p), ("next", ctypes.c_void_p))


class Client:
    """A connection to a server; use it in a `with`. Each call raises OSError.

    Args:
        server: name or address.
        where: what problems call the place.
        within: seconds that an answer may take: TimeoutError after that, and the connection is of no more use.
    """

    def __init__(self, server: str, where: str, within: float) -> None:
        """Connect at the first request."""
        self._lib = _library()
        self._within = within
        self._server = server
        self.where = where
        self._context = self._lib.nfs_init_context()
        if not self._context:
            raise MemoryError
        self._lib.nfs_set_autoreconnect(self._context, 0)
        self._lib.nfs_set_dircache(self._context, 0)
        self._lib.nfs_umask(self._context, 0)

    def exports(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Ask the mount service (RFC 1813, appendix I) what is exported, and to whom; nobody named: to everybody."""
        answers: list[tuple[int, tuple[tuple[str, tuple[str, ...]], ...] | str]] = []

        def on_answer(_context: int, status: int, data: int, _private: int) -> None:
            answers.append((status, _text(data) if status else _exports(data)))

        callback = _RPC_ANSWER(on_answer)
        rpc = self._lib.nfs_get_rpc_context(self._context)
        return self._sent("mount", answers, self._lib.mount_getexports_async(rpc, self._address(), callback, None))

    def do(self, name: str, *arguments: object) -> int:
        """Send the request `nfs_NAME_async`; give the status of its answer, 0 or a count."""
        return self.ask(name, *arguments, take=lambda status, _data: status)

    def ask(self, name: str, *arguments: object, take: Callable[[int, int], T]) -> T:
        """Send the request `nfs_NAME_async`; give what `take` makes of (status, data), while the data is there."""
        answers: list[tuple[int, T | str]] = []

        def on_answer(status: int, _context: int, data: int, _private: int) -> None:
            answers.append((status, _text(data) if status < 0 else take(status, data)))

        callback = _ANSWER(on_answer)
        sent = getattr(self._lib, f"nfs_{name}_async")(self._context, *arguments, callback, None)
        return self._sent(name, answers, sent)

    def _sent(self, name: str, answers: list[tuple[int, T | str]], sent: int) -> T:
        """Await the answer to a request."""
        if sent < 0:
            raise self._error(errno.EFAULT, name, self._last_error())
        try:
            self._await(answers, name)
        except OSError:
            self.close()  # an answer that came later would find nobody
            raise
        status, value = answers[0]
        if status < 0:
            raise self._error(-status, name, str(value))
        return cast("T", value)

    def names(self, path: bytes) -> tuple[str, ...]:
        """Give the names in a folder."""
        folder = self.ask("opendir", path, take=lambda _status, data: data)
        try:
            return tuple(_entries(self._lib, self._context, folder))
        finally:
            self._lib.nfs_closedir(self._context, folder)

    def close(self) -> None:
        """Let go of the connection."""
        if self._context:
            context, self._context = self._context, None
            self._lib.nfs_destroy_context(context)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _address(self) -> bytes:
        return _numeric(self._server).encode()

    def _await(self, answers: Sequence[object], name: str) -> None:
        """Serve the connection until there is an answer.

        The library asks several things of the server for one of ours. One whose answers take no longer than ours may
        is heard of in the second half of the time, however slow it is; one that hangs is not.
        """
        begun = heard = time.monotonic()
        while not answers:
            left = begun + self._within - time.monotonic()
            if left <= 0:
                raise self._late(name, heard - begun)
            poll = select.poll()
            descriptor = self._lib.nfs_get_fd(self._context)
            if descriptor >= 0:
                poll.register(descriptor, self._lib.nfs_which_events(self._context))
            events = poll.poll(1000 * min(left, _LOOK))
            if events and events[0][1] & select.POLLIN:
                heard = time.monotonic()
            if self._lib.nfs_service(self._context, events[0][1] if events else 0) < 0 and not answers:
                raise self._error(errno.ECONNRESET, name, self._last_error())

    def _late(self, name: str, heard: float) -> TimeoutError:
        if heard < self._within / 2:
            why = _("the server did not answer within {seconds:g} s", seconds=self._within)
            return TimeoutError(errno.ETIMEDOUT, f"{self.where}: {name}: {why}")
        why = _("the server answers, and has not come to an end within {seconds:g} s", seconds=self._within)
        return SlowServerError(errno.ETIMEDOUT, f"{self.where}: {name}: {why}")

    def _last_error(self) -> str:
        return _text(self._lib.nfs_get_error(self._context))

    def _error(self, code: int, name: str, words: str) -> OSError:
        if code == errno.EFAULT:  # the library's word for all that is no answer of the server's
            code = errno.ECONNREFUSED if name == "mount" else errno.ECONNRESET
        return OSError(code, f"{self.where}: {os.strerror(code)} ({words})")


class Mount(Client):
    """An export, mounted in this process alone.

    Args:
        server: name or address.
        export: its path on the server.
        uid: the user to be for the server.
        gid: the group to be.
        within: seconds that an answer may take, see `Client`.
        version: of the protocol, 3 or 4.
    """

    def __init__(  # noqa: PLR0913 - what a mount is told
        self, server: str, export: str, uid: int, gid: int, within: float, version: int = 3
    ) -> None:
        """Connect and mount."""
        super().__init__(server, f"{server}:{export}", within)
        self._lib.nfs_set_version(self._context, version)
        self._lib.nfs_set_uid(self._context, uid)
        self._lib.nfs_set_gid(self._context, gid)
        try:
            self.do("mount", self._address(), os.fsencode(export))
        except BaseException:
            self.close()
            raise


def _exports(data: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Read the list that `data` points to."""
    exports = _chain(ctypes.c_void_p.from_address(data).value, _Export)
    return tuple(
        (os.fsdecode(one.path), tuple(os.fsdecode(group.name) for group in _chain(one.groups, _Group)))
        for one in exports
    )


def _chain(at: int | None, kind: type[ctypes.Structure]) -> Iterator[Any]:
    while at:
        one = kind.from_address(at)
        yield one
        at = one.next


def _numeric(server: str) -> str:
    """Give an address of the server: the library takes no other form of one in IPv6 than this."""
    return str(socket.getaddrinfo(server, None, type=socket.SOCK_STREAM)[0][4][0])


def _entries(lib: ctypes.CDLL, context: int, folder: int) -> list[str]:
    found = []
    while entry := lib.nfs_readdir(context, folder):
        name = os.fsdecode(ctypes.cast(entry, ctypes.POINTER(_Entry)).contents.name)
        if name not in (".", ".."):
            found.append(name)
    return found


def _text(data: int | None) -> str:
    return os.fsdecode(ctypes.string_at(data)).strip() if data else ""


@cache
def _library() -> ctypes.CDLL:
    """Load the library; OSError tells that it is not installed."""
    lib = ctypes.CDLL(LIBRARY)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    wide = ctypes.c_uint64
    requests: dict[str, tuple[type[Any], ...]] = {
        "mount": (text, text), "open2": (text, number, number), "close": (pointer,), "fsync": (pointer,),
        "pread": (pointer, wide, wide), "pwrite": (pointer, wide, wide, text), "ftruncate": (pointer, wide),
        "fchmod": (pointer, number), "lstat64": (text,), "statvfs64": (text,), "mkdir2": (text, number),
        "rmdir": (text,), "unlink": (text,), "rename": (text, text), "link": (text, text), "opendir": (text,),
    }  # fmt: skip
    for name, arguments in requests.items():
        getattr(lib, f"nfs_{name}_async").argtypes = (pointer, *arguments, _ANSWER, pointer)
    lib.nfs_init_context.restype = pointer
    lib.nfs_destroy_context.argtypes = lib.nfs_get_fd.argtypes = lib.nfs_which_events.argtypes = (pointer,)
    lib.mount_getexports_async.argtypes = (pointer, text, _RPC_ANSWER, pointer)
    lib.nfs_get_rpc_context.argtypes = (pointer,)
    lib.nfs_get_rpc_context.restype = pointer
    lib.nfs_get_error.argtypes = (pointer,)
    lib.nfs_get_error.restype = pointer
    lib.nfs_readdir.argtypes = lib.nfs_closedir.argtypes = (pointer, pointer)
    lib.nfs_readdir.restype = pointer
    for name in ("service", "umask", "set_autoreconnect", "set_dircache", "set_uid", "set_gid", "set_version"):
        getattr(lib, f"nfs_{name}").argtypes = (pointer, number)
    return lib
