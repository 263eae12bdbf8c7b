"""Fibre Channel, and every other LUN that this host's kernel has as a block device."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hosted_plugins.storage.luns import (
    FoundLun,
    LunWipe,
    LunWipeTyped,
    confirmed,
    looked,
    refuse_slow,
    room,
    watched,
    wipe,
)
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import DeviceAt, Home, LunHome
from hosted_setup.ports.luns import HostLun
from hosted_setup.storage import StorageBackend, discovery
from hosted_setup.storage.domain import domain_on
from hosted_setup.storage.layout import Layout


class DeviceMissing(Problem):
    """This host has no such LUN."""

    code = "HE-LUN-MISSING"
    title = "This host has no such LUN"


@dataclass(frozen=True)
class KernelLun:
    """A LUN of this host, and how many of its paths are up."""

    path: str
    paths_up: int
    paths: int
    found: FoundLun

    def choice(self) -> Choice:
        """Give it as an item of a pick list."""
        one = self.found.choice(self.path, _show(self.path))
        words = _("paths up: {up} of {paths}", up=self.paths_up, paths=self.paths)
        return Choice(one.value, f"{one.description}, {words}", one.unfit, one.problem)


@dataclass(frozen=True)
class ListedLuns:
    """The LUNs that this host's kernel has, with what is on them."""

    luns: tuple[KernelLun, ...]


@dataclass(frozen=True)
class KernelLuns:
    """The same, and who was seen to live on the one that is to be wiped."""

    luns: tuple[KernelLun, ...]


@step(Stage.CUSTOMIZATION, "Look at this host's LUNs", version=2, within=60.0)
def look_at_luns(wanted: LunWipe, host: Host) -> ListedLuns:
    """Look at every LUN and at what is on it, all at once: several may keep us waiting."""
    luns = host.luns.listed()
    with ThreadPoolExecutor(max(len(luns), 1)) as threads:
        return ListedLuns(tuple(threads.map(lambda one: _looked(one, host, wanted, patient=False), luns)))


@step(Stage.CUSTOMIZATION, "See who lives on the LUN to be wiped")
def see_who_lives(listed: ListedLuns, host: Host) -> KernelLuns:
    """Watch it for as long as a host may take to renew its lease, which is longer than a look may take."""
    return KernelLuns(
        tuple(replace(one, found=watched(host, one.found, partial(host.luns.read, one.path))) for one in listed.luns)
    )


def discovered(host: Host) -> list[discovery.Lun]:
    """Look at every LUN of this host."""
    return [
        one.found.shown(one.path, _show(one.path), number=None, path=one.path, up=one.paths_up, paths=one.paths)
        for one in look_at_luns(LunWipe(wwid=""), host).luns
    ]


def _luns(found: KernelLuns) -> list[Choice]:
    return [one.choice() for one in found.luns]


def _is_there(lun: str, found: KernelLuns, wanted: LunWipe, host: Host) -> None:
    """Accept what is listed, and whatever is a block device that can be taken."""
    listed = next((one for one in found.luns if one.found.wwid == lun), None)
    if listed is None and (problem := _taken(lun, found, host, wanted).found.unfit(lun, _show(lun))):
        raise problem


@section("Storage")
class FcLun:
    """Which of this host's LUNs."""

    lun: str = ask(
        "LUN", key="OVEHOSTED_STORAGE/LunID", offer=_luns, closed=False, check=_is_there,
        help="The identifier (WWID) of the LUN, or the path of its block device; the storage domain takes all of it.",
    )  # fmt: skip


@dataclass(frozen=True)
class FcWanted:
    """The LUN that was chosen."""

    lun: KernelLun

    def effects(self) -> tuple[str, ...]:
        """Tell what is lost."""
        return self.lun.found.effects()


@step(Stage.CUSTOMIZATION, "Take the LUN")
def take(found: KernelLuns, chosen: FcLun, wanted: LunWipe, typed: LunWipeTyped, host: Host) -> FcWanted:
    """Find it; a path as it was answered."""
    lun = _taken(chosen.lun, found, host, wanted)
    return FcWanted(replace(lun, found=confirmed(lun.found, typed)))


