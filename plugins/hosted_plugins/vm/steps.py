"""Defines, starts and settles the engine VM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import to_builtins

from hosted_plugins.backup import Backup
from hosted_plugins.bootstrap import EngineReady, GuestLog
from hosted_plugins.image import EngineDisk, ImportedDisk
from hosted_plugins.network import EngineNetwork
from hosted_plugins.pauses import HostPaused
from hosted_plugins.virt import Virtualisation
from hosted_plugins.vm import DISK, SOCKET, UP, EngineVm, Seed, Settled, VmAnswers, remember_boot, take_away
from hosted_setup.domain.templates import render_xml
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.mounts import refuse_mounts_in
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt

SEED: Final = "vdc"
BYE_DEADLINE: Final = 120.0


@dataclass(frozen=True)
class RemoveVm(Undo, name="vm.remove"):
    """Stops and forgets the VM that this run made."""

    uuid: str

    def apply(self, host: Host) -> None:
        """Remove it if it carries this run's mark."""
        found = host.hypervisor.domain(self.uuid)
        if found is not None and found.mark == host.run_id:
            host.hypervisor.destroy(self.uuid)
            host.hypervisor.undefine(self.uuid)
        for pattern in ("guest.log*", SOCKET, "console.log*", "boot"):  # logs are rotated
            for path in host.run_dir.glob(pattern):
                refuse_mounts_in(path)
                path.unlink()

    def describe(self) -> str:
        """Name the VM."""
        return _("VM {uuid}", uuid=self.uuid)


def _same_boot(vm: EngineVm, host: Host) -> bool:
    found = host.hypervisor.domain(vm.uuid)
    return found is not None and found.state in UP and found.boot == vm.boot


@step(Stage.TRANSACTION, "Start the engine VM", holds=_same_boot)
def start_vm(  # noqa: PLR0913 - everything a VM is made of
    vm: VmAnswers,
    virt: Virtualisation,
    disk: EngineDisk,
    network: EngineNetwork,
    seed: Seed,
    backup: Backup,
    hypervisor: HypervisorFacts,
    host: Host,
    undo: UndoLog,
) -> EngineVm:
    """Define the VM, start it with the appliance, the seed and the archive as open files, begin to pull the disk."""
    undo.before(RemoveVm(disk.vm))
    given = {"he-seed": Path(seed.path)}
    if backup.facts is not None:
        given["he-backup"] = Path(backup.path)
    attached = {name: _hand_over(path, name, disk, hypervisor, host) for name, path in given.items()}
    files = given if hypervisor.passes_files else {}
    channel = {"socket": str(host.run_dir / SOCKET), "log": str(host.run_dir / "guest.log")}
    xml = _xml(vm, virt, disk, network, host) | {
        "backing": to_builtins(disk.backing),
        "seed": attached["he-seed"],
        "payload": attached.get("he-backup"),
        "channel": channel,
        "console_log": str(host.run_dir / "console.log"),
    }
    host.hypervisor.define(render_xml("domain.xml.j2", **xml))
    if disk.backing is not None:
        files["he-appliance"] = Path(str(disk.backing.at))
    host.hypervisor.start(disk.vm, files)
    started = host.hypervisor.domain(disk.vm)
    boot = started.boot if started else -1
    remember_boot(host, boot)
    if disk.backing is not None:
        host.hypervisor.pull(disk.vm, DISK)
    return EngineVm(disk.vm, boot, channel["socket"], channel["log"], disk.domain)


def _xml(
    vm: VmAnswers, virt: Virtualisation, disk: EngineDisk, network: EngineNetwork, host: Host
) -> dict[str, object]:
    # Past this host's page cache: a page that stays there would be an old one when the VM comes back from another host,
    # and QEMU fails all that is written through it once a sync has failed, as when a server was away for a moment.
    return {
        "virt_type": virt.virt_type, "name": str(vm.name), "uuid": disk.vm, "run_id": host.run_id,
        "memory_mib": vm.memory_mib, "vcpus": vm.vcpus, "machine": str(vm.machine), "firmware": disk.firmware,
        "disk": to_builtins(disk.source), "disk_serial": disk.volume[:20], "mac": str(vm.mac),
        "network": network.name, "bridge": network.bridge, "uncached": disk.domain.home.shared,
        "backing": None, "seed": None, "payload": None, "channel": None, "console_log": None,
    }  # fmt: skip


def _hand_over(path: Path, name: str, disk: EngineDisk, hypervisor: HypervisorFacts, host: Host) -> dict[str, object]:
    """Give a file to the VM: as an open file, else as a copy beside the disk, never the operator's own file."""
    if hypervisor.passes_files:
        return {"disk": to_builtins(DiskSource(FileAt(str(path)), "raw")), "handed_over": True}
    return {"disk": to_builtins(disk.domain.on(host).lend(disk.volume, name, path)), "handed_over": False}


@step(Stage.TRANSACTION, "Settle the engine VM")
def settle(  # noqa: PLR0913 - see start_vm
    vm: VmAnswers,
    virt: Virtualisation,
    disk: EngineDisk,
    imported: ImportedDisk,
    network: EngineNetwork,
    seed: Seed,
    running: EngineVm,
    ready: EngineReady,
    paused: HostPaused,
    host: Host,
) -> Settled:
    """Let the guest finish, take the seed out, and define the VM as it will be started from now on."""
    guest = GuestLog(host, running, ready.seen)
    guest.answer("finish", "yes", unless="bye")
    guest.wait_for("bye", within=BYE_DEADLINE, what=_("the engine VM to finish its setup"))
    guest.close()
    take_away(host, running.uuid, SEED, _("the seed"))
    host.hypervisor.define(render_xml("domain.xml.j2", **_xml(vm, virt, disk, network, host)))
    Path(seed.path).unlink(missing_ok=True)
    disk.domain.on(host).take_back(disk.volume, "he-seed")
    return Settled(running.uuid)


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (start_vm, settle)
