"""Connections inside a process, for what the client programs are too slow or too clumsy for."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection, cursor

    from .conf import Database

CONNECT_SECONDS = 4
STATEMENT_MS = 5000


def connect(database: Database) -> connection:
    """Open a connection that gives up soon: a web request must not hang with the database."""
    return psycopg2.connect(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password,
        dbname=database.name,
        connect_timeout=CONNECT_SECONDS,
        application_name="ovirt-engine",
        options=f"-c statement_timeout={STATEMENT_MS}",
        keepalives_idle=5,
        keepalives_interval=1,
        keepalives_count=3,
    )


@contextmanager
def session(database: Database) -> Iterator[cursor]:
    """Give a cursor in one transaction: committed at the end, undone by an exception."""
    link = connect(database)
    try:
        with link, link.cursor() as work:
            yield work
    finally:
        link.close()


_COPY = re.compile(rb"COPY [^;]* FROM stdin;\s*")
_RESTRICT = re.compile(rb"\\(un)?restrict [A-Za-z0-9]+\s*")


class _CopyLines:
    """The lines of one COPY block, up to its end mark, as the file that psycopg2 wants."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.rest = b""
        self.ended = False

    def readline(self, _size: int = -1, /) -> bytes:
        message = "COPY data is read in blocks"
        raise NotImplementedError(message)

    def read(self, size: int = -1) -> bytes:
        while not self.ended and (size < 0 or len(self.rest) < size):
            line = self.source.readline()
            if not line or line in {b"\\.\n", b"\\.\r\n"}:
                self.ended = True
            else:
                self.rest += line
        size = len(self.rest) if size < 0 else size
        block, self.rest = self.rest[:size], self.rest[size:]
        return block


def load_plain(database: Database, source: IO[bytes]) -> None:
    r"""Load a plain-text dump.

    Not by psql: its backslash commands run programs, and a dump comes from outside. Here text is SQL or
    COPY data and nothing else; pg_dump's own ``\restrict`` guard lines are the one thing skipped.
    """
    link = connect(database)
    try:
        with link, link.cursor() as work:
            work.execute("SET statement_timeout = 0")
            pending: list[bytes] = []
            for line in iter(source.readline, b""):
                if _COPY.fullmatch(line):
                    _execute(work, pending)
                    work.copy_expert(line.decode(), _CopyLines(source))
                elif not _RESTRICT.fullmatch(line):
                    pending.append(line)
            _execute(work, pending)
    finally:
        link.close()


def _execute(work: cursor, pending: list[bytes]) -> None:
    text = b"".join(pending)
    pending.clear()
    if re.sub(rb"(?m)^--.*$|\s", b"", text):
        work.execute(text)
