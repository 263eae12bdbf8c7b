"""The bytes of a disk that is being made, wherever it lies: written in one pass where nothing is yet."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hosted_setup.adapters.nfs_tree import NfsTree
from hosted_setup.model.messages import _
from hosted_setup.ports.locations import NfsAt, NfsHome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosted_setup.ports.locations import Location


def must_be_empty(at: Location) -> None:
    """Refuse to write over what is there: FileExistsError, or another OSError where it cannot be looked at."""
    empty = _nfs(at).size(_name(at)) == 0 if isinstance(at, NfsAt) else _is_empty_file(str(at))
    if not empty:
        raise FileExistsError(errno.EEXIST, _("there is something already"))


def fill(at: Location, chunks: Iterable[bytes]) -> None:
    """Write `chunks` from the start and sync them; OSError when that fails."""
    if isinstance(at, NfsAt):
        _nfs(at).fill(_name(at), chunks)
        return
    with os.fdopen(os.open(str(at), os.O_WRONLY | os.O_CLOEXEC), "wb") as stream:
        stream.writelines(chunks)
        stream.flush()
        os.fsync(stream.fileno())


def _is_empty_file(path: str) -> bool:
    status = os.lstat(path)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def _nfs(at: NfsAt) -> NfsTree:
    """Give the folder that the file lies in, mounted as qemu does."""
    return NfsTree(NfsHome(at.server, str(PurePosixPath(at.path).parent), at.uid, at.gid))


def _name(at: NfsAt) -> str:
    return PurePosixPath(at.path).name
