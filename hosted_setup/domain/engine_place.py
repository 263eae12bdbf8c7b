"""Where the hosted engine was in the engine that a backup is of, and where its storage lies, as its database tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.pgdump import DumpError, rows
from hosted_setup.model.values import Name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosted_setup.domain.inflate import Buffer

_DOMAINS: Final = "storage_domain_static"
_CONNECTIONS: Final = "storage_server_connections"
_WANTED: Final = {
    "cluster": ("cluster_id", "name", "storage_pool_id"),
    _DOMAINS: ("storage", "storage_name"),
    "storage_pool": ("id", "name"),  # the data centers
    _CONNECTIONS: ("id", "connection"),
    "vm_static": ("origin", "cluster_id"),
}
"""The tables and columns of oVirt 4.0 to 4.6."""

_HOSTED_ENGINE: Final = b"6"  # OriginType.MANAGED_HOSTED_ENGINE
_ID: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME: Final = re.compile(Name.pattern.encode())
_WORDS: Final = re.compile(rb"[^\x00-\x1f\x7f\\]{1,1000}")  # the engine's 250 characters, but what COPY escapes
_SERVED: Final = re.compile(r"(\[[^\]]+\]|[^:/]+):(.*)")  # server and path
_MOST: Final = 1000  # storage domains that are kept, and connections


@dataclass(frozen=True)
class Place:
    """The data center and the cluster of the hosted engine's VM, by name."""

    data_center: str
    cluster: str


@dataclass(frozen=True)
class OldDomain:
    """A storage domain of files, and its connection, for one on a server `server:/path` or `server:volume`."""

    name: str
    connection: str

    def lies_at(self, connection: str) -> bool:
        """Tell whether this is its connection: the same path, or volume, of a server of the same name."""
        own = _served(self.connection)
        return own is not None and own == _served(connection)


@dataclass(frozen=True)
class OldEngine:
    """What the database tells.

    No place if there is no VM of the engine's own, if there are several in different clusters, or if a name is none
    that can be answered: then nothing is proposed.
    """

    place: Place | None = None
    domains: tuple[OldDomain, ...] = ()


class _Rows:
    """The rows that count."""

    def __init__(self) -> None:
        self._clusters: dict[bytes, tuple[bytes, bytes]] = {}
        self._centers: dict[bytes, bytes] = {}
        self._homes: set[bytes] = set()
        # By table: a connection and what the table calls it. In a domain of LUNs' row there is no connection.
        self._storage: dict[str, list[tuple[bytes, bytes]]] = {_DOMAINS: [], _CONNECTIONS: []}

    def take(self, table: str, values: tuple[bytes, ...]) -> None:
        match table, values:
            case "vm_static", (origin, cluster):
                if origin == _HOSTED_ENGINE:
                    self._homes.add(cluster if _ID.fullmatch(cluster) else b"")
            case "cluster", (cluster, name, center):
                if _ID.fullmatch(cluster) and _NAME.fullmatch(name) and _ID.fullmatch(center):
                    self._clusters[cluster] = name, center
            case "storage_pool", (center, name):
                if _ID.fullmatch(center) and _NAME.fullmatch(name):
                    self._centers[center] = name
            case _, (connection, words):
                kept = self._storage[table]
                if _ID.fullmatch(connection) and _WORDS.fullmatch(words) and len(kept) < _MOST:
                    kept.append((connection, words))

    def place(self) -> Place | None:
        (home, *others) = self._homes or {b""}
        cluster, center = self._clusters.get(home, (b"", b""))
        if others or center not in self._centers:
            return None
        return Place(self._centers[center].decode(), cluster.decode())

    def domains(self) -> tuple[OldDomain, ...]:
        connections = dict(self._storage[_CONNECTIONS])
        there = ((name, connections[one]) for one, name in self._storage[_DOMAINS] if one in connections)
        return tuple(OldDomain(name.decode(errors="replace"), at.decode(errors="replace")) for name, at in there)


def read_engine(chunks: Iterable[Buffer]) -> OldEngine:
    """Read it from a dump of the engine's database; of a dump that cannot be read to its end nothing is told.

    What `chunks` raises goes through.
    """
    found = _Rows()
    try:
        for table, values in rows(chunks, _WANTED):
            found.take(table, values)
    except DumpError:
        return OldEngine()
    return OldEngine(found.place(), found.domains())


def _served(connection: str) -> tuple[str, list[str]] | None:
    """Give server and path alike, however they are written; None for what names no server."""
    found = _SERVED.fullmatch(connection)
    return (found[1].casefold().removesuffix("."), [part for part in found[2].split("/") if part]) if found else None
