"""Validates the archive on the host, in one pass, before anything else is done."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from hosted_plugins.backup import Backup
from hosted_plugins.deploy import DeployRequest
from hosted_plugins.image import OpenedAppliance
from hosted_plugins.vm import VmAnswers
from hosted_setup.domain.archive import read_archive
from hosted_setup.domain.version import check_versions
from hosted_setup.files import fingerprint
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info, Waiting
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.values import GIB
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.ports.host import Host
from hosted_setup.ports.machine import MachineFacts

READ_LIMIT: Final = 4096 * GIB  # against endless streams; the real limit is the disk, checked once that is known
RATE: Final = 100e6  # bytes a second that a slow machine still reads; only for the typical time shown


class ArchiveUnreadable(Problem):
    """The archive file cannot be opened."""

    code = "HE-ARCHIVE-UNREADABLE"
    title = "The backup archive cannot be read"


class ArchiveTooLarge(Problem):
    """The archive's content does not fit on the engine VM's disk."""

    code = "HE-ARCHIVE-LARGE"
    title = "The backup does not fit on the engine VM's disk"


def _unchanged(backup: Backup, _: Host) -> bool:
    path = Path(backup.path)
    return backup.facts is None or (path.is_file() and fingerprint(path.stat()) == backup.fingerprint)


@step(Stage.SETUP, "Validate the backup archive", holds=_unchanged)
def read_backup(request: DeployRequest, machine: MachineFacts, host: Host) -> Backup:
    """Read the archive once, from its first byte to its last; a host that is refused is refused before."""
    if request.restore_from is None:
        return Backup()
    path = Path(request.restore_from)
    host.reporter.emit(Info(_("Validating backup file '{path}'", path=path)))
    begun = host.clock.monotonic()

    try:
        with path.open("rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unreadable(path, _("it is not a regular file"))

            def progress(done: int) -> None:
                elapsed = host.clock.monotonic() - begun
                what = _("the archive to be read, {percent} %", percent=100 * done // max(status.st_size, 1))
                host.reporter.emit(Waiting(what, elapsed, None, status.st_size / RATE))

            facts = read_archive(stream, name=str(path), expanded_limit=READ_LIMIT, progress=progress)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if facts.has_dwh:
        host.reporter.emit(Info(_("The provided file contains also a DWH DB backup: it will be restored as well")))
    host.reporter.emit(Info(_("'{path}' is a sane backup file", path=path)))
    return Backup(str(path), facts, fingerprint(status))


@check("Backup and appliance version")
def versions(backup: Backup, opened: OpenedAppliance) -> None:
    """Apply the version rule, if the appliance tells its version; else the guest decides."""
    if backup.facts is not None and opened.appliance.version is not None:
        try:
            check_versions(backup.facts.version, opened.appliance.version)
        except Problem as problem:
            problem.where = _("{backup} and {appliance}", backup=backup.path, appliance=opened.appliance.path)
            raise


@check("Backup size")
def size(backup: Backup, vm: VmAnswers) -> None:
    """Refuse an archive that could not be unpacked in the engine VM."""
    disk = vm.disk_gib * GIB
    if backup.facts is not None and backup.facts.expanded > disk:
        detail = _(
            "{expanded:.1f} GiB unpacked, the disk has {disk} GiB",
            expanded=backup.facts.expanded / GIB,
            disk=vm.disk_gib,
        )
        raise ArchiveTooLarge(
            detail,
            why=_("it is unpacked on the engine VM's disk"),
            where=backup.path,
            hint=_("Answer a larger OVEHOSTED_STORAGE/imgSizeGB; the content is listed by:"),
            command=f"tar -tvf {shlex.quote(backup.path)}",
        )


def _unreadable(path: Path, why: str) -> ArchiveUnreadable:
    hint = _("Name the file that engine-backup --mode=backup wrote; look at this one with:")
    return ArchiveUnreadable(str(path), why=why, where=str(path), hint=hint, command=f"ls -ld {shlex.quote(str(path))}")


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and checks."""
    return (read_backup, versions, size)
