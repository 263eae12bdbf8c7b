"""sanlock's leases on a disk, read to know whether somebody lives there.

Format: `struct leader_record` of sanlock's src/ondisk.c, little-endian: one in the first sector of a lockspace for each
host id, with the host's clock at its last renewal; 0 for a lease that was let go.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

_LOCKSPACE: Final = 0x12212010
_RESOURCE: Final = 0x06152010
_RECORD: Final = struct.Struct("<IIIIQQQQQ48s48sQIHH")
_HOSTS: Final = 2000
_SECTORS: Final = (512, 4096)
_IO_TIMEOUT: Final = 10  # sanlock's own, where the record says none

LOCKSPACE_SIZE: Final = _HOSTS * 512
"""Bytes of a lockspace on 512-byte sectors."""

RENEWED_WITHIN: Final = 2
"""A host renews its lease after so many I/O time-outs."""


class Lease(NamedTuple):
    """A host's lease: its id, its clock at the last renewal, and the seconds of its I/O time-out."""

    host: int
    timestamp: int
    io_timeout: int


def lockspace_name(start: bytes) -> str | None:
    """Give the name of the lockspace that begins here, or that a lease here belongs to; None for neither."""
    if len(start) < _RECORD.size:
        return None
    record = _RECORD.unpack_from(start)
    return record[9].split(b"\0")[0].decode(errors="replace") if record[0] in {_LOCKSPACE, _RESOURCE} else None


def leases(lockspace: bytes) -> tuple[Lease, ...]:
    """Give the leases that hosts have not let go of; none where there is no lockspace."""
    if len(lockspace) < _RECORD.size:
        return ()
    magic, _version, _flags, sector, *_rest = _RECORD.unpack_from(lockspace)
    if magic != _LOCKSPACE or sector not in _SECTORS:
        return ()
    found = []
    for number in range(min(_HOSTS, len(lockspace) // sector)):
        record = _RECORD.unpack_from(lockspace, number * sector)
        if record[0] == _LOCKSPACE and record[11]:
            found.append(Lease(number + 1, record[11], record[14] or _IO_TIMEOUT))
    return tuple(found)
