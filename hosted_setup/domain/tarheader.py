"""Headers of a tar, read strictly: they are an enemy's data, so each is bounded and checked.

The standard library's tarfile is not used, because a hostile header makes it take as much memory as the header
says (extended headers and sparse maps are read whole, whatever their size). What GNU tar writes by default and with
`--format=posix` is read, sparse members (`-S`) as well.

Format: POSIX.1-2001 (ustar, pax) and the GNU tar manual, "Basic Tar Format" and "Storing Sparse Files".
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hosted_setup.model.messages import _

BLOCK: Final = 512
LARGEST: Final = (1 << 63) - 1
_EXTENDED_LIMIT: Final = 1 << 18  # bytes of one extended header; GNU tar's are a few hundred
_EXTENDED_COUNT: Final = 8  # extended headers before one member; GNU tar writes two at most
_PIECES_LIMIT: Final = 1 << 17  # pieces of a sparse member; each takes 16 bytes of memory
_ZERO_BLOCK: Final = bytes(BLOCK)
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*")
_RECORD: Final = re.compile(rb"([1-9][0-9]{0,8}) ([^=\0]{1,100})=")
_DECIMAL: Final = re.compile(rb"[0-9]{1,19}")

Read = Callable[[int], bytes]
"""Gives exactly as many of the next bytes as asked for, or raises."""


class TarError(ValueError):
    """The bytes are no tar, or use it in a way that the programs we read from do not."""


class Kind(Enum):
    """What a member is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    DEVICE = "device"


_KINDS: Final = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.LINK,
    b"2": Kind.LINK,
    b"3": Kind.DEVICE,
    b"4": Kind.DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.DEVICE,
}


@dataclass(frozen=True)
class Entry:
    """One member's header.

    Args:
        name: as written; bytes that are no UTF-8 are surrogates.
        kind: what it is.
        stored: bytes of content in the tar, without padding.
        size: bytes of the file it makes.
        pieces: offset and length of each stored piece, alternating; None if the file is stored whole.
    """

    name: str
    kind: Kind
    stored: int
    size: int
    pieces: array[int] | None = None


def looks_like_tar(start: bytes) -> bool:
    """Tell from the first block whether it may be a tar."""
    return start[257:262] == b"ustar"


def shown(name: str) -> str:
    """Give a member's name for a message: quoted, escaped, of bounded length."""
    return ascii(name if len(name) <= 120 else name[:117] + "...")  # noqa: PLR2004  # about a line


def escapes(name: str) -> bool:
    """Tell whether unpacking `name` would reach outside the folder it is unpacked in."""
    return name.startswith("/") or ".." in name.split("/")


def next_entry(read: Read) -> Entry | None:
    """Read the next member's header, up to its content; None at the end mark.

    Raises:
        TarError: it is not a header that can be relied on.
    """
    extra: dict[str, str] = {}
    for _extension in range(_EXTENDED_COUNT):
        block = read(BLOCK)
        if block == _ZERO_BLOCK:
            _end(read, extra)
            return None
        _check(block)
        flag = block[156:157]
        if flag not in b"LKxg":
            return _entry(block, flag, extra, read)
        _extend(extra, flag, _extended(block, read))
    message = _("a member has too many extended headers")
    raise TarError(message)


def _end(read: Read, extra: dict[str, str]) -> None:
    """Take the second block of the end mark."""
    if extra or read(BLOCK) != _ZERO_BLOCK:
        message = _("its end mark is broken")
        raise TarError(message)


def _check(block: bytes) -> None:
    """Refuse a block that is no header or does not match its checksum."""
    if not looks_like_tar(block):
        message = _("a member's header is not where it should be")
        raise TarError(message)
    # The sum counts its own field as blanks; ancient programs summed up signed bytes.
    rest = block[:148] + b" " * 8 + block[156:]
    plain = sum(rest)
    signed = plain - 256 * sum(byte > 127 for byte in rest)  # noqa: PLR2004  # a signed byte's range
    if _number(block[148:156]) not in {plain, signed}:
        message = _("a member's header does not match its checksum")
        raise TarError(message)


def _number(field: bytes) -> int:
    """Read a number: octal text, or base 256 when the first bit is set (GNU, for what octal cannot hold)."""
    if field[0] == 0x80:  # noqa: PLR2004  # positive base 256; 0xff would be negative
        value = int.from_bytes(field[1:])
    else:
        octal = _OCTAL.fullmatch(field)
        value = int(octal[1] or b"0", 8) if octal else LARGEST + 1
    if value > LARGEST:
        message = _("a member's header holds a number that is none")
        raise TarError(message)
    return value


def _text(field: bytes) -> str:
    """Read text that ends at the first NUL."""
    return field.partition(b"\0")[0].decode(errors="surrogateescape")


def _extended(block: bytes, read: Read) -> bytes:
    """Read the content of an extended header."""
    size = _number(block[124:136])
    if size > _EXTENDED_LIMIT:
        message = _("an extended header of {size} bytes", size=size)
        raise TarError(message)
    return read(size + -size % BLOCK)[:size]


