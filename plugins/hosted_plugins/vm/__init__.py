"""The engine VM."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from hosted_plugins.backup import Backup
from hosted_plugins.image import OpenedAppliance
from hosted_setup.model.answer import Source, Suggestion
from hosted_setup.model.events import Warn
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import GIB, Fqdn, MacAddress, VmName, usable_password
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import DomainState
from hosted_setup.ports.machine import MachineFacts

DISK: Final = "vda"  # the name of the engine VM's disk in its definition
SOCKET: Final = "guest.sock"  # in the run's folder: the guest's channel
_MEMORY_MIN: Final = 512
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


def _memory(opened: OpenedAppliance, machine: MachineFacts) -> Suggestion[int]:
    return Suggestion(opened.appliance.memory_mib or min(16384, machine.free_memory_mib - 512))


def _disk(opened: OpenedAppliance) -> Suggestion[int]:
    return Suggestion(max(25, -(-opened.appliance.virtual_size // GIB)))


def _mac() -> Suggestion[MacAddress]:
    tail = secrets.token_bytes(3)
    return Suggestion(MacAddress(f"00:16:3e:{tail[0] & 0x7F:02x}:{tail[1]:02x}:{tail[2]:02x}"))


def _timezone(machine: MachineFacts) -> Suggestion[str]:
    return Suggestion(machine.timezone)


def _positive(value: int) -> None:
    if value < 1:
        message = f"{value} is not a positive number"
        raise ValueError(message)


def _enough_memory(value: int) -> None:
    if value < _MEMORY_MIN:
        message = f"{value} MiB is less than the {_MEMORY_MIN} MiB an engine needs"
        raise ValueError(message)


def _disk_size(value: int) -> None:
    if not 1 <= value <= _DISK_MAX:
        message = f"{value} GiB is not between 1 and {_DISK_MAX}"
        raise ValueError(message)


def _ssh_key(value: str | None) -> None:
    if value is not None and (len(value.split()) < 2 or not value.startswith(("ssh-", "ecdsa-", "sk-"))):  # noqa: PLR2004 - type and key
        message = "it is not a line of an SSH public key file"
        raise ValueError(message)


@section("Engine VM")
class VmAnswers:
    """The engine VM's size, name and access."""

    fqdn: Fqdn = ask(
        "Engine VM FQDN", key="OVEHOSTED_NETWORK/fqdn", suggest=_fqdn_of_backup,
        help="The name users will open in their browser; on a restore it is the backup's.",
    )  # fmt: skip
    vcpus: int = ask("Number of virtual CPUs", key="OVEHOSTED_VM/vmVCpus", suggest=_cpus, check=_positive)
    memory_mib: int = ask("Memory size in MiB", key="OVEHOSTED_VM/vmMemSizeMB", suggest=_memory, check=_enough_memory)
    disk_gib: int = ask("Disk size in GiB", key="OVEHOSTED_STORAGE/imgSizeGB", suggest=_disk, check=_disk_size)
    mac: MacAddress = ask("Unicast MAC address", key="OVEHOSTED_VM/vmMACAddr", suggest=_mac)
    root_password: Secret = ask(
        "Root password of the engine VM", key="OVEHOSTED_VM/cloudinitRootPwd", check=usable_password
    )
    root_ssh_key: str | None = ask(
        "Root SSH public key (empty for none)", key="OVEHOSTED_VM/rootSshPubkey", default=None, check=_ssh_key
    )
    root_access: RootAccess = ask("SSH access for root", key="OVEHOSTED_VM/rootSshAccess", default=RootAccess.YES)
    timezone: str = ask("Time zone", key="OVEHOSTED_VM/cloudinitVMTZ", suggest=_timezone, asked=False)
    name: VmName = ask("Name of the VM", key="HOSTED_ENGINE/vmName", default=VmName("HostedEngine"), asked=False)
    firmware: Firmware = ask("Boot firmware", key="HOSTED_ENGINE/firmware", default=Firmware.AUTO, asked=False)
    machine: VmName = ask("Machine type", key="OVEHOSTED_VM/emulatedMachine", default=VmName("q35"), asked=False)


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
        wait_until(host, gone, within=_DETACH_DEADLINE, every=1.0, what=f"the guest to let go of {what}")
    except DeadlineExceeded:
        host.reporter.emit(Warn(f"The engine VM keeps {what} (read-only) until its next start"))


def never_started(host: Host) -> bool:
    """Tell whether no VM of this run has been started yet."""
    return not guest_log(host).exists()


def at_work(vm: str, host: Host) -> bool:
    """Tell whether the VM is in its first boot and its guest has reported no failure.

    Then its disk is what the run expects. A later boot, by whoever, finds a disk whose cloud-init has run.
    """
    found = host.hypervisor.domain(vm)
    if found is None or found.state is not DomainState.RUNNING or not is_first_boot(host, found.boot):
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
