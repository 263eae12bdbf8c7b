"""Where things lie on a LUN that is a storage domain: in named partitions of a GPT, found by name or GUID.

See docs/decisions/0012-block-layout.md.
"""

from __future__ import annotations

from typing import Final

from hosted_setup.model.values import MIB
from hosted_setup.ports.disk_tools import ENDS, Partition

METADATA: Final = "he-metadata"
LOCKSPACE: Final = "he-lockspace"
CONFIGURATION: Final = "he-configuration"
DISK: Final = "he-disk"
"""A disk's partition, whose GUID is the volume's UUID; a name has 36 characters at most, too few for both."""

_SYSTEM: Final = ((METADATA, 2 * MIB), (LOCKSPACE, 16 * MIB), (CONFIGURATION, 4 * MIB))


def system_partitions(uuids: tuple[str, str, str]) -> tuple[Partition, ...]:
    """Give the partitions that every storage domain has, with these GUIDs."""
    placed: tuple[Partition, ...] = ()
    for (name, size), uuid in zip(_SYSTEM, uuids, strict=True):
        placed += (Partition(name, uuid, placed[-1].end if placed else ENDS, size),)
    return placed


def smallest(disk: int) -> int:
    """Give the bytes that a LUN needs at least for a storage domain with one disk of `disk` bytes."""
    return system_partitions(("", "", ""))[-1].end + room_for(disk) + ENDS


def room_for(disk: int) -> int:
    """Give the bytes that a qcow2 of `disk` virtual bytes may grow to, up to a whole MiB.

    Its tables take 8 bytes (L2) and 2 bytes (reference counts) for each cluster of 64 KiB, and a few clusters beside.
    """
    return -(-(disk + disk // 4096 + MIB) // MIB) * MIB


def place(partitions: tuple[Partition, ...], size: int, length: int) -> int | None:
    """Give where a new partition of `length` bytes can start on a LUN of `size` bytes: the first gap that takes it."""
    return next((start for start, gap in _gaps(partitions, size) if gap >= length), None)


def largest_gap(partitions: tuple[Partition, ...], size: int) -> int:
    """Give the bytes of the largest partition that can still be made."""
    return max((gap for _, gap in _gaps(partitions, size)), default=0)


def _gaps(partitions: tuple[Partition, ...], size: int) -> list[tuple[int, int]]:
    """Give start and length of what is free, in whole MiB; the two ends are the tables'."""
    gaps: list[tuple[int, int]] = []
    at = ENDS
    for one in (*sorted(partitions, key=lambda one: one.start), Partition("", "", (size - ENDS) // MIB * MIB, 0)):
        if one.start > at:
            gaps.append((at, (one.start - at) // MIB * MIB))
        at = max(at, -(-one.end // MIB) * MIB)
    return [(start, gap) for start, gap in gaps if gap]
