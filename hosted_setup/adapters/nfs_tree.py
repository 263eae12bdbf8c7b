"""A tree of files on an NFS server, reached from user space."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.libnfs import Mount, Stat, StatVfs
from hosted_setup.ports.machine import Space
from hosted_setup.ports.trees import WITHIN, Kind, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hosted_setup.ports.locations import NfsHome

_MIB: Final = 1 << 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_ANEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


class NfsTree:
    """Implements `ports.trees.Tree`; each call mounts the export for itself."""

    def __init__(self, home: NfsHome, within: float = WITHIN) -> None:
        """Work below `home`."""
        self._home = home
        self._within = within

    def kind(self, path: str) -> Kind | None:
        """Tell what bears this name, None when nothing does."""
        with self._mounted() as mount:
            try:
                mode = _status(mount, path).mode
            except (FileNotFoundError, NotADirectoryError):
                return None
        if stat.S_ISDIR(mode):
            return Kind.FOLDER
        return Kind.FILE if stat.S_ISREG(mode) else Kind.OTHER

    def names(self, path: str) -> tuple[str, ...]:
        """Give the names in a folder, in order."""
        with self._mounted() as mount:
            return tuple(sorted(mount.names(_name(path))))

    def read(self, path: str, limit: int) -> bytes:
        """Give the first `limit` bytes of a file."""
        with self._mounted() as mount:
            if stat.S_ISDIR(_status(mount, path).mode):
                raise IsADirectoryError(path)
            with _opened(mount, path, os.O_RDONLY, 0) as handle:
                pieces: list[bytes] = []
                done = 0
                while done < limit and (piece := _piece(mount, handle, done, min(limit - done, _MIB))):
                    pieces.append(piece)
                    done += len(piece)
        return b"".join(pieces)

    def make_folder(self, path: str) -> None:
        """Make a folder (0755), exclusively."""
        with self._mounted() as mount:
            mount.do("mkdir2", _name(path), 0o755)

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        """Make a file, exclusively and with this very mode, and write the chunks to it, in one pass, and sync them."""
        with self._mounted() as mount, _opened(mount, path, _NEW, mode) as handle:
            _write(mount, handle, chunks)

    def fill(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write the chunks to a file that is there, from its start, in one pass, and sync them."""
        with self._mounted() as mount, _opened(mount, path, os.O_WRONLY, 0) as handle:
            _write(mount, handle, chunks)

    def write(self, path: str, content: bytes, mode: int, *, new: bool = False) -> None:
        """Write a file whole or not at all; a `new` one replaces none."""
        beside = unfinished(path)
        with self._mounted() as mount:
            with _opened(mount, beside, _ANEW, mode) as handle:
                _write(mount, handle, (content,))
            if new:
                mount.do("link", _name(beside), _name(path))
                mount.do("unlink", _name(beside))
            else:
                mount.do("rename", _name(beside), _name(path))

    def size(self, path: str) -> int:
        """Give the bytes of a file."""
        with self._mounted() as mount:
            return int(_status(mount, path).size)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, in one move."""
        with self._mounted() as mount:
            mount.do("rename", _name(old), _name(new))

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self._mounted() as mount:
            mount.do("unlink", _name(path))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        with self._mounted() as mount:
            mount.do("rmdir", _name(path))

    def refuse_mounts(self, path: str) -> None:
        """Have nothing to refuse: what is mounted in an export on the server is another export."""

    def space(self) -> Space:
        """Measure the file system."""
        with self._mounted() as mount:
            return _space(mount)

    def _mounted(self) -> Mount:
        home = self._home
        return Mount(home.server, home.export, home.uid, home.gid, self._within, home.version)


def _name(path: str) -> bytes:
    return os.fsencode(f"/{path}".removesuffix("/.")) or b"/"


def _bytes(data: int, kind: type[ctypes.Structure]) -> bytes:
    return ctypes.string_at(data, ctypes.sizeof(kind))


def _status(mount: Mount, path: str) -> Stat:
    return mount.ask("lstat64", _name(path), take=lambda _status, data: Stat.from_buffer_copy(_bytes(data, Stat)))


@contextmanager
def _opened(mount: Mount, path: str, flags: int, mode: int) -> Iterator[int]:
    """Open a file; one that is made gets this very mode."""
    handle = mount.ask("open2", _name(path), flags, mode, take=lambda _status, data: data)
    yield handle
    mount.do("close", handle)


def _piece(mount: Mount, handle: int, at: int, length: int) -> bytes:
    found = mount.ask("pread", handle, at, length, take=lambda status, data: ctypes.string_at(data, status))
    return bytes(found)


def _write(mount: Mount, handle: int, chunks: Iterable[bytes]) -> None:
    at = 0
    for chunk in chunks:
        for start in range(0, len(chunk), _MIB):
            piece = chunk[start : start + _MIB]
            while piece:
                written = _written(mount, handle, at, piece)
                at += written
                piece = piece[written:]
    mount.do("fsync", handle)


def _written(mount: Mount, handle: int, at: int, piece: bytes) -> int:
    """Write; the library loses the reason of a server that refuses to, so one that still answers is asked for room."""
    try:
        return mount.do("pwrite", handle, at, len(piece), piece)
    except ConnectionResetError as error:
        code = errno.ENOSPC if _space(mount).free < len(piece) else errno.EIO
        raise OSError(code, f"{mount.where}: {os.strerror(code)}") from error


def _space(mount: Mount) -> Space:
    found = mount.ask("statvfs64", b"/", take=lambda _status, data: StatVfs.from_buffer_copy(_bytes(data, StatVfs)))
    return Space(found.blocks * found.frsize, found.bavail * found.frsize)
