"""Disk images, by QEMU's tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


@dataclass(frozen=True)
class DiskSource:
    """A disk to read: a file, its declared format (never probed) and, in an OVA, where it lies (bytes)."""

    path: str
    format: str
    offset: int | None = None
    size: int | None = None


class Images(Protocol):
    """Makes and measures images. Every file it makes is created exclusively, mode 0660."""

    def create(self, path: Path, size: int) -> None:
        """Create an empty thin qcow2 of `size` virtual bytes."""

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write `chunks` to a new file, in one pass, and sync it."""

    def grow(self, path: Path, format: str, size: int) -> None:  # noqa: A002 - the tools' word
        """Set the virtual size to `size` bytes, never smaller."""

    def convert(self, source: DiskSource, path: Path, progress: Callable[[float], None]) -> None:
        """Copy `source` into a new thin qcow2; `progress` takes percent."""

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first `length` bytes the guest would see."""
