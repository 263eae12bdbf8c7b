"""Creates the storage domain, whole or not at all."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hosted_plugins.additional_host import NewEngine
from hosted_plugins.backup import Backup
from hosted_plugins.image import OpenedAppliance
from hosted_plugins.storage import Storage, StorageBackends, StorageChoice, StorageHome
from hosted_plugins.storage.mounting import GLUSTER, mount_point
from hosted_plugins.vm import VmAnswers
from hosted_setup.domain.block_layout import room_for
from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.tarheader import shown
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.values import GIB, MIB
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.problems import CLEANUP
from hosted_setup.storage import StorageBackend
from hosted_setup.storage.domain import StorageDomain, is_reached

FIRST: Final = 1  # the host id of whoever makes the domain
SPARE: Final = 2 * GIB  # beside what the appliance's disk takes now: room for the restore and the first days
OWN: Final = 20 * MIB  # what a storage domain itself takes: the lockspace, and the configuration with its copies


class StorageFull(Problem):
    """The storage has too little room for the engine VM's disk."""

    code = "HE-STORAGE-SPACE"
    title = "The storage has too little free space"


class LunSmall(Problem):
    """The LUN has too little room for the engine VM's disk."""

    code = "HE-LUN-SMALL"
    title = "The LUN is too small"


class StorageBackup(Problem):
    """There is no room for a copy of the engine VM's disk."""

    code = "HE-STORAGE-BACKUP"
    title = "The storage has no room for a backup of the disk"


class StorageGrowth(Problem):
    """The engine VM's disk may grow beyond the room there is."""

    code = "HE-STORAGE-GROWTH"
    title = "The disk may outgrow the storage"


@check("Storage", within=10.0)
def usable(storage: Storage, backends: StorageBackends, opened: OpenedAppliance, vm: VmAnswers, host: Host) -> None:
    """Prove that the storage can be used and has the room."""
    backend = backends.by_kind[storage.kind]
    if problem := backend.lacking(storage.answers, host):
        raise problem
    backend.check(storage.answers, host)
    free = backend.free(storage.answers, host)
    if backend.whole:
        _has_room(vm.disk_gib, free, storage, backend)
        return
    disk = opened.appliance.size or opened.appliance.virtual_size
    needed = disk + SPARE + OWN
    at = storage.connection
    if free < needed:
        detail = _("{free:.1f} GiB free at {at}, {needed:.1f} GiB needed", free=free / GIB, at=at, needed=needed / GIB)
        why = _(
            "{disk:.1f} GiB for the appliance's data, {spare:.1f} GiB for the restore and the first days",
            disk=disk / GIB,
            spare=SPARE / GIB,
        )
        hint = _("Make room, or answer another OVEHOSTED_STORAGE/storageDomainConnection; look at it with:")
        raise StorageFull(detail, why=why, where=at, hint=hint, command=backend.command(storage.answers))


def _has_room(disk_gib: int, free: int, storage: Storage, backend: StorageBackend[Any]) -> None:
    """Refuse a LUN on which the disk cannot grow to its whole size."""
    needed = room_for(disk_gib * GIB)
    if free < needed:
        where = storage.connection
        why = _("the disk may grow to {disk} GiB, and has to have that room at once", disk=disk_gib)
        raise LunSmall(
            _("room for {free:.1f} GiB, {needed:.1f} GiB needed", free=free / GIB, needed=needed / GIB),
            why=why,
            where=where,
            hint=_("Take a larger LUN, or answer a smaller OVEHOSTED_STORAGE/imgSizeGB; look at the LUNs with:"),
            command=backend.command(storage.answers),
        )


@check("Storage growth", blocking=False)
def growth(storage: Storage, backends: StorageBackends, vm: VmAnswers, host: Host) -> None:
    """Warn when the disk may grow beyond the room there is; what cannot be measured is the storage check's."""
    backend = backends.by_kind[storage.kind]
    if backend.whole:
        return
    try:
        free = backend.free(storage.answers, host)
    except (Problem, OSError):
        return
    if free < vm.disk_gib * GIB:
        raise StorageGrowth(
            _(
                "the disk may grow to {disk} GiB, {free:.1f} GiB are free at {connection}",
                disk=vm.disk_gib,
                free=free / GIB,
                connection=storage.connection,
            ),
            why=_("the disk is thin: it takes room as the engine VM writes"),
            where=storage.connection,
            hint=_("Make room in time, or answer a smaller OVEHOSTED_STORAGE/imgSizeGB; look at it with:"),
            command=backend.command(storage.answers),
        )


@check("Storage for a backup", blocking=False)
def backup_room(
    storage: Storage, backends: StorageBackends, opened: OpenedAppliance, vm: VmAnswers, host: Host
) -> None:
    """Warn when the disk has room to grow, and a copy of it, as an upgrade makes one, has none beside it."""
    backend = backends.by_kind[storage.kind]
    try:
        free = backend.free(storage.answers, host)
    except (Problem, OSError):
        return
    disk = room_for(vm.disk_gib * GIB) if backend.whole else vm.disk_gib * GIB
    copy = disk if backend.whole else (opened.appliance.size or opened.appliance.virtual_size) + SPARE
    if disk <= free < disk + OWN + copy:
        raise StorageBackup(
            _("{free:.1f} GiB free at {at}, {needed:.1f} GiB needed for both", free=free / GIB, at=storage.connection,
              needed=(disk + OWN + copy) / GIB),
            why=_("the disk may grow to {disk} GiB; a copy of it takes {copy:.1f} GiB at first", disk=vm.disk_gib,
                  copy=copy / GIB),
            where=storage.connection,
            hint=_("Make room in time, or have backups elsewhere; look at the storage with:"),
            command=backend.command(storage.answers),
        )  # fmt: skip


