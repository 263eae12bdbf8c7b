"""Rows of a few tables out of a dump in pg_dump's custom format, taken while it streams by.

The format has no specification beside its program: `ReadHead`, `ReadToc` and `ReadInt` in PostgreSQL's
`pg_backup_archiver.c`, `_ReadExtraToc` and `_skipData` in `pg_backup_custom.c`; a table's rows are those of COPY's text
format. What was not tested is not read. A dump is untrusted: whatever is unexpected, or more than the bounds below,
ends the reading, and what was read until then counts for nothing.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.inflate import CHUNK, Buffer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_VERSIONS: Final = {(1, 14, 0), (1, 15, 0), (1, 16, 0)}  # PostgreSQL 12 to 15, 16, 17 and later
_ALGORITHM_SINCE: Final = (1, 15, 0)  # a byte in the head says it; before, a number that is not 0 is zlib's level
_RELKIND_SINCE: Final = (1, 16, 0)
_SIZES: Final = bytes([4, 8, 1])  # bytes of a number, bytes of an offset, the custom format
_PLAIN: Final = 0
_ZLIB: Final = 1  # the two others, lz4 and zstd, are not in the standard library
_DATA: Final = 1  # the type of a block of rows
_END: Final = b"\\."
_COPY: Final = re.compile(rb"COPY public\.[a-z_]+ \(([a-z0-9_\", ]+)\) FROM stdin;\n")
_NUMBER: Final = struct.Struct("<BI")  # a sign and a magnitude

NUMBERS: Final = 1 << 20
"""Numbers that are read at most; each costs the same time. Rows come in pieces of 4 KiB: this is enough for 4 GiB."""

_TEXT: Final = 1 << 20  # bytes of a text in the table of contents: a view's or a function's definition
LINE: Final = 1 << 18
"""Bytes of a line that are kept while its end has not come."""

LINES: Final = 1 << 16
"""Lines of the wanted tables together at most: an oVirt engine manages some thousands of VMs."""

CONTENT: Final = 64 << 20
"""Bytes that the wanted tables may unpack to together."""


class DumpError(ValueError):
    """The dump is not of the form that is read here; nothing is known from it."""


@dataclass(frozen=True)
class _Table:
    """What a table's rows are: `columns` of them in all, and the places of those that are wanted."""

    name: str
    columns: int
    places: tuple[int, ...]


