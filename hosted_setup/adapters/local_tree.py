"""A tree of files in this host's kernel."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hosted_setup.files import put
from hosted_setup.mounts import refuse_mounts_in
from hosted_setup.ports.machine import Space
from hosted_setup.ports.trees import Kind, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosted_setup.ports.locations import DirectoryHome


class LocalTree:
    """Implements `ports.trees.Tree`. Owners are left alone where the caller is not root, who alone can give away."""

    def __init__(self, home: DirectoryHome) -> None:
        """Work below `home`."""
        self._root = Path(home.path)
        self._owner = (home.uid, home.gid) if os.geteuid() == 0 else None

    def kind(self, path: str) -> Kind | None:
        """Tell what bears this name, None when nothing does."""
        try:
            mode = (self._root / path).lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(mode):
            return Kind.FOLDER
        return Kind.FILE if stat.S_ISREG(mode) else Kind.OTHER

    def names(self, path: str) -> tuple[str, ...]:
        """Give the names in a folder, in order."""
        return tuple(sorted(one.name for one in (self._root / path).iterdir()))

    def read(self, path: str, limit: int) -> bytes:
        """Give the first `limit` bytes of a file."""
        with (self._root / path).open("rb") as stream:
            return stream.read(limit)

    def make_folder(self, path: str) -> None:
        """Make a folder (0755), exclusively."""
        made = self._root / path
        made.mkdir(mode=0o755)
        if self._owner is not None:
            os.chown(made, *self._owner)

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        """Make a file, exclusively and with this very mode, and write the chunks to it, in one pass, and sync them."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(self._root / path, flags, mode), "wb") as stream:
            os.fchmod(stream.fileno(), mode)  # whatever the umask
            if self._owner is not None:
                os.fchown(stream.fileno(), *self._owner)
            stream.writelines(chunks)
            stream.flush()
            os.fsync(stream.fileno())

    def write(self, path: str, content: bytes, mode: int, *, new: bool = False) -> None:
        """Write a file whole or not at all; a `new` one replaces none."""
        put(self._root / path, content, mode, beside=self._root / unfinished(path), owner=self._owner, new=new)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, in one move."""
        (self._root / old).rename(self._root / new)

    def remove(self, path: str) -> None:
        """Remove a file."""
        (self._root / path).unlink()

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        (self._root / path).rmdir()

    def refuse_mounts(self, path: str) -> None:
        """Go no further where something is mounted on `path`, or on anything in it: OSError with the place."""
        refuse_mounts_in(self._root / path)

    def space(self) -> Space:
        """Measure the file system."""
        status = os.statvfs(self._root)
        return Space(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)
