"""Pretended domains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml.ElementTree import fromstring

from hosted_setup.adapters import libvirt_xml
from hosted_setup.ports.hypervisor import DomainInfo, DomainState
from hosted_setup.ports.problems import HypervisorFault, NameTaken
from hosted_setup.testing.guest import boot
from hosted_setup.testing.state import Domain, Guest, Network, load, load_all, save
from hosted_setup.testing.storehouse import Storehouse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


class FakeDomains(Storehouse):
    """The domain half of `ports.hypervisor.Hypervisor`."""

    def domain_named(self, name: str) -> DomainInfo | None:
        """Find a domain by name."""
        self.must_answer()
        return next((_info(one) for one in load_all(self.domains, Domain) if one.name == name), None)

    def domain(self, uuid: str) -> DomainInfo | None:
        """Find a domain by UUID."""
        self.must_answer()
        found = load(self.domain_file(uuid), Domain)
        return None if found is None else _info(found)

    def define(self, xml: str) -> None:
        """Define a domain, or replace the definition of the same UUID; raises NameTaken for another one's name."""
        name, uuid = libvirt_xml.identity(xml)
        holder = self.domain_named(name)
        if holder is not None and holder.uuid != uuid:
            detail = f"the domain {name} exists already, with the UUID {holder.uuid}"
            raise NameTaken(detail, command=f"virsh -c '{self.uri}' dominfo {holder.uuid}")
        domain = load(self.domain_file(uuid), Domain) or Domain(uuid, name, xml)
        if domain.name != name:
            why = f"operation failed: domain '{domain.name}' is already defined with uuid {uuid}"
            raise HypervisorFault(f"defining the domain {name}", why=why)
        domain.xml, domain.name = xml, name
        self.keep(domain)

    def start(self, uuid: str, files: Mapping[str, Path]) -> None:
        """Start a defined domain; `files` maps fd groups of its XML to files to be opened read-only here."""
        domain = self._get(uuid, "starting")
        if domain.live:
            raise HypervisorFault(f"starting the domain {uuid}", why="domain is already running")
        self._must_open(domain, files)
        domain.live = domain.xml
        domain.boot = self.next_boot()
        domain.crashed = False
        domain.guest = boot(domain.live, files, self.behaviour, self.clock.monotonic())
        self.keep(domain)

    def go_on(self, uuid: str) -> None:
        """Have a stalled domain go on, with what its storage has refused; another one goes on anyway."""
        domain = self._running(uuid, "letting go on")
        domain.stalled = False
        self.keep(domain)

    def destroy(self, uuid: str) -> None:
        """Cut the power."""
        self.must_answer()
        domain = load(self.domain_file(uuid), Domain)
        if domain is not None:
            domain.live, domain.boot, domain.stalled = "", -1, False
            domain.pulls, domain.detaching, domain.guest = {}, [], Guest()
            self.keep(domain)

    def undefine(self, uuid: str) -> None:
        """Forget the definition, with its NVRAM."""
        self.must_answer()
        domain = load(self.domain_file(uuid), Domain)
        if domain is not None:
            domain.persistent = False
            self.keep(domain)

    def pull(self, uuid: str, disk: str) -> None:
        """Start moving the backing file's data into `disk`; does nothing when one is under way."""
        domain = self._running(uuid, "moving the data of a disk of")
        domain.pulls.setdefault(disk, self.behaviour.pull_steps)
        self.keep(domain)

    def pull_left(self, uuid: str, disk: str) -> int | None:
        """Give the bytes a pull has still to move; each question moves some of them."""
        domain = self._running(uuid, "asking for the progress of")
        left = domain.pulls.pop(disk, None)
        if left is not None and left > 0:
            domain.pulls[disk] = left - 1
        elif left is not None and not self.behaviour.pull_fails:
            domain.live = _without_backing(domain.live, disk)
        self.keep(domain)
        return left * 1048576 if left else None

    def has_backing(self, uuid: str, disk: str) -> bool:
        """Tell whether the running domain's `disk` still depends on a backing file."""
        return libvirt_xml.has_backing(self._get(uuid, "reading").live, disk)

    def detach_disk(self, uuid: str, disk: str) -> None:
        """Ask the running guest to let go of a disk; it does before the second look at `disks`."""
        domain = self._running(uuid, "detaching a disk of")
        if disk in libvirt_xml.targets_with_medium(domain.live) and disk not in domain.detaching:
            domain.detaching.append(disk)
            self.keep(domain)

    def disks(self, uuid: str) -> tuple[str, ...]:
        """Give the targets of the running domain's disks which hold a medium."""
        domain = self._get(uuid, "reading")
        if domain.detaching and self.behaviour.lets_go:
            for disk in domain.detaching:
                domain.live = _without_medium(domain.live, disk)
            domain.detaching = []
            self.keep(domain)
        return libvirt_xml.targets_with_medium(domain.live or domain.xml)

    def keep(self, domain: Domain) -> None:
        """Write a domain down; one that is neither defined nor running is gone."""
        if domain.live or domain.persistent:
            save(self.domain_file(domain.uuid), domain)
        else:
            self.domain_file(domain.uuid).unlink(missing_ok=True)

    def _get(self, uuid: str, deed: str) -> Domain:
        self.must_answer()
        domain = load(self.domain_file(uuid), Domain)
        if domain is None:
            why = f"Domain not found: no domain with matching uuid '{uuid}'"
            raise HypervisorFault(f"{deed} the domain {uuid}", why=why)
        return domain

    def _running(self, uuid: str, deed: str) -> Domain:
        domain = self._get(uuid, deed)
        if not domain.live:
            why = "Requested operation is not valid: domain is not running"
            raise HypervisorFault(f"{deed} the domain {uuid}", why=why)
        return domain

    def _must_open(self, domain: Domain, files: Mapping[str, Path]) -> None:
        for file in files.values():
            try:
                file.open("rb").close()
            except OSError as error:
                detail = f"{file} cannot be opened for the domain"
                raise HypervisorFault(detail, why=error.strerror or str(error), where=str(file)) from error
        active = {one.name for one in load_all(self.networks, Network) if one.active}
        for why in _missing(domain.xml, files, active):
            raise HypervisorFault(f"starting the domain {domain.uuid}", why=why)


def _missing(xml: str, files: Mapping[str, Path], active: Collection[str]) -> Iterator[str]:
    root = fromstring(xml)
    for source in root.iterfind("devices/disk//source"):
        group, name = source.get("fdgroup"), source.get("file")
        if group is not None and group not in files:
            yield f"file descriptor group '{group}' was not associated with the domain"
        if group is None and name is not None and not Path(name).exists():
            yield f"Cannot access storage file '{name}': No such file or directory"
    for source in root.iterfind("devices/interface[@type='network']/source"):
        if source.get("network") not in active:
            yield f"network '{source.get('network')}' is not active"


def _info(domain: Domain) -> DomainInfo:
    state = DomainState.OFF
    if domain.live:
        state = DomainState.STALLED if domain.stalled else DomainState.RUNNING
    elif domain.crashed:
        state = DomainState.CRASHED
    return DomainInfo(domain.uuid, domain.name, state, domain.boot, libvirt_xml.mark(domain.xml))


def _without_medium(xml: str, target: str) -> str:
    return libvirt_xml.edited(xml, target, ("source", "backingStore"))


def _without_backing(xml: str, target: str) -> str:
    return libvirt_xml.edited(xml, target, ("backingStore",))
