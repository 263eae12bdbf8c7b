"""Where the hosted engine was in the engine that a backup is of, as its database tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.pgdump import DumpError, rows
from hosted_setup.model.values import Name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosted_setup.domain.inflate import Buffer

_WANTED: Final = {
    "cluster": ("cluster_id", "name", "storage_pool_id"),
    "storage_pool": ("id", "name"),  # the data centers
    "vm_static": ("origin", "cluster_id"),
}
"""The tables and columns of oVirt 4.0 to 4.6."""

_HOSTED_ENGINE: Final = b"6"  # OriginType.MANAGED_HOSTED_ENGINE
_ID: Final = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME: Final = re.compile(Name.pattern.encode())


@dataclass(frozen=True)
class Place:
    """The data center and the cluster of the hosted engine's VM, by name."""

    data_center: str
    cluster: str


def read_place(chunks: Iterable[Buffer]) -> Place | None:
    """Read from a dump of the engine's database where its own VM was.

    None if it is no dump that can be read, if there is no such VM, if there are several in different clusters, or if a
    name is none that can be answered: then nothing is proposed. What `chunks` raises goes through.
    """
    clusters: dict[bytes, tuple[bytes, bytes]] = {}
    centers: dict[bytes, bytes] = {}
    homes: set[bytes] = set()
    try:
        for table, values in rows(chunks, _WANTED):
            if table == "vm_static":
                origin, cluster = values
                if origin == _HOSTED_ENGINE:
                    homes.add(cluster if _ID.fullmatch(cluster) else b"")
            elif _ID.fullmatch(values[0]) and _NAME.fullmatch(values[1]):
                if table == "storage_pool":
                    centers[values[0]] = values[1]
                elif _ID.fullmatch(values[2]):
                    clusters[values[0]] = values[1], values[2]
    except DumpError:
        return None
    (home, *others) = homes or {b""}
    cluster, center = clusters.get(home, (b"", b""))
    if others or center not in centers:
        return None
    return Place(centers[center].decode(), cluster.decode())