class _Stream:
    """The bytes of a dump, drawn in what its format is made of."""

    def __init__(self, chunks: Iterable[Buffer]) -> None:
        self._chunks = iter(chunks)
        self._view = memoryview(b"")
        self._at = 0
        self._numbers = NUMBERS

    def _draw(self) -> memoryview:
        chunk = next(self._chunks, None)
        if chunk is None:
            message = "it ends too early"
            raise DumpError(message)
        return memoryview(chunk)

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Give the next `count` bytes, without copying them."""
        while count:
            if self._at == len(self._view):
                self._view, self._at = self._draw(), 0
            piece = self._view[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            yield piece

    def take(self, count: int) -> bytes:
        return b"".join(self.pieces(count))

    def byte(self) -> int:
        return self.take(1)[0]

    def skip(self, count: int) -> None:
        self._at += count
        while self._at > len(self._view):
            self._at -= len(self._view)
            self._view = self._draw()

    def number(self) -> int:
        """Give a number; None of a text is a negative one."""
        self._numbers -= 1
        if self._numbers < 0:
            message = f"more than {NUMBERS} numbers"
            raise DumpError(message)
        at = self._at
        if at + _NUMBER.size <= len(self._view):
            sign, value = _NUMBER.unpack_from(self._view, at)
            self._at = at + _NUMBER.size
        else:
            sign, value = _NUMBER.unpack(self.take(_NUMBER.size))
        if sign > 1:
            message = "a sign that is none"
            raise DumpError(message)
        return -int(value) if sign else int(value)

    def skip_sized(self) -> None:
        """Leave out pieces to the empty one: most of a dump, so a size that is at hand is read without a call."""
        unpack = _NUMBER.unpack_from
        while size := self.size():
            view, at = self._view, self._at + size
            last, left = len(view) - _NUMBER.size, self._numbers
            while at <= last and left:
                sign, size = unpack(view, at)
                if sign or not size:
                    break
                at += _NUMBER.size + size
                left -= 1
            self._numbers = left
            self.skip(at - self._at)

    def size(self) -> int:
        """Give a number that cannot be negative."""
        if (size := self.number()) < 0:
            message = "a negative size"
            raise DumpError(message)
        return size

    def text(self) -> bytes | None:
        """Give a text; None is another one than the empty text."""
        if (size := self.number()) > _TEXT:
            message = f"a text of {size} bytes"
            raise DumpError(message)
        return self.take(size) if size >= 0 else None


class _Dump:
    """A dump, read in its order: head, table of contents, blocks of rows."""

    def __init__(self, chunks: Iterable[Buffer]) -> None:
        self._stream = stream = _Stream(chunks)
        magic, version, sizes = stream.take(5), tuple(stream.take(3)), stream.take(3)
        if magic != b"PGDMP" or version not in _VERSIONS or sizes != _SIZES:
            message = "it is no dump in the custom format of a known version"
            raise DumpError(message)
        packed = stream.byte() if version >= _ALGORITHM_SINCE else int(stream.number() != 0)
        if packed not in {_PLAIN, _ZLIB}:
            message = "its compression is not known"
            raise DumpError(message)
        self._packed = packed == _ZLIB
        self._relkind = version >= _RELKIND_SINCE
        for _field in range(7):  # of the time when it was made
            stream.number()
        for _field in range(3):  # the database's name, the server's version, pg_dump's
            stream.text()

    def contents(self, wanted: Mapping[str, Sequence[str]]) -> dict[int, _Table]:
        """Read the table of contents: the wanted tables by the numbers of their blocks."""
        found: dict[int, _Table] = {}
        for _entry in range(self._stream.size()):
            number, table = self._entry(wanted)
            if table is not None:
                if number in found or table.name in {one.name for one in found.values()}:
                    message = f"{table.name} is there twice"
                    raise DumpError(message)
                found[number] = table
        return found

    def _entry(self, wanted: Mapping[str, Sequence[str]]) -> tuple[int, _Table | None]:
        """Read an entry of the table of contents."""
        stream = self._stream
        number = stream.number()
        stream.number()  # whether it has data
        _table_oid, _oid, tag, kind = (stream.text() for _field in range(4))
        stream.number()  # its section
        _definition, _drop, copy, schema, _space, _method = (stream.text() for _field in range(6))
        if self._relkind:
            stream.number()
        _owner, _oids = stream.text(), stream.text()
        while stream.text() is not None:  # the numbers of what it depends on, as texts
            pass
        stream.skip(9)  # where its block begins, if pg_dump could seek
        name = (tag or b"").decode(errors="replace")
        told = kind == b"TABLE DATA" and schema == b"public" and name in wanted
        return number, _table(name, copy or b"", wanted[name]) if told else None

    def blocks(self, tables: Mapping[int, _Table]) -> Iterator[tuple[_Table, Iterator[Buffer]]]:
        """Give each of the tables with its rows as bytes, to be drawn before the next; what follows is not read."""
        left = dict(tables)
        while left:
            kind, number = self._stream.byte(), self._stream.number()
            if kind != _DATA:
                message = "a block that holds no rows"
                raise DumpError(message)
            table = left.pop(number, None)
            if table is None:
                self._stream.skip_sized()
            else:
                yield table, _unpacked(self._pieces()) if self._packed else self._pieces()

    def _pieces(self) -> Iterator[Buffer]:
        while size := self._stream.size():
            yield from self._stream.pieces(size)


def _table(name: str, copy: bytes, wanted: Collection[str]) -> _Table | None:
    """Read from its COPY statement which columns a table has; None if some of the wanted ones are not among them."""
    statement = _COPY.fullmatch(copy)
    columns = [] if statement is None else [one.strip('"') for one in statement[1].decode().split(", ")]
    if not set(wanted) <= set(columns):
        return None
    return _Table(name, len(columns), tuple(columns.index(one) for one in wanted))


def _unpacked(pieces: Iterator[Buffer]) -> Iterator[bytes]:
    """Inflate a table's one zlib stream."""
    decoder = zlib.decompressobj()
    for piece in pieces:
        rest: Buffer = piece
        while True:
            try:
                out = decoder.decompress(rest, CHUNK)
            except zlib.error as error:
                raise DumpError(str(error)) from error
            yield out
            rest = decoder.unconsumed_tail
            if not rest and len(out) < CHUNK:
                break
    if not decoder.eof or decoder.unused_data:
        message = "a table's stream does not end where the table does"
        raise DumpError(message)


class _Lines:
    """The lines of the wanted tables, as long as they are not too many."""

    def __init__(self) -> None:
        self._bytes = CONTENT
        self._count = LINES

    def of(self, pieces: Iterator[Buffer]) -> Iterator[bytes]:
        """Give the lines of some text; what follows the last newline is dropped."""
        line = bytearray()
        for piece in pieces:
            head, *others = bytes(piece).split(b"\n")
            line += head
            self._bytes -= len(piece)
            self._count -= len(others)
            if self._bytes < 0 or self._count < 0 or len(line) > LINE:
                message = "the wanted tables are too large"
                raise DumpError(message)
            for other in others:
                yield bytes(line)
                line = bytearray(other)


def rows(chunks: Iterable[Buffer], wanted: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    r"""Give the rows of some tables, in the order of the dump, reading no further than it has to.

    Args:
        chunks: the dump, without whatever it was compressed with on the outside.
        wanted: names of columns by the name of their table, in the schema `public`.

    Yields:
        The table's name and the wanted columns as COPY writes them: escaped, `\N` for NULL. Of a table that is not
        there, or lacks one of the columns, nothing.

    Raises:
        DumpError: it is torn, more than the bounds of this module, or otherwise unexpected.
    """
    dump = _Dump(chunks)
    allowed = _Lines()
    for table, pieces in dump.blocks(dump.contents(wanted)):
        lines = allowed.of(pieces)
        for line in lines:
            if line == _END:
                break
            fields = line.split(b"\t", table.columns)
            if len(fields) != table.columns:
                message = f"a row that {table.name} cannot have"
                raise DumpError(message)
            yield table.name, tuple(fields[place] for place in table.places)
        else:
            message = f"{table.name} has no end"
            raise DumpError(message)
        if any(lines):
            message = f"something follows the end of {table.name}"
            raise DumpError(message)
