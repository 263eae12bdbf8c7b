"""Domains of libvirt."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import libvirt

from hosted_setup.adapters import libvirt_xml
from hosted_setup.adapters.libvirt_connection import Kind, Link, absent_ok, words
from hosted_setup.model.messages import N_, _
from hosted_setup.ports.hypervisor import DomainInfo, DomainState
from hosted_setup.ports.problems import HypervisorFault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

_DOMAIN: Final = Kind(N_("domain"), N_("the engine VM"), libvirt.VIR_ERR_NO_DOMAIN, "dominfo")
_STATES: Final = {
    libvirt.VIR_DOMAIN_PAUSED: DomainState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTOFF: DomainState.OFF,
    libvirt.VIR_DOMAIN_CRASHED: DomainState.CRASHED,
}
_FORGET_ALL: Final = (
    libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)
# What libvirt answers to a second request while the guest has not let go yet.
_UNPLUGGING: Final = "in the process of unplug"


class Domains(Link):
    """The domain half of the hypervisor port."""

    def domain_named(self, name: str) -> DomainInfo | None:
        """Find a domain by name."""
        return self.look_up(_DOMAIN, name, lambda: _info(self.connection().lookupByName(name)))

    def domain(self, uuid: str) -> DomainInfo | None:
        """Find a domain by UUID."""
        return self.look_up(_DOMAIN, uuid, lambda: _info(self._get(uuid)))

    def define(self, xml: str) -> None:
        """Define a domain, or replace the definition of the same UUID; raises NameTaken for another one's name."""
        with self.defining(_DOMAIN, xml, self.domain_named):
            self.connection().defineXML(xml)

    def start(self, uuid: str, files: Mapping[str, Path]) -> None:
        """Start a defined domain; `files` maps fd groups of its XML to files to be opened read-only here."""
        with ExitStack() as held, self.asking(_("starting the domain {uuid}", uuid=uuid)):
            domain = self._get(uuid)
            for group, path in files.items():
                descriptor = _open(path)
                held.callback(os.close, descriptor)
                domain.FDAssociate(group, [descriptor])
            domain.create()

    def go_on(self, uuid: str) -> None:
        """Have a stalled domain go on, with what its storage has refused; another one goes on anyway."""
        with self.asking(_("letting the domain {uuid} go on", uuid=uuid)):
            domain = self._get(uuid)
            if _state(domain) is DomainState.STALLED:
                domain.resume()

    def destroy(self, uuid: str) -> None:
        """Cut the power."""
        with self.asking(_("stopping the domain {uuid}", uuid=uuid)), _absent_ok():
            domain = self._get(uuid)
            with absent_ok(libvirt.VIR_ERR_OPERATION_INVALID):  # it is not running
                domain.destroy()

    def undefine(self, uuid: str) -> None:
        """Forget the definition, with its NVRAM."""
        with self.asking(_("undefining the domain {uuid}", uuid=uuid)), _absent_ok():
            domain = self._get(uuid)
            if domain.isPersistent():
                domain.undefineFlags(_FORGET_ALL)

    def pull(self, uuid: str, disk: str) -> None:
        """Start moving the backing file's data into `disk`; does nothing when one is under way."""
        with self.asking(_("moving the data of {disk} of the domain {uuid}", disk=disk, uuid=uuid)):
            domain = self._get(uuid)
            if not domain.blockJobInfo(disk):
                domain.blockPull(disk)

    def pull_left(self, uuid: str, disk: str) -> int | None:
        """Give the bytes a pull has still to move; None when no pull is under way."""
        with self.asking(_("asking for the progress of {disk} of the domain {uuid}", disk=disk, uuid=uuid)):
            job = self._get(uuid).blockJobInfo(disk)
        return job["end"] - job["cur"] if job else None

    def has_backing(self, uuid: str, disk: str) -> bool:
        """Tell whether the running domain's `disk` still depends on a backing file."""
        return libvirt_xml.has_backing(self._live_xml(uuid), disk)

    def detach_disk(self, uuid: str, disk: str) -> None:
        """Ask the running guest to let go of a disk (it takes a moment; see `disks`)."""
        element = libvirt_xml.disk_xml(self._live_xml(uuid), disk)
        if element is None:
            return
        with self.asking(_("detaching {disk} from the domain {uuid}", disk=disk, uuid=uuid)):
            try:
                self._get(uuid).detachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            except libvirt.libvirtError as error:
                if _UNPLUGGING not in words(error):
                    raise

    def disks(self, uuid: str) -> tuple[str, ...]:
        """Give the targets of the running domain's disks which hold a medium."""
        return libvirt_xml.targets_with_medium(self._live_xml(uuid))

    def _live_xml(self, uuid: str) -> str:
        with self.asking(_("reading the domain {uuid}", uuid=uuid)):
            return self._get(uuid).XMLDesc()

    def _get(self, uuid: str) -> libvirt.virDomain:
        return self.connection().lookupByUUIDString(uuid)


def _info(domain: libvirt.virDomain) -> DomainInfo:
    mark = libvirt_xml.mark(domain.XMLDesc())
    return DomainInfo(domain.UUIDString(), domain.name(), _state(domain), domain.ID(), mark)


def _state(domain: libvirt.virDomain) -> DomainState:
    state, reason = domain.state()
    if state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_IOERROR:
        return DomainState.STALLED
    return _STATES.get(state, DomainState.RUNNING)  # blocked, in shutdown: still there


def _absent_ok() -> AbstractContextManager[None]:
    return absent_ok(_DOMAIN.absent)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        detail = _("{path} cannot be opened for the domain", path=path)
        why, command = error.strerror or str(error), f"ls -l {shlex.quote(str(path))}"
        raise HypervisorFault(detail, why=why, where=str(path), hint=_("Look at it:"), command=command) from error
