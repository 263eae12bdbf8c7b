"""Files: private ones, written whole or not at all, known again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def private(path: str, flags: int) -> int:
    """Open a file that nobody else may read; for `open(…, opener=private)`."""
    return os.open(path, flags, 0o600)


def fingerprint(status: os.stat_result) -> tuple[int, int, int]:
    """Give what changes when a file is written or replaced: size, time of change in nanoseconds, inode."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def passes_cache(path: Path) -> bool:
    """Tell whether a file can be read past the page cache, which some file systems cannot, as older kernels' tmpfs."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def put(  # noqa: PLR0913 - everything a file is made of
    path: Path, content: bytes, mode: int, *, beside: Path, owner: tuple[int, int] | None = None, new: bool = True
) -> None:
    """Write a file under the name `beside`, sync it, then give it its place in one move.

    Args:
        path: its place.
        content: all that is in it.
        mode: its permissions, as far as the umask lets.
        beside: a name in the same folder that no other program uses; what a killed process left there is replaced.
        owner: uid and gid, if not the caller's.
        new: refuse to replace what is there.

    Raises:
        FileExistsError: there is something, and `new`.
        OSError: anything else; what was written so far is left under `beside`.
    """
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        if owner is not None:
            os.fchown(stream.fileno(), *owner)
    if new:
        os.link(beside, path)
        beside.unlink()
    else:
        beside.rename(path)
