"""Opens the appliance and makes the engine VM's disk of it, without a temporary copy.

A plain OVA or a bare disk: the new disk starts as an overlay, the VM boots from inside the appliance file at once and
the data is pulled over while it runs. A gzip'd OVA cannot be read in the middle: it is inflated straight into the new
disk. Where open files cannot be handed to libvirt: a plain copy.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hosted_plugins.bootstrap import EngineReady
from hosted_plugins.image import (
    ApplianceAnswers,
    CurrentDisk,
    EngineDisk,
    ImportedDisk,
    KnownAppliances,
    OpenedAppliance,
)
from hosted_plugins.storage import StorageDomain, remove_known
from hosted_plugins.vm import EngineVm, Settled, VmAnswers, at_work, never_started
from hosted_setup.domain.appliance import Appliance, Form, disk_member, firmware_of, look
from hosted_setup.domain.appliance_problems import ApplianceConf
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info, Waiting
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.model.values import GIB, MIB
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.images import DiskSource

DISK: Final = "vda"
_SECTOR: Final = 512
IMPORT_DEADLINE: Final = 3600.0
SPARE: Final = 2 * GIB  # beside what the appliance's data takes: the space rule of the product


class ApplianceUnreadable(Problem):
    """The appliance file cannot be opened."""

    code = "HE-APPLIANCE-UNREADABLE"
    title = "The appliance cannot be read"


class DiskTooSmall(Problem):
    """The engine VM's disk cannot hold the appliance's."""

    code = "HE-DISK-SMALL"
    title = "The engine VM's disk is smaller than the appliance's"


class ImportFailed(Problem):
    """The appliance's data did not arrive in the storage domain."""

    code = "HE-IMPORT"
    title = "The appliance could not be copied into the storage domain"
    exit_code = ExitCode.FAILED


@dataclass(frozen=True)
class RemoveVolume(Undo, name="volume.remove"):
    """Removes one disk with its folder, in a storage domain that this run made."""

    domain: StorageDomain
    volume: str  # a fresh UUID: nobody else's volume can have it

    def apply(self, host: Host) -> None:
        """Remove the files of the volume and their folder, if the domain carries this run's mark."""
        if self.domain.made_by(host.run_id):
            names = (self.volume, f"{self.volume}.importing", "he-seed", "he-backup")
            remove_known(self.domain.images / self.volume, names)

    def describe(self) -> str:
        """Name the disk."""
        return f"disk {self.volume}"


@step(Stage.SETUP, "Look for engine appliances")
def find_appliances(host: Host) -> KnownAppliances:
    """Read the `path=` of every `*appliance*.conf` that packages leave, the newest file first."""
    confs = sorted(host.paths.etc.glob("*appliance*.conf"), key=lambda conf: -conf.stat().st_mtime)
    found = (
        line.partition("=")[2].strip()
        for conf in confs
        for line in conf.read_text(errors="replace").splitlines()
        if line.startswith("path=")
    )
    return KnownAppliances(tuple(path for path in found if Path(path).is_file()))


def _unchanged(opened: OpenedAppliance, _: Host) -> bool:
    path = Path(opened.appliance.path)
    return path.is_file() and _fingerprint(path) == opened.fingerprint


@step(Stage.CUSTOMIZATION, "Open the appliance", holds=_unchanged)
def open_appliance(answers: ApplianceAnswers, host: Host) -> OpenedAppliance:
    """Look at the appliance: what it is, where its disk lies, what it proposes."""
    conf, text = next(_conf_beside(answers.path, host), (None, None))
    with _opened(answers.path) as stream:
        try:
            appliance = look(stream, path=str(answers.path), conf=text)
        except ApplianceConf as problem:
            raise problem.located(str(conf)) from None
    version = f"version {appliance.version}" if appliance.version else "its version is checked in the engine VM"
    host.reporter.emit(Info(f"The appliance: {appliance.form.value}, {version}"))
    return OpenedAppliance(appliance, _fingerprint(answers.path))