class StorageMounted(Problem):
    """The storage is mounted where oVirt mounts its storage domains."""

    code = "HE-STORAGE-MOUNTED"
    title = "The storage is in use by this host already"


@check("Storage in use", blocking=False)
def in_use(new: NewEngine, storage: Storage, host: Host) -> None:
    """Warn a new engine of the mount point of another engine's storage domain, the old engine's for one."""
    for folder in ("", GLUSTER):
        point = mount_point(host, storage.connection, folder)
        found = host.mounts.mounted(point)
        if found is not None and found.source == storage.connection:
            raise StorageMounted(
                _("{source} is mounted on {point}", source=found.source, point=point),
                why=_("a new engine in the place of the old one's storage domain may cost VMs their data"),
                where=str(point),
                hint=_("Answer storage that no other engine has, or see what lies there first:"),
                command=f"find {shlex.quote(str(point))} -maxdepth 3 -name metadata",
            )


class StorageOld(Problem):
    """A storage domain of the engine that the backup is of lies on the storage."""

    code = "HE-STORAGE-OLD"
    title = "The storage is the old engine's"


@check("Storage of the old engine", blocking=False)
def old(new: NewEngine, storage: Storage, backends: StorageBackends, backup: Backup) -> None:
    """Warn a restore of a server's storage that a domain of the old engine lies on, as its backup tells."""
    domains = backup.facts.domains if backup.facts else ()
    found = next((one for one in domains if one.lies_at(storage.connection)), None)
    if found is not None:
        raise StorageOld(
            _("the backup has the storage domain {name} at {connection}", name=shown(found.name),
              connection=storage.connection),
            why=_("a new engine in the place of the old one's storage domain may cost VMs their data"),
            where=storage.connection,
            hint=_("Answer storage that no other engine has, or see what lies there first:"),
            command=backends.by_kind[storage.kind].command(storage.answers),
        )  # fmt: skip


class DomainShared(Problem):
    """Other hosts have joined the engine that lives in the domain."""

    code = "HE-DOMAIN-SHARED"
    title = "Other hosts use the storage domain"


@dataclass(frozen=True)
class RemoveDomain(Undo, name="storage-domain.remove"):
    """Removes a storage domain that this run made, and what is left of one it was making."""

    domain: StorageDomain

    def refuse(self, host: Host) -> None:
        """Refuse while other hosts have a host id there; what cannot be read now is told by the removal."""
        try:
            there = self.domain.on(host)
            slots = there.hosts().values() if there.made_by(host.run_id) else ()
        except (OSError, Problem):
            return
        if others := ", ".join(f"{slot.name} ({slot.number})" for slot in slots if slot.run != host.run_id):
            raise DomainShared(
                _("{hosts} in {domain}", hosts=others, domain=self.domain),
                why=_("their engine VM would lose its disk"),
                hint=_("Nothing was removed. Run this on each of them first, then here:"),
                command=CLEANUP,
            )

    def apply(self, host: Host) -> None:
        """Remove what carries this run's mark; anything else of that name stays."""
        for place in self.domain.on(host).remove(host.run_id):
            left = _("{place} is left: there is something in it that this run has not made", place=place)
            host.reporter.emit(Warn(left))

    def describe(self) -> str:
        """Name the domain."""
        return _("storage domain {domain}", domain=self.domain)


def _there(domain: StorageDomain, host: Host) -> bool:
    return domain.on(host).made_by(host.run_id)


def _reached(storage: StorageHome, host: Host) -> bool:
    return is_reached(storage.home, host)


@step(Stage.TRANSACTION, "Reach the storage", holds=_reached)
def attach_storage(storage: Storage, backends: StorageBackends, host: Host, undo: UndoLog) -> StorageHome:
    """Attach the storage through the chosen back end."""
    return StorageHome(backends.by_kind[storage.kind].attach(storage.answers, host, undo))


@step(Stage.TRANSACTION, "Create the storage domain", holds=_there)
def create_domain(choice: StorageChoice, storage: StorageHome, host: Host, undo: UndoLog) -> StorageDomain:
    """Make a domain under a name that is nobody else's; it is there whole or not at all."""
    domain = StorageDomain(str(uuid.uuid4()), storage.home)
    undo.before(RemoveDomain(domain))
    layout, facts = domain.on(host), host.machine.facts()
    layout.create(str(choice.name), host.run_id)
    layout.reserve(HostSlot(FIRST, facts.hostname, facts.uuid, host.run_id, host.clock.now().isoformat()))
    return domain


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and checks."""
    return (usable, growth, backup_room, in_use, old, attach_storage, create_domain)
