"""Reads a log from its first byte on while somebody else appends to it and renames it away (`log` → `log.0` → `log.1`).

libvirt's log daemon does that at 2 MiB, four files in all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_BACKUPS: Final = 9  # more than anybody keeps


class RotatedLog:
    """A position in such a log."""

    def __init__(self, path: Path) -> None:
        """Begin at the oldest file there is."""
        self._path = path
        self._file = -1

    def read(self, limit: int) -> bytes:
        """Give up to `limit` bytes that were not given yet; nothing when there are none for now."""
        found = b""
        while len(found) < limit and (self._file >= 0 or self._step()):
            piece = os.read(self._file, limit - len(found))
            found += piece
            if not piece and not self._step():
                break
        return found

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _step(self) -> bool:
        """Go on to the file that follows the one that was read to its end."""
        followers = self._newer()
        if not followers:
            return False
        try:
            following = os.open(followers[0], os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False  # renamed between the two looks: the next call finds it
        self.close()
        self._file = following
        return True

    def _newer(self) -> list[Path]:
        """Give the files written after the current one, the oldest first; all of them when it is no longer there."""
        backups = [self._path.with_name(f"{self._path.name}.{number}") for number in range(_BACKUPS - 1, -1, -1)]
        there = [path for path in (*backups, self._path) if path.exists()]
        if self._file < 0:
            return there
        current = os.fstat(self._file)
        for at, path in enumerate(there):
            try:
                if os.path.samestat(path.stat(), current):
                    return there[at + 1 :]
            except FileNotFoundError:
                return []
        return there
