"""Makes the engine VM's disk of the appliance, without a temporary copy.

A plain OVA or a bare disk: the new disk starts as an overlay, the VM boots from inside the appliance file at once and
the data is pulled over while it runs. A gzip'd OVA cannot be read in the middle: it is inflated straight into the new
disk. Where open files cannot be handed to libvirt: a plain copy.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hosted_plugins.bootstrap import EngineReady
from hosted_plugins.image import (
    CurrentDisk,
    EngineDisk,
    ImportedDisk,
    OpenedAppliance,
)
from hosted_plugins.image.file import opened
from hosted_plugins.vm import DISK, EngineVm, Settled, VmAnswers, at_work, never_started
from hosted_setup.domain.appliance import Appliance, Form, disk_member, firmware_of
from hosted_setup.domain.pointer import Pointer
from hosted_setup.files import passes_cache
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Waiting
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.model.values import GIB, MIB
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.storage.watch import StorageWatch, told_meanwhile

_SECTOR: Final = 512
IMPORT_DEADLINE: Final = 3600.0


class ImportFailed(Problem):
    """The appliance's data did not arrive in the storage domain."""

    code = "HE-IMPORT"
    title = "The appliance could not be copied into the storage domain"
    exit_code = ExitCode.FAILED


@dataclass(frozen=True)
class RemoveVolume(Undo, name="volume.remove"):
    """Removes one disk, in a storage domain that this run made."""

    domain: StorageDomain
    volume: str  # a fresh UUID: nobody else's volume can have it

    def apply(self, host: Host) -> None:
        """Remove the volume, if the domain carries this run's mark."""
        layout = self.domain.on(host)
        if layout.removable(host.run_id):
            layout.remove_volume(self.volume)

    def describe(self) -> str:
        """Name the disk."""
        return _("disk {volume}", volume=self.volume)


def _stands(disk: EngineDisk, host: Host) -> bool:
    """Tell whether the disk is as it was made, or is in the hands of a VM that still works on it.

    A VM that died or failed half-way leaves a disk that nobody can vouch for: it is made anew.
    """
    return disk.domain.on(host).has(disk.volume) and (never_started(host) or at_work(disk.vm, host))


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
    layout, size = domain.on(host), vm.disk_gib * GIB
    in_place = (
        appliance.offset is not None
        and hypervisor.passes_files
        # what lies below a disk is opened the way the disk is
        and (not domain.home.shared or passes_cache(Path(appliance.path)))
    )
    target = layout.add_volume(volume, appliance.disk_format if appliance.form is Form.GZIP_OVA else "qcow2", size)
    with told_meanwhile(host, domain):
        if appliance.form is Form.GZIP_OVA:
            _inflate(appliance, target, host)
        elif in_place:
            host.images.create(target, size)
        else:
            copied = _progress(host, _("{path} to be copied", path=appliance.path))
            host.images.convert(_source(appliance), target, copied)
        host.images.grow(target, size)
    if not in_place:
        layout.imported(volume)
    head = host.images.head(target if appliance.offset is None else _source(appliance), MIB)
    firmware = firmware_of(head).value if vm.firmware.value == "auto" else vm.firmware.value
    return EngineDisk(machine, domain, volume, target, firmware, _source(appliance) if in_place else None)


@step(Stage.TRANSACTION, "Finish importing the disk")
def finish_import(disk: EngineDisk, vm: EngineVm, ready: EngineReady, host: Host) -> ImportedDisk:
    """Wait until the running VM's disk depends on nothing but itself."""
    layout = disk.domain.on(host)
    imported = ImportedDisk(disk.volume, disk.source.format)
    if disk.backing is None or not layout.is_importing(disk.volume):
        return imported

    if host.hypervisor.has_backing(vm.uuid, DISK):
        host.hypervisor.pull(vm.uuid, DISK)  # it may have stopped before a resume, and there may be room by now

    storage = StorageWatch(host, disk.domain, vm.uuid)

    def pulled() -> bool | None:
        storage.go_on()
        if host.hypervisor.pull_left(vm.uuid, DISK) is not None:
            return None
        if host.hypervisor.has_backing(vm.uuid, DISK):
            raise _import_failed(disk, host)
        return True

    try:
        wait_until(host, pulled, within=IMPORT_DEADLINE, what=_("the disk to be copied into the storage domain"))
    except DeadlineExceeded as error:
        raise _import_failed(disk, host) from error
    layout.imported(disk.volume)
    return imported


@dataclass(frozen=True)
class RemovePointer(Undo, name="disk.pointer"):
    """Removes the pointer to the current disk, if it names this run's disk."""

    domain: StorageDomain
    volume: str

    def apply(self, host: Host) -> None:
        """Remove the pointer, and an unfinished one."""
        layout = self.domain.on(host)
        if layout.removable(host.run_id):
            layout.drop_pointer(self.volume)


@step(Stage.TRANSACTION, "Make the disk the engine's current one", commits=True)
def commit_disk(disk: ImportedDisk, domain: StorageDomain, settled: Settled, host: Host, undo: UndoLog) -> CurrentDisk:
    """Switch the pointer: from here on the way is forward only."""
    undo.before(RemovePointer(domain, disk.volume))
    domain.on(host).point_to(Pointer(disk.volume, disk.format))
    return CurrentDisk(disk.volume)


def _inflate(appliance: Appliance, target: DiskSource, host: Host) -> None:
    report = _progress(host, _("{path} to be inflated", path=appliance.path))

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            done += len(chunk)
            report(100 * done / (appliance.size or done))
            yield chunk

    with opened(Path(appliance.path)) as stream:
        host.images.write(target, counted(disk_member(stream, appliance)))


def _progress(host: Host, what: str) -> Callable[[float], None]:
    begun = host.clock.monotonic()
    return lambda percent: host.reporter.emit(Waiting(f"{what}, {percent:.0f} %", host.clock.monotonic() - begun))


def _source(appliance: Appliance) -> DiskSource:
    at = FileAt(appliance.path)
    if appliance.member is None:
        return DiskSource(at, appliance.disk_format)
    sectors = -(-appliance.size // _SECTOR)  # qemu wants whole ones; the tar is padded to them
    return DiskSource(at, appliance.disk_format, appliance.offset, sectors * _SECTOR)


def _import_failed(disk: EngineDisk, host: Host) -> ImportFailed:
    free = disk.domain.on(host).free()
    why = _("the storage is full") if free < 16 * MIB else _("the hypervisor stopped copying")
    return ImportFailed(
        str(disk.source.at),
        why=_("{why} ({free:.1f} GiB free)", why=why, free=free / GIB),
        hint=_("Make room, then resume; look at:"),
        command=disk.domain.home.command,
    )


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (create_disk, finish_import, commit_disk)
