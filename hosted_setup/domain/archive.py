"""The archive that `engine-backup` writes: read once, as a stream, and refused before anything is extracted.

The format is oVirt's (engine-backup of 4.3 to 4.6): an outer tar with a closed list of members, among them
the inner tar `files`, the database dumps, `config` and a list of checksums. An archive is untrusted input.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from hosted_setup.domain import archive_problems as problem
from hosted_setup.domain.archive_reading import DWH_DB, Reading
from hosted_setup.domain.archive_texts import decoded, read_config, read_os_version
from hosted_setup.domain.engine_place import OldDomain, Place
from hosted_setup.domain.inflate import Counted, CutShortError, DamagedError, Progress, inflated, quiet
from hosted_setup.domain.tarheader import TarError
from hosted_setup.domain.tarstream import Tape
from hosted_setup.domain.version import Version, VersionUnreadable


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
        place: data center and cluster of the hosted engine; None if the engine's database does not tell.
        domains: the storage domains of files that the engine's database tells.
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
    place: Place | None = None
    domains: tuple[OldDomain, ...] = ()


def _quiet(_read: int) -> None:
    """Ignore progress."""


def read_archive(stream: BinaryIO, *, name: str, expanded_limit: int, progress: Progress = quiet) -> ArchiveFacts:
    """Read the whole archive once and tell what is in it.

    Args:
        stream: the archive, at its first byte; it need not be seekable.
        name: how the operator named it, for messages.
        expanded_limit: bytes it may unpack to; the size of the engine VM's disk.
        progress: called every few MiB with the bytes read so far.

    Raises:
        ArchiveProblem: whatever is wrong with it; the subclasses are in `archive_problems`.
        VersionUnreadable: the member `version` holds no version.
    """
    counted = Counted(stream, progress)
    with _told(name):
        reading = Reading(expanded_limit)
        reading.take(Tape(inflated(counted)))
        reading.check()
        return _facts(reading, counted.size)


def _facts(reading: Reading, size: int) -> ArchiveFacts:
    """Read the small texts, whose checksums have been found right, and gather all that is known."""
    version = decoded("version", reading.text("version")).strip()
    return ArchiveFacts(
        version=Version(version).text,
        os_version=read_os_version(reading.text("os_version")) if "os_version" in reading.members else "Unknown",
        fqdn=reading.files.fqdn,
        ca_pem=reading.files.ca_pem,
        has_dwh=reading.size(DWH_DB) > 0,
        members=tuple(reading.members),
        expanded=reading.expanded,
        size=size,
        hash_algorithm=reading.algorithm,
        config=read_config(reading.text("config")),
        place=reading.engine.place,
        domains=reading.engine.domains,
    )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Tell errors of the layers below as problems of the archive `name`."""
    try:
        yield
    except CutShortError as error:
        raise problem.ArchiveTruncated(str(error)).located(name) from error
    except DamagedError as error:
        raise problem.ArchiveDamaged(str(error)).located(name) from error
    except TarError as error:
        raise problem.ArchiveFormat(str(error)).located(name) from error
    except problem.ArchiveProblem as found:
        found.located(name)
        raise
    except VersionUnreadable as found:
        found.where, found.command = name, f"tar -xOf {shlex.quote(name)} ./version"
        raise
