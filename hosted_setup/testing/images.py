"""Pretended images: a qcow2 is its real header with nothing behind, raw ones are real files."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.ports.problems import ImageFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hosted_setup.ports.images import DiskSource

_MAGIC: Final = b"QFI\xfb"
_SIZE_AT: Final = 24
_HEADER: Final = 104


class FakeImages:
    """Implements `ports.images.Images`."""

    def create(self, path: Path, size: int) -> None:
        """Create an empty thin qcow2 of `size` virtual bytes."""
        _new(path, [struct.pack(">4sIQIIQ", _MAGIC, 3, 0, 0, 16, size).ljust(_HEADER, b"\0")])

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write `chunks` to a new file, in one pass."""
        _new(path, chunks)

    def grow(self, path: Path, format: str, size: int) -> None:  # noqa: A002 - the tools' word
        """Set the virtual size to `size` bytes, never smaller."""
        with path.open("r+b") as stream:
            if size <= _virtual_size(stream.read(_HEADER), format, path, path.stat().st_size):
                return
            if format == "raw":
                stream.truncate(size)
            else:
                stream.seek(_SIZE_AT)
                stream.write(struct.pack(">Q", size))

    def convert(self, source: DiskSource, path: Path, progress: Callable[[float], None]) -> None:
        """Make a new thin qcow2 of the source's size; `progress` takes percent."""
        size = self.virtual_size(source)
        self.create(path, size)
        progress(100.0)

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""
        path = Path(source.path)
        region = path.stat().st_size if source.size is None else source.size
        return _virtual_size(_region(source, _HEADER), source.format, path, region)

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first bytes the guest would see; a pretended qcow2 has nothing in it."""
        if source.format == "raw":
            return _region(source, length)
        return b"\0" * min(length, self.virtual_size(source))


def _new(path: Path, chunks: Iterable[bytes]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660)
    except FileExistsError as error:
        raise ImageFault(str(path), why="the file exists already", where=str(path)) from error
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, 0o660)
        for chunk in chunks:
            stream.write(chunk)


def _region(source: DiskSource, length: int) -> bytes:
    with Path(source.path).open("rb") as stream:
        stream.seek(source.offset or 0)
        return stream.read(length if source.size is None else min(length, source.size))


def _virtual_size(header: bytes, kind: str, path: Path, region: int) -> int:
    if kind == "raw":
        return region
    if not header.startswith(_MAGIC):
        raise ImageFault(str(path), why="Image is not in qcow2 format", where=str(path))
    (size,) = struct.unpack_from(">Q", header, _SIZE_AT)
    return int(size)