@check("Disk size")
def disk_size(vm: VmAnswers, opened: OpenedAppliance) -> None:
    """Refuse an engine disk that is smaller than the appliance's."""
    if vm.disk_gib * GIB < opened.appliance.virtual_size:
        needed = -(-opened.appliance.virtual_size // GIB)
        detail = f"{vm.disk_gib} GiB, the appliance needs {needed} GiB"
        raise DiskTooSmall(
            detail,
            where=opened.appliance.path,
            hint=f"Answer OVEHOSTED_STORAGE/imgSizeGB=int:{needed} or more; see:",
            command="hosted-engine deploy --help",
        )


def _stands(disk: EngineDisk, host: Host) -> bool:
    """Tell whether the disk is as it was made, or is in the hands of a VM that still works on it.

    A VM that died or failed half-way leaves a disk that nobody can vouch for: it is made anew.
    """
    return Path(disk.path).exists() and (never_started(host) or at_work(disk.vm, host))


@step(Stage.TRANSACTION, "Create the engine VM disk", holds=_stands)
def create_disk(  # noqa: PLR0913 - everything a disk is made of
    opened: OpenedAppliance,
    domain: StorageDomain,
    vm: VmAnswers,
    hypervisor: HypervisorFacts,
    host: Host,
    undo: UndoLog,
) -> EngineDisk:
    """Create the disk beside whatever is there, marked as importing until it stands alone."""
    appliance = opened.appliance
    volume, machine = str(uuid.uuid4()), str(uuid.uuid4())
    undo.before(RemoveVolume(domain, volume))
    folder = domain.images / volume
    domain.make_folder(folder)
    target = folder / volume
    in_place = appliance.offset is not None and hypervisor.passes_files
    kind = appliance.disk_format if appliance.form is Form.GZIP_OVA else "qcow2"
    disk = EngineDisk(machine, volume, str(target), kind, "", _source(appliance) if in_place else None)
    domain.write(disk.importing, b"")
    if appliance.form is Form.GZIP_OVA:
        _inflate(appliance, target, host)
    elif in_place:
        host.images.create(target, vm.disk_gib * GIB)
    else:
        host.images.convert(_source(appliance), target, _progress(host, f"Copying {appliance.path}"))
    host.images.grow(target, kind, vm.disk_gib * GIB)
    if not in_place:
        disk.importing.unlink()
    readable = appliance.offset is not None
    head = host.images.head(_source(appliance) if readable else DiskSource(str(target), kind), MIB)
    domain.own(target)
    firmware = firmware_of(head).value if vm.firmware.value == "auto" else vm.firmware.value
    return replace(disk, firmware=firmware)


@step(Stage.TRANSACTION, "Finish importing the disk")
def finish_import(disk: EngineDisk, vm: EngineVm, ready: EngineReady, host: Host) -> ImportedDisk:
    """Wait until the running VM's disk depends on nothing but itself."""
    if disk.backing is None or not disk.importing.exists():
        return ImportedDisk(disk.volume, disk.path, disk.format)

    if host.hypervisor.has_backing(vm.uuid, DISK):
        host.hypervisor.pull(vm.uuid, DISK)  # it may have stopped before a resume, and there may be room by now

    def pulled() -> bool | None:
        if host.hypervisor.pull_left(vm.uuid, DISK) is not None:
            return None
        if host.hypervisor.has_backing(vm.uuid, DISK):
            raise _import_failed(disk)
        return True

    try:
        wait_until(host, pulled, within=IMPORT_DEADLINE, what="the disk to be copied into the storage domain")
    except DeadlineExceeded as error:
        raise _import_failed(disk) from error
    disk.importing.unlink()
    return ImportedDisk(disk.volume, disk.path, disk.format)


@dataclass(frozen=True)
class RemovePointer(Undo, name="disk.pointer"):
    """Removes the pointer to the current disk, if it names this run's disk."""

    domain: StorageDomain
    volume: str

    def apply(self, host: Host) -> None:
        """Remove the pointer, and an unfinished one."""
        if self.domain.made_by(host.run_id):
            self.domain.pointer.with_name(f".{self.domain.pointer.name}.new").unlink(missing_ok=True)
            if self._is_ours():
                self.domain.pointer.unlink()

    def _is_ours(self) -> bool:
        try:
            return self.domain.current() == self.volume
        except (OSError, ValueError, LookupError, TypeError):
            return False  # whatever it is, this run has not written it


@step(Stage.TRANSACTION, "Make the disk the engine's current one", commits=True)
def commit_disk(disk: ImportedDisk, domain: StorageDomain, settled: Settled, undo: UndoLog) -> CurrentDisk:
    """Switch the pointer: from here on the way is forward only."""
    undo.before(RemovePointer(domain, disk.volume))
    domain.point_to(disk.volume, disk.format)
    return CurrentDisk(disk.volume)


def _inflate(appliance: Appliance, target: Path, host: Host) -> None:
    report = _progress(host, f"Inflating {appliance.path}")

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            done += len(chunk)
            report(100 * done / (appliance.size or done))
            yield chunk

    with _opened(Path(appliance.path)) as stream:
        host.images.write(target, counted(disk_member(stream, appliance)))


def _progress(host: Host, what: str) -> Callable[[float], None]:
    begun = host.clock.monotonic()
    return lambda percent: host.reporter.emit(Waiting(f"{what}, {percent:.0f} %", host.clock.monotonic() - begun))


def _source(appliance: Appliance) -> DiskSource:
    if appliance.member is None:
        return DiskSource(appliance.path, appliance.disk_format)
    sectors = -(-appliance.size // _SECTOR)  # qemu wants whole ones; the tar is padded to them
    return DiskSource(appliance.path, appliance.disk_format, appliance.offset, sectors * _SECTOR)


def _import_failed(disk: EngineDisk) -> ImportFailed:
    space = os.statvfs(disk.path)
    free = space.f_bavail * space.f_frsize
    why = "the file system is full" if free < 16 * MIB else "the hypervisor stopped copying"
    folder = Path(disk.path).parent
    return ImportFailed(
        disk.path,
        why=f"{why} ({free / GIB:.1f} GiB free)",
        hint="Make room, then resume; look at:",
        command=f"df -h {folder}",
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        hint = "Answer OVEHOSTED_VM/ovfArchive with the path of an OVA or a disk image; look at this one with:"
        raise ApplianceUnreadable(
            str(path), why=error.strerror or str(error), where=str(path), hint=hint,
            command=f"ls -ld {shlex.quote(str(path))}",
        ) from error  # fmt: skip


def _conf_beside(path: Path, host: Host) -> Iterator[tuple[Path, str]]:
    """Give path and text of the `.conf` that speaks of this image: in the operators' folder, or beside the file."""
    for conf in (*sorted(host.paths.etc.glob("*appliance*.conf")), *sorted(path.parent.glob("*appliance*.conf"))):
        text = conf.read_text(errors="replace")
        named = [line.partition("=")[2].strip() for line in text.splitlines() if line.startswith("path=")]
        if any(name == str(path) or name == path.name for name in named):
            yield conf, text


def _fingerprint(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and checks."""
    return (find_appliances, open_appliance, disk_size, create_disk, finish_import, commit_disk)
