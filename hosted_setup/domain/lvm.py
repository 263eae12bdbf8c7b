"""LVM2 on the head of a disk: which volume group, and its tags.

Format: LVM2's lib/format_text/layout.h: a label in one of the first four sectors, the header of a metadata area, and in
that area, written round and round, the text of the volume group. Numbers are little-endian.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTOR: Final = 512
_LABEL: Final = b"LABELONE"
_AREA: Final = b" LVM2 x[5A%r0N*>"
_IGNORED: Final = 1
_LONGEST: Final = 16 << 20  # bytes of text; a bound, not LVM's
_GROUP: Final = re.compile(rb"^([A-Za-z0-9+_.-]+) \{$", re.MULTILINE)
_TAGS: Final = re.compile(rb"^tags = \[([^\]]*)\]$", re.MULTILINE)


class Group(NamedTuple):
    """A volume group."""

    name: str
    tags: tuple[str, ...]


def text_regions(head: bytes) -> tuple[tuple[int, int], ...]:
    """Give start and length of the pieces of the volume group's text; none for a disk that has no text."""
    for area, size in _areas(head):
        header = head[area : area + _SECTOR]
        if header[4:20] != _AREA:
            continue
        start, length, _, flags = struct.unpack_from("<QQII", header, 40)
        if flags & _IGNORED or not _SECTOR <= start < size or not 0 < length < min(size, _LONGEST):
            continue
        first = min(length, size - start)
        return ((area + start, first), *(((area + _SECTOR, length - first),) if first < length else ()))
    return ()


def group(text: bytes) -> Group | None:
    """Read the text of a volume group."""
    name = _GROUP.search(text)
    if name is None:
        return None
    tags = _TAGS.search(text, name.end(), text.find(b"physical_volumes {", name.end()) % (len(text) + 1))
    words = re.findall(rb'"([^"]*)"', tags[1]) if tags else ()
    return Group(name[1].decode(), tuple(one.decode(errors="replace") for one in words))


def _areas(head: bytes) -> Iterator[tuple[int, int]]:
    """Give start and size of each metadata area."""
    for sector in range(4):
        label = head[sector * _SECTOR : (sector + 1) * _SECTOR]
        if label[:8] != _LABEL or len(label) < _SECTOR:
            continue
        at = struct.unpack_from("<I", label, 20)[0] + 40  # behind the UUID and the size of the device
        lists = 0
        while at + 16 <= _SECTOR and lists < 2:  # noqa: PLR2004 - data areas, then metadata areas
            start, size = struct.unpack_from("<QQ", label, at)
            at += 16
            if start == 0:
                lists += 1
            elif lists == 1:
                yield start, size
        return