class Fc(StorageBackend[FcWanted]):
    """The back end for `domainType=fc`."""

    kind = "fc"
    title = "a LUN that this host sees as a block device, over Fibre Channel for one"
    answers = FcWanted
    whole = True
    discover = staticmethod(discovered)

    def connection(self, want: FcWanted) -> str:
        """Give the identifier, or the path of a device without one."""
        return want.lun.found.wwid

    def entity(self, want: FcWanted) -> dict[str, object]:
        """Name the LUN; the engine has its own word for the kind."""
        return {"type": "fcp", "path": self.connection(want)}

    def conf(self, want: FcWanted) -> dict[str, str]:
        """Say which LUN."""
        return {"lun_id": self.connection(want)}

    def command(self, want: FcWanted) -> str:
        """Give the command that shows the LUN."""
        return _show(want.lun.path)

    def check(self, want: FcWanted, host: Host) -> None:
        """Look at the LUN again: it is there, it is as large as before, and nothing has come to it."""
        device = host.luns.device(want.lun.path)
        if device is None or device.size != want.lun.found.size:
            raise _missing(want.lun.path)
        wanted = LunWipe(wwid=want.lun.found.wwid if want.lun.found.wipe else "")
        if problem := _looked(device, host, wanted, patient=False).found.refused(want.lun.path, _show(want.lun.path)):
            raise problem

    def free(self, want: FcWanted, host: Host) -> int:
        """Give what a disk can have on the LUN."""
        return room(want.lun.found.size)

    def looking(self, want: FcWanted, host: Host) -> AbstractContextManager[Sequence[Layout]]:
        """Look at the device; what is going to be wiped is nobody's any more."""
        if want.lun.found.wiped:
            return nullcontext(())
        return nullcontext(domain_on(_home(want), partial(host.luns.read, want.lun.path), host))

    def attach(self, want: FcWanted, host: Host, undo: UndoLog) -> Home:
        """Use the device as it is; nothing is changed, unless it is to be wiped."""
        home = _home(want)
        if want.lun.found.wiped:
            wipe(host, home, partial(host.luns.read, want.lun.path), want.lun.found, _show(want.lun.path))
        return home


def _home(want: FcWanted) -> LunHome:
    return LunHome(DeviceAt(want.lun.path), want.lun.found.size)


def _taken(lun: str, found: KernelLuns, host: Host, wanted: LunWipe) -> KernelLun:
    listed = next((one for one in found.luns if one.found.wwid == lun), None)
    if listed is not None:
        return listed
    device = host.luns.device(lun) if lun.startswith("/") else None
    if device is None:
        raise _missing(lun)
    return _looked(device, host, wanted)


def _looked(lun: HostLun, host: Host, wanted: LunWipe, *, patient: bool = True) -> KernelLun:
    # A device without an identifier goes by its path.
    found = FoundLun(lun.wwid or lun.path, 0, lun.size, lun.block, lun.vendor, lun.product, lun.serial, lun.read_only)
    if lun.size:
        found = looked(host, found, partial(host.luns.read, lun.path), wanted, patient=patient)
    return KernelLun(lun.path, lun.paths_up, lun.paths, found)


def _missing(lun: str) -> DeviceMissing:
    hint = _("Answer a LUN that this host has; these are its block devices:")
    command = "lsblk --output PATH,SIZE,TYPE,VENDOR,MODEL,WWN"
    return DeviceMissing(
        lun, why=_("no block device has that identifier or path, or its size"), hint=hint, command=command
    )


def _show(path: str) -> str:
    return f"lsblk {shlex.quote(path)}"


@check("LUN latency", blocking=False, within=10.0)
def latency(want: FcWanted, host: Host) -> None:
    """Warn of a LUN so slow that sanlock would lose leases; what cannot be measured is the storage check's."""
    refuse_slow(partial(host.luns.read, want.lun.path), want.lun.path, _show(want.lun.path))


@hookimpl
def hosted_setup_steps() -> Sequence[Any]:
    """Register the steps and the check."""
    return (look_at_luns, see_who_lives, take, latency)


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend[Any]]:
    """Register the back end."""
    return (Fc(),)
