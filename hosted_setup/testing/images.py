"""Pretended images: a qcow2 is its real header with nothing behind, raw ones are real files."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.ports.locations import IscsiAt, NfsAt
from hosted_setup.ports.problems import ImageFault
from hosted_setup.testing.trees import export_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hosted_setup.ports.images import DiskSource

_MAGIC: Final = b"QFI\xfb"
_SIZE_AT: Final = 24
_HEADER: Final = 104


class FakeImages:
    """Implements `ports.images.Images`.

    Args:
        luns: the folder of the files that stand for iSCSI LUNs; see `lun_file`.
        exports: the folder of the file servers; see `testing.trees`.
    """

    def __init__(self, luns: Path = Path("/nonexistent"), exports: Path = Path("/nonexistent")) -> None:
        """See the class."""
        self._luns = luns
        self._exports = exports

    def create(self, disk: DiskSource, size: int) -> None:
        """Make it an empty thin qcow2 of `size` virtual bytes."""
        self._fill(disk, [struct.pack(">4sIQIIQ", _MAGIC, 3, 0, 0, 16, size).ljust(_HEADER, b"\0")])

    def write(self, disk: DiskSource, chunks: Iterable[bytes]) -> None:
        """Write `chunks` from the disk's start, in one pass."""
        self._fill(disk, chunks)

    def grow(self, disk: DiskSource, size: int) -> None:
        """Set the virtual size to `size` bytes, never smaller."""
        if size <= self.virtual_size(disk):
            return
        with self._path(disk).open("r+b") as stream:
            stream.seek(disk.offset or 0)
            if disk.format == "raw":
                stream.truncate(size)
            else:
                stream.seek((disk.offset or 0) + _SIZE_AT)
                stream.write(struct.pack(">Q", size))

    def convert(self, source: DiskSource, disk: DiskSource, progress: Callable[[float], None]) -> None:
        """Make `disk` a thin qcow2 of the source's size; `progress` takes percent."""
        self.create(disk, self.virtual_size(source))
        progress(100.0)

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""
        path = self._path(source)
        region = path.stat().st_size if source.size is None else source.size
        return _virtual_size(self._region(source, _HEADER), source.format, path, region)

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first bytes the guest would see; a pretended qcow2 has nothing in it."""
        if source.format == "raw":
            return self._region(source, length)
        return b"\0" * min(length, self.virtual_size(source))

    def clear(self, disk: DiskSource) -> None:
        """Fill a region with zeros."""
        at, end = disk.offset or 0, (disk.offset or 0) + (disk.size or 0)
        with self._path(disk).open("r+b") as stream, suppress(OSError):  # ENXIO: no data behind `at`
            while (at := os.lseek(stream.fileno(), at, os.SEEK_DATA)) < end:
                hole = min(os.lseek(stream.fileno(), at, os.SEEK_HOLE), end)
                at += os.pwrite(stream.fileno(), bytes(hole - at), at)

    def _path(self, disk: DiskSource) -> Path:
        match disk.at:
            case IscsiAt():
                return lun_file(self._luns, disk.at.target, disk.at.lun)
            case NfsAt():
                return export_file(self._exports, disk.at.server, disk.at.path)
            case _:
                return Path(disk.at.path)

    def _fill(self, disk: DiskSource, chunks: Iterable[bytes]) -> None:
        path = self._path(disk)
        why = ""
        if path.is_symlink() or not path.is_file():
            why = "no such file"
        elif path.stat().st_size and disk.offset is None:
            why = "there is something already"
        if why:
            raise ImageFault(str(path), why=why, where=str(path))
        with path.open("r+b") as stream:
            stream.seek(disk.offset or 0)
            stream.writelines(chunks)

    def _region(self, source: DiskSource, length: int) -> bytes:
        with self._path(source).open("rb") as stream:
            stream.seek(source.offset or 0)
            return stream.read(length if source.size is None else min(length, source.size))


def lun_file(luns: Path, target: str, number: int) -> Path:
    """Give the file that stands for a LUN."""
    return luns / f"{target}-{number}"


def _virtual_size(header: bytes, kind: str, path: Path, region: int) -> int:
    if kind == "raw":
        return region
    if not header.startswith(_MAGIC):
        raise ImageFault(str(path), why="Image is not in qcow2 format", where=str(path))
    (size,) = struct.unpack_from(">Q", header, _SIZE_AT)
    return int(size)
