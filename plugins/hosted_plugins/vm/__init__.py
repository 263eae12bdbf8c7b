"""The engine VM."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from hosted_plugins.backup import Backup
from hosted_plugins.image import OpenedAppliance
from hosted_setup.model.answer import Source, Suggestion
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import GIB, Fqdn, MacAddress, SshPublicKey, VmName, usable_password
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import DomainState
from hosted_setup.ports.machine import MachineFacts
from hosted_setup.storage.domain import StorageDomain

DISK: Final = "vda"  # the name of the engine VM's disk in its definition
SOCKET: Final = "guest.sock"  # in the run's folder: the guest's channel
UP: Final = (DomainState.RUNNING, DomainState.STALLED)
"""A VM that works, or goes on as soon as its storage is back."""

RESERVED_MIB: Final = 512
"""Of the free memory, what the host keeps for itself (he_reserved_memory_MB of the original)."""

_MEMORY_MIN: Final = 512
_MEMORY_MAX_PROPOSED: Final = 16384  # where the appliance asks for nothing: the original's proposal
_MEMORY_ADVISED: Final = 4096  # he_minimal_mem_size_MB of the original
_CPUS_ADVISED: Final = 2
_DISK_ADVISED: Final = 25
_DISK_MAX: Final = 8192
_DETACH_DEADLINE: Final = 60.0
_FAILED: Final = '"event": "failed"'


class Firmware(Enum):
    """What the VM boots by; auto looks at the disk's partition table."""

    AUTO = "auto"
    BIOS = "bios"
    UEFI = "uefi"


class RootAccess(Enum):
    """What sshd's PermitRootLogin will be."""

    YES = "yes"
    NO = "no"
    KEY = "without-password"


def _fqdn_of_backup(backup: Backup) -> Suggestion[Fqdn] | None:
    if backup.facts is None or backup.facts.fqdn is None:
        return None
    return Suggestion(Fqdn.parse(backup.facts.fqdn), Source.BACKUP)


def _cpus(opened: OpenedAppliance, machine: MachineFacts) -> Suggestion[int]:
    return Suggestion(min(opened.appliance.cpus or 4, machine.cpus))


def memory_to_give(machine: MachineFacts) -> int:
    """Give how many MiB this host can give the engine VM: what is free, less what it keeps, and never below 0."""
    return max(0, machine.free_memory_mib - RESERVED_MIB)


def _memory(opened: OpenedAppliance, machine: MachineFacts) -> Suggestion[int]:
    wanted = min(opened.appliance.memory_mib or _MEMORY_MAX_PROPOSED, memory_to_give(machine))
    return Suggestion(max(wanted, _MEMORY_MIN))  # a host without even that is told so, by the check


