"""The archive that `engine-backup` writes: read once, as a stream, and refused before anything is extracted.

The format is oVirt's (engine-backup of 4.3 to 4.6): an outer tar with a closed list of members, among them
the inner tar `files`, the database dumps, `config` and a list of checksums. An archive is untrusted input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ArchiveFacts:
    """What a valid archive says of itself.

    Args:
        version: package version of the engine that wrote it, for example `4.5.6` or `4.5.6-1.el9`.
        os_version: its operating system, for example `centos9`; `Unknown` in old archives.
        fqdn: the engine's name (ENGINE_FQDN), lower case; None if the product files do not tell.
        ca_pem: certificate(s) of the engine's own CA, PEM blocks only; None if not in the product files.
        has_dwh: a Data Warehouse database is in it and not empty.
        members: names of the regular members in their order, without `./`.
        expanded: bytes of all members when unpacked (holes of sparse members count).
        size: bytes of the archive as read.
        hash_algorithm: `sha256` or `md5`, whichever the archive was checked by.
        config: assignments of the member `config` (how the dumps are packed), in their order.
    """

    version: str
    os_version: str
    fqdn: str | None
    ca_pem: str | None
    has_dwh: bool
    members: tuple[str, ...]
    expanded: int
    size: int
    hash_algorithm: str
    config: tuple[tuple[str, str], ...]


def _quiet(_read: int) -> None:
    """Ignore progress."""


def read_archive(
    stream: BinaryIO, *, name: str, expanded_limit: int, progress: Callable[[int], None] = _quiet
) -> ArchiveFacts:
    """Read the whole archive once and tell what is in it.

    Args:
        stream: the archive, at its first byte; it need not be seekable.
        name: how the operator named it, for messages.
        expanded_limit: bytes it may unpack to; the size of the engine VM's disk.
        progress: called every few MiB with the bytes read so far.

    Raises:
        ArchiveProblem: whatever is wrong with it; the subclasses are in `archive_problems`.
    """
    raise NotImplementedError
