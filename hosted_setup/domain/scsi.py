"""What a SCSI device says of itself, read from the bytes of its answers.

Formats: SPC-4 (INQUIRY and its pages 80h and 83h, MODE SENSE(6), REPORT LUNS) and SBC-3 (READ CAPACITY(16)); numbers
are big-endian. The WWID is that of udev's scsi_id and of multipath: the kind of the name as one digit, then the name.
"""

from __future__ import annotations

import string
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

DISK: Final = 0
"""The peripheral device type of a disk."""

_NAA, _EUI, _T10 = 3, 2, 1
_PREFERRED: Final = (_NAA, _EUI, _T10)
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "#+-.:=@_/")  # udev's, all others become _


class Inquiry(NamedTuple):
    """The standard INQUIRY data: type of the device, and who made it."""

    kind: int
    connected: bool
    vendor: str
    product: str


class Capacity(NamedTuple):
    """READ CAPACITY(16): bytes of the whole device and of a logical block; whether unused blocks can be given back."""

    size: int
    block: int
    thin: bool


def inquiry(data: bytes) -> Inquiry:
    """Read the standard INQUIRY data; what is missing is empty."""
    first = data[0] if data else 0xFF
    return Inquiry(first & 0x1F, first >> 5 == 0, _text(data[8:16]), _text(data[16:32]))


def serial(page: bytes) -> str:
    """Read page 80h; empty where there is none."""
    return _text(page[4 : 4 + page[3]]) if len(page) > 4 and page[1] == 0x80 else ""  # noqa: PLR2004 - the page's head


def capacity(data: bytes) -> Capacity:
    """Read READ CAPACITY(16); a size of 0 for what is too short to be one."""
    if len(data) < 15:  # noqa: PLR2004 - up to the flags
        return Capacity(0, 0, thin=False)
    last, block = struct.unpack_from(">QI", data)
    return Capacity((last + 1) * block, block, bool(data[14] & 0x80))


def read_only(data: bytes) -> bool:
    """Read the header of MODE SENSE(6): whether the medium is protected from writing."""
    return len(data) > 2 and bool(data[2] & 0x80)  # noqa: PLR2004 - the device-specific parameter


def numbers(data: bytes) -> tuple[int, ...]:
    """Read REPORT LUNS: the numbers of a single level; other kinds of LUN are left out."""
    length = struct.unpack_from(">I", data)[0] if len(data) >= 4 else 0  # noqa: PLR2004 - the list's length
    entries = (data[at : at + 8] for at in range(8, min(8 + length, len(data) - 7), 8))
    return tuple(int.from_bytes(one[:2]) & 0x3FFF for one in entries if one[0] >> 6 in {0, 1} and not any(one[2:]))


def wwid(page: bytes) -> str:
    """Read page 83h: the best name of the logical unit; empty where there is none."""
    found: dict[int, bytes] = {}
    for kind, name in _designators(page):
        if kind not in found or len(name) > len(found[kind]):  # the longest NAA name, the first of two as long
            found[kind] = name
    kind = next((one for one in _PREFERRED if one in found), 0)
    if kind == _T10:
        words = "_".join(found[kind].rstrip(b"\0 ").decode("ascii", "replace").split())
        return f"{kind}{''.join(one if one in _PLAIN else '_' for one in words)}"
    return f"{kind}{found[kind].hex()}" if kind else ""


def _designators(page: bytes) -> Iterator[tuple[int, bytes]]:
    """Give type and value of each name of the logical unit itself."""
    if len(page) < 4 or page[1] != 0x83:  # noqa: PLR2004 - the page's head and number
        return
    at, end = 4, min(4 + int.from_bytes(page[2:4]), len(page))
    while at + 4 <= end:
        association, kind, length = page[at + 1] >> 4 & 3, page[at + 1] & 15, page[at + 3]
        name = page[at + 4 : at + 4 + length]
        if association == 0 and len(name) == length and any(name):
            yield kind, name
        at += 4 + length


def _text(raw: bytes) -> str:
    """Give printable ASCII without the blanks around it; what is not printable is left out."""
    return "".join(chr(one) for one in raw if 32 <= one < 127).strip()  # noqa: PLR2004 - printable ASCII