def disk_needed(opened: OpenedAppliance) -> int:
    """Give the size in GiB of the smallest disk that the appliance's, copied as a whole, has room in."""
    return -(-opened.appliance.virtual_size // GIB)


def _disk(opened: OpenedAppliance) -> Suggestion[int]:
    return Suggestion(max(_DISK_ADVISED, disk_needed(opened)))


def _mac() -> Suggestion[MacAddress]:
    tail = secrets.token_bytes(3)
    return Suggestion(MacAddress(f"00:16:3e:{tail[0] & 0x7F:02x}:{tail[1]:02x}:{tail[2]:02x}"))


def _timezone(machine: MachineFacts) -> Suggestion[str]:
    return Suggestion(machine.timezone)


def _name_of_backup(value: Fqdn, backup: Backup) -> str | None:
    """Warn of another name than the backup's."""
    was = _fqdn_of_backup(backup)
    if was is None or was.value == value:
        return None
    return _("the backup is of {name}: its users and hosts look for the engine under that name", name=was.value)


def _cpu_number(value: int, opened: OpenedAppliance, machine: MachineFacts) -> str | None:
    """Refuse what is no number of CPUs, and warn of too few or of more than there are."""
    if value < 1:
        message = _("{value} is not a positive number", value=value)
        raise ValueError(message)
    advised = min(_CPUS_ADVISED, opened.appliance.cpus or _CPUS_ADVISED)
    if value < advised:
        return _("an engine should have {advised}", advised=advised)
    return (
        _("this host has {cpus}, and the checks will refuse more", cpus=machine.cpus) if value > machine.cpus else None
    )


def _enough_memory(value: int, opened: OpenedAppliance, machine: MachineFacts) -> str | None:
    """Refuse what no engine can run in, and warn of more than there is or less than is advised or asked for."""
    if value < _MEMORY_MIN:
        message = _("{value} MiB is less than the {least} MiB an engine needs", value=value, least=_MEMORY_MIN)
        raise ValueError(message)
    available = memory_to_give(machine)
    if value > available:
        return _("this host can give {available} MiB, and the checks will refuse more", available=available)
    advised = min(_MEMORY_ADVISED, opened.appliance.memory_mib or _MEMORY_ADVISED)
    return _("an engine should have {advised} MiB", advised=advised) if value < advised else None


def _disk_size(value: int, opened: OpenedAppliance) -> str | None:
    """Refuse what is no size of a disk, and warn below the appliance's or below what is advised."""
    if not 1 <= value <= _DISK_MAX:
        message = _("{value} GiB is not between 1 and {most}", value=value, most=_DISK_MAX)
        raise ValueError(message)
    needed = disk_needed(opened)
    if value < needed:
        return _("the appliance needs {needed} GiB, and the checks will refuse less", needed=needed)
    return _("an engine should have {advised} GiB", advised=_DISK_ADVISED) if value < _DISK_ADVISED else None


def _zone(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}", value):
        message = _("{value!r} is not the name of a time zone, such as Europe/Berlin or UTC", value=value)
        raise ValueError(message)


@section("Engine VM")
class VmAnswers:
    """The engine VM's size, name and access."""

    fqdn: Fqdn = ask(
        "Engine VM FQDN", key="OVEHOSTED_NETWORK/fqdn", suggest=_fqdn_of_backup, check=_name_of_backup,
        help="The name users will open in their browser; on a restore it is the backup's.",
    )  # fmt: skip
    vcpus: int = ask(
        "Number of virtual CPUs", key="OVEHOSTED_VM/vmVCpus", suggest=_cpus, check=_cpu_number,
        help="As many as the appliance asks for, if this host has them.",
    )  # fmt: skip
    memory_mib: int = ask(
        "Memory size in MiB", key="OVEHOSTED_VM/vmMemSizeMB", suggest=_memory, check=_enough_memory,
        help="What the appliance asks for, if this host has it; of what is free, 512 MiB are kept for the host.",
    )  # fmt: skip
    disk_gib: int = ask(
        "Disk size in GiB", key="OVEHOSTED_STORAGE/imgSizeGB", suggest=_disk, check=_disk_size,
        help="The disk is thin: it takes what is written to it, and may grow to this.",
    )  # fmt: skip
    mac: MacAddress = ask(
        "Unicast MAC address", key="OVEHOSTED_VM/vmMACAddr", suggest=_mac,
        help="Of the engine VM's network interface, for a fixed lease of a DHCP server; a random one by default.",
    )  # fmt: skip
    root_password: Secret = ask(
        "Root password of the engine VM", key="OVEHOSTED_VM/cloudinitRootPwd", check=usable_password,
        help="For its console, and for SSH where root may use a password.",
    )  # fmt: skip
    root_ssh_key: SshPublicKey | None = ask(
        "Root SSH public key (empty for none)", key="OVEHOSTED_VM/rootSshPubkey", default=None,
        help="The line of a .pub file; its owner can log in as root, unless SSH access for root is no.",
    )  # fmt: skip
    root_access: RootAccess = ask(
        "SSH access for root", key="OVEHOSTED_VM/rootSshAccess", default=RootAccess.YES,
        help="yes: by password and by key; without-password: by key alone; no: not at all.",
    )  # fmt: skip
    timezone: str = ask(
        "Time zone", key="OVEHOSTED_VM/cloudinitVMTZ", suggest=_timezone, check=_zone, asked=False,
        help="Of the engine VM, as in Europe/Berlin; this host's by default.",
    )  # fmt: skip
    name: VmName = ask(
        "Name of the VM", key="HOSTED_ENGINE/vmName", default=VmName("HostedEngine"), asked=False,
        help="What libvirt calls it.",
    )  # fmt: skip
    firmware: Firmware = ask(
        "Boot firmware", key="HOSTED_ENGINE/firmware", default=Firmware.AUTO, asked=False,
        help="auto: bios where the appliance's disk can boot by it, else uefi.",
    )  # fmt: skip
    machine: VmName = ask(
        "Machine type", key="OVEHOSTED_VM/emulatedMachine", default=VmName("q35"), asked=False,
        help="As in: qemu-system-x86_64 -machine help.",
    )  # fmt: skip


@dataclass(frozen=True)
class Seed:
    """The NoCloud image that cloud-init reads; `token` is what the guest must say to prove that it did."""

    path: str
    token: str


@dataclass(frozen=True)
class EngineVm:
    """The VM, started; `boot` is the hypervisor's number of this boot."""

    uuid: str
    boot: int
    channel: str
    log: str
    storage: StorageDomain


@dataclass(frozen=True)
class Settled:
    """The guest is done with us; the VM is defined as it will live: no seed, no channel, a disk of its own."""

    uuid: str


def take_away(host: Host, vm: str, disk: str, what: str) -> None:
    """Take a disk away from the running VM; a guest that does not let go keeps it until its next start."""

    def gone() -> bool | None:
        if disk not in host.hypervisor.disks(vm):
            return True
        host.hypervisor.detach_disk(vm, disk)
        return None

    try:
        wait_until(host, gone, within=_DETACH_DEADLINE, every=1.0, what=_("the guest to let go of {what}", what=what))
    except DeadlineExceeded:
        host.reporter.emit(Warn(_("The engine VM keeps {what} (read-only) until its next start", what=what)))


def never_started(host: Host) -> bool:
    """Tell whether no VM of this run has been started yet."""
    return not guest_log(host).exists()


def at_work(vm: str, host: Host) -> bool:
    """Tell whether the VM is in its first boot and its guest has reported no failure.

    Then its disk is what the run expects. A later boot, by whoever, finds a disk whose cloud-init has run.
    """
    found = host.hypervisor.domain(vm)
    if found is None or found.state not in UP or not is_first_boot(host, found.boot):
        return False
    said = guest_log(host).read_text(errors="replace").splitlines()
    return not any(line.endswith("_FAIL") or _FAILED in line for line in said)


def remember_boot(host: Host, boot: int) -> None:
    """Note the hypervisor's number of the VM's first boot in the run's folder."""
    (host.run_dir / "boot").write_text(f"{boot}\n")


def is_first_boot(host: Host, boot: int) -> bool:
    """Tell whether `boot` is the one that was noted."""
    try:
        return (host.run_dir / "boot").read_text() == f"{boot}\n"
    except FileNotFoundError:
        return False


def guest_log(host: Host) -> Path:
    """Give the file in which the hypervisor logs what the guest says."""
    return host.run_dir / "guest.log"
