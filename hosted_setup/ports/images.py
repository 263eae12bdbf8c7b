"""Disk images, by QEMU's tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hosted_setup.ports.locations import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class DiskSource:
    """A disk anywhere: where it lies, and its declared format (never probed).

    `offset` and `size` (bytes) say which part of what lies there it is: in an OVA, or a partition of a LUN.
    """

    at: Location
    format: str
    offset: int | None = None
    size: int | None = None


class Images(Protocol):
    """Makes and measures images.

    It writes into what is there already, made empty by whom the place belongs to, and makes no name of its own. A
    region of a LUN (a disk with an offset) is written over, whatever is in it: the partition table says whose it is.
    """

    def create(self, disk: DiskSource, size: int) -> None:
        """Make it an empty thin qcow2 of `size` virtual bytes."""

    def write(self, disk: DiskSource, chunks: Iterable[bytes]) -> None:
        """Write `chunks`, an image in the disk's format, from its start, in one pass, and sync them."""

    def grow(self, disk: DiskSource, size: int) -> None:
        """Set the virtual size to `size` bytes, never smaller."""

    def convert(self, source: DiskSource, disk: DiskSource, progress: Callable[[float], None]) -> None:
        """Copy `source`, making `disk` a thin qcow2; `progress` takes percent."""

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first `length` bytes the guest would see."""

    def clear(self, disk: DiskSource) -> None:
        """Fill a region with zeros, and give its room back to the storage where that can be done."""