def _extend(extra: dict[str, str], flag: bytes, content: bytes) -> None:
    """Add to `extra` what the extended header says of the next member."""
    if flag == b"L":
        records = {"path": _text(content)}
    elif flag == b"K":
        records = {}  # a link's long target: nobody here follows links
    else:
        records = _records(content)
    # A global header that renames or resizes all that follows, or two that contradict each other, would be read
    # in one way here and in another by the program that unpacks it.
    if records.keys() & extra.keys() or (flag == b"g" and _MEANING.intersection(records)):
        message = _("extended headers contradict each other")
        raise TarError(message)
    if flag != b"g":
        extra.update(records)


_MEANING: Final = frozenset({"path", "size"} | {f"GNU.sparse.{key}" for key in ("major", "minor", "name", "realsize")})
"""Keys of pax records that change how a member is read."""


def _records(content: bytes) -> dict[str, str]:
    """Read pax records, `LENGTH KEY=VALUE` and a newline each; those without a meaning here are left out."""
    records: dict[str, str] = {}
    at = 0
    while at < len(content):
        head = _RECORD.match(content, at)
        end = at + int(head[1]) if head else 0
        if not head or end < head.end() + 1 or content[end - 1 : end] != b"\n":
            message = _("an extended header cannot be read")
            raise TarError(message)
        key = head[2].decode(errors="replace")
        if key in _MEANING:
            records[key] = content[head.end() : end - 1].decode(errors="surrogateescape")
        elif key.startswith("GNU.sparse."):
            message = _("a sparse member in an old form (GNU.sparse 0.x)")
            raise TarError(message)
        at = end
    return records


def _entry(block: bytes, flag: bytes, extra: dict[str, str], read: Read) -> Entry:
    """Make a member of its header and the extended ones before it."""
    kind = _KINDS.get(flag)
    stored = _decimal(extra["size"]) if "size" in extra else _number(block[124:136])
    if kind is None or (kind is not Kind.FILE and stored):
        message = _("a member of unknown kind {flag!r}", flag=flag)
        raise TarError(message)
    name = extra.get("GNU.sparse.name") or extra.get("path") or _name(block)
    if not name or "\0" in name:
        message = _("a member without a name")
        raise TarError(message)
    if flag == b"S":
        size, pieces = _number(block[483:495]), _old_sparse_map(block, read)
    elif "GNU.sparse.major" in extra:
        if extra["GNU.sparse.major"] != "1" or extra.get("GNU.sparse.minor") != "0":
            message = _("a sparse member in an unknown form")
            raise TarError(message)
        size = _decimal(extra.get("GNU.sparse.realsize", ""))
        pieces, taken = _sparse_map(stored, read)
        stored -= taken
    else:
        return Entry(name, kind, stored, stored)
    _check_pieces(pieces, stored, size)
    return Entry(name, kind, stored, size, pieces)


def _name(block: bytes) -> str:
    """Give the name in a header; only POSIX's own form has a prefix."""
    name, prefix = _text(block[:100]), _text(block[345:500])
    return f"{prefix}/{name}" if prefix and block[257:263] == b"ustar\0" else name


def _decimal(text: str) -> int:
    """Read a decimal number of a pax record."""
    if not _DECIMAL.fullmatch(text.encode(errors="replace")) or int(text) > LARGEST:
        message = _("an extended header holds a number that is none")
        raise TarError(message)
    return int(text)


def _old_sparse_map(block: bytes, read: Read) -> array[int]:
    """Read the sparse map of GNU's own format: 4 pieces in the header, 21 in each block that follows it."""
    pieces = array("q")
    fields, more = block[386:482], block[482]
    while True:
        for at in range(0, len(fields), 24):
            if fields[at] == 0:
                break
            pieces.append(_number(fields[at : at + 12]))
            pieces.append(_number(fields[at + 12 : at + 24]))
        if not more:
            return pieces
        if len(pieces) > 2 * _PIECES_LIMIT:
            message = _("a sparse member of more than {most} pieces", most=_PIECES_LIMIT)
            raise TarError(message)
        block = read(BLOCK)
        fields, more = block[:504], block[504]


def _sparse_map(stored: int, read: Read) -> tuple[array[int], int]:
    """Read the sparse map of pax form 1.0: decimal lines at the start of the content; and the bytes it took."""
    pieces = array("q")
    wanted, taken, rest = -1, 0, b""
    while len(pieces) != wanted:
        taken += BLOCK
        *lines, rest = (rest + read(BLOCK)).split(b"\n") if taken <= stored else [b""]
        for line in lines:
            if wanted < 0:
                wanted = 2 * _decimal(line.decode(errors="replace"))
            else:
                pieces.append(_decimal(line.decode(errors="replace")))
        if not lines or wanted > 2 * _PIECES_LIMIT or len(pieces) > wanted:
            message = _("a sparse member whose map cannot be read")
            raise TarError(message)
    return pieces, taken


def _check_pieces(pieces: array[int], stored: int, size: int) -> None:
    """Refuse pieces that overlap, leave the file, or are not what is stored."""
    end = total = 0
    for offset, length in zip(pieces[::2], pieces[1::2], strict=True):
        if offset < end:
            break
        end = offset + length
        total += length
    else:
        if total == stored and end <= size:
            return
    message = _("a sparse member whose map contradicts its content")
    raise TarError(message)
