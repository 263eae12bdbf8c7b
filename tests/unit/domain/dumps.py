"""Dumps of an engine's database: real ones, and ones written here to be wrong in one way."""

from __future__ import annotations

import base64
import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"
VERSIONS: Final = (15, 16, 18)
RACKS: Final = "0a000000-0000-4000-8000-000000000001"
EDGE: Final = "0a000000-0000-4000-8000-000000000002"
NAS: Final = "0c000000-0000-4000-8000-000000000001"
VIENNA: Final = "0b000000-0000-4000-8000-000000000001"

Rows = Sequence[Sequence[str]]
TABLES: Final[dict[str, tuple[str, Rows]]] = {
    "audit_log": ("id, message", [("1", "a message")]),
    "cluster": (
        'cluster_id, "name", storage_pool_id',
        [(RACKS, "Racks", VIENNA), (EDGE, "edge", r"\N")],
    ),
    "storage_domain_static": (
        "id, storage, storage_name",
        [(EDGE, NAS, "hosted_storage"), (RACKS, "w1Tcb0-Vg7x-Lz5N", "of LUNs"), (VIENNA, VIENNA, "of nowhere")],
    ),
    "storage_pool": ("id, name", [(VIENNA, "Vienna")]),
    "storage_server_connections": (
        "id, connection, iqn",
        [(RACKS, "192.0.2.5", "iqn.2026-01.org.example"), (NAS, "nas.example.com:/exports/engine", r"\N")],
    ),
    "vm_static": ("vm_guid, origin, cluster_id", [("1", "3", EDGE), ("2", "6", RACKS), ("3", r"\N", r"\N")]),
}
"""What a small engine holds, in the order of a dump."""


def real(version: int) -> bytes:
    """Give what PostgreSQL's pg_dump of that version wrote of the schema in `data/engine-place.sql`."""
    return lzma.decompress(base64.b64decode((DATA / f"engine-pg{version}.dump.b64").read_text()))


def number(value: int) -> bytes:
    return struct.pack("<BI", value < 0, abs(value))


def text(content: str | None) -> bytes:
    return number(-1) if content is None else number(len(content.encode())) + content.encode()


def changed(**changes: Rows) -> dict[str, tuple[str, Rows]]:
    """Give the tables with other rows."""
    return TABLES | {name: (TABLES[name][0], rows) for name, rows in changes.items()}


def dump(
    tables: Mapping[str, tuple[str, Rows]] = TABLES, *, packed: bool = True, piece: int = 4096, end: str = "\\.\n\n\n"
) -> bytes:
    """Write a dump as PostgreSQL 15 does, its rows in pieces of `piece` bytes."""
    head = b"PGDMP" + bytes([1, 14, 0, 4, 8, 1]) + number(-1 if packed else 0) + number(1) * 7 + text("x") * 3
    entries = [number(1) * 2 + text("0") * 2 + text("deletevm()") + text("FUNCTION") + number(2) + text("") * 8]
    entries[0] += text("false") + text("7") + text(None) + bytes(9)
    blocks = b""
    for count, (name, (columns, rows)) in enumerate(tables.items(), 2):
        copy = f"COPY public.{name} ({columns}) FROM stdin;\n"
        entry = number(count) + number(1) + text("0") * 2 + text(name) + text("TABLE DATA") + number(3) + text("") * 2
        entries.append(entry + text(copy) + text("public") + text("") * 3 + text("false") + text(None) + bytes(9))
        content = ("".join("\t".join(row) + "\n" for row in rows) + end).encode()
        content = zlib.compress(content) if packed else content
        pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
        blocks += b"\x01" + number(count) + b"".join(number(len(one)) + one for one in pieces) + number(0)
    return head + number(len(entries)) + b"".join(entries) + blocks
