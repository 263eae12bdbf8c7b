"""Seeds, defines, starts and settles the engine VM."""

from __future__ import annotations

import base64
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hosted_plugins.backup import Backup
from hosted_plugins.bootstrap import EngineReady, GuestLog
from hosted_plugins.engine import EngineAnswers, Registered, RestoreAnswers
from hosted_plugins.guest_network import AddressAnswers, ResolverAnswers
from hosted_plugins.image import EngineDisk, ImportedDisk
from hosted_plugins.network import EngineNetwork, NetworkAnswers, router
from hosted_plugins.storage import StorageChoice, StorageDomain
from hosted_plugins.virt import Virtualisation
from hosted_plugins.vm import DISK, SOCKET, EngineVm, Seed, Settled, VmAnswers, remember_boot, take_away
from hosted_setup.domain.templates import render, render_xml, source
from hosted_setup.files import private
from hosted_setup.hooks import hookimpl
from hosted_setup.model.values import MIB
from hosted_setup.mounts import refuse_mounts_in
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import DomainState, HypervisorFacts
from hosted_setup.ports.machine import MachineFacts

SEED: Final = "vdc"
BYE_DEADLINE: Final = 120.0


@dataclass(frozen=True)
class RemoveRunFile(Undo, name="run.file"):
    """Removes a file of this run's own folder."""

    name_in_run: str

    def apply(self, host: Host) -> None:
        """Remove it."""
        path = host.run_dir / self.name_in_run
        refuse_mounts_in(path)
        path.unlink(missing_ok=True)

    def describe(self) -> str:
        """Name the file."""
        return self.name_in_run


@step(Stage.TRANSACTION, "Write the cloud-init seed")
def write_seed(  # noqa: PLR0913 - everything the guest is told
    vm: VmAnswers,
    address: AddressAnswers,
    resolver: ResolverAnswers,
    engine: EngineAnswers,
    restoring: RestoreAnswers,
    storage: StorageChoice,
    backup: Backup,
    answers: NetworkAnswers,
    network: EngineNetwork,
    machine: MachineFacts,
    host: Host,
    undo: UndoLog,
) -> Seed:
    """Write the NoCloud image into the run's folder; it holds a password's hash, never a password."""
    seed = Seed(str(host.run_dir / "seed.iso"), secrets.token_hex(16))
    undo.before(RemoveRunFile("seed.iso"))
    config = {
        "token": seed.token,
        "restore": _restore(backup, engine, storage, machine, host),
        "settings": [
            f"OVESETUP_CONFIG/fqdn=str:{vm.fqdn}",
            f"OVESETUP_PKI/organization=str:{_domain(vm, address)}",
            *(_renewal(restoring) if backup.facts else ()),
        ],
        "hosts": _hosts(vm, address, network, machine) if address.hosts else [],
    }
    user_data = render(
        "user-data.j2",
        root_password_hash=host.machine.hash_password(vm.root_password.reveal()),
        root_ssh_key=str(vm.root_ssh_key or ""),
        root_ssh_access=vm.root_access.value,
        fqdn=str(vm.fqdn),
        timezone=vm.timezone,
        script=source("guest.py"),
        config=base64.b64encode(json.dumps(config, sort_keys=True).encode()).decode(),
    )
    files = {
        "user-data": user_data,
        "meta-data": render("meta-data.j2", run_id=host.run_id, fqdn=str(vm.fqdn)),
        "network-config": render(
            "network-config.j2", mac=str(vm.mac), static=_static(vm, address, resolver, answers, host)
        ),
    }
    _write_iso(Path(seed.path), files)
    return seed


def _renewal(restoring: RestoreAnswers) -> tuple[str, ...]:
    """Answer engine-setup's question whether to renew, and whether it means a no."""
    return f"OVESETUP_PKI/renew=bool:{restoring.renew_pki}", "QUESTION/1/OVESETUP_SKIP_RENEW_PKI_CONFIRM=str:yes"


def _domain(vm: VmAnswers, address: AddressAnswers) -> str:
    return str(address.domain or str(vm.fqdn).partition(".")[2])


def _hosts(
    vm: VmAnswers, address: AddressAnswers, network: EngineNetwork, machine: MachineFacts
) -> list[tuple[str, str]]:
    """Give addresses and names for /etc/hosts; the guest fills in its own address where it is empty."""
    own = network.address or (address.static.address if address.static else "")
    return [(own, _with_short_name(str(vm.fqdn))), (network.gateway, _with_short_name(machine.hostname))]


def _with_short_name(name: str) -> str:
    return " ".join(dict.fromkeys((name, name.partition(".")[0])))


def _static(
    vm: VmAnswers, address: AddressAnswers, resolver: ResolverAnswers, answers: NetworkAnswers, host: Host
) -> dict[str, object] | None:
    if address.static is None:
        return None
    version = address.static.version
    return {
        "address": str(address.static),
        "anywhere": "::/0" if version == 6 else "0.0.0.0/0",  # noqa: PLR2004
        "gateway": router(version, answers, host.network.facts()),
        "servers": [str(one) for one in resolver.servers.servers] if resolver.servers else [],
        "search": [_domain(vm, address)],
    }


def _restore(
    backup: Backup, engine: EngineAnswers, storage: StorageChoice, machine: MachineFacts, host: Host
) -> dict[str, object] | None:
    if backup.facts is None:
        return None
    now = host.clock.now()
    return {
        "length": backup.facts.size,
        "log": f"/var/log/ovirt-engine/restore-{now:%Y%m%d%H%M%S}.log",
        "host_name": str(engine.host_name),
        "host_uuid": machine.uuid,
        "storage_name": str(storage.name),
        "storage_renamed": f"{storage.name}_old_{now:%Y%m%dT%H%M%S}",
    }


def _write_iso(path: Path, files: dict[str, str]) -> None:
    import pycdlib  # noqa: PLC0415 - 20 ms that other commands need not pay

    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for name, text in files.items():
        data = text.encode()
        image.add_fp(
            io.BytesIO(data), len(data), f"/{name.upper().replace('-', '_')}.;1", rr_name=name, joliet_path=f"/{name}"
        )
    with open(path, "xb", opener=private) as stream:
        image.write_fp(stream)
    image.close()


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
        return f"VM {self.uuid}"


def _same_boot(vm: EngineVm, host: Host) -> bool:
    found = host.hypervisor.domain(vm.uuid)
    return found is not None and found.state is DomainState.RUNNING and found.boot == vm.boot


@step(Stage.TRANSACTION, "Start the engine VM", holds=_same_boot)
def start_vm(  # noqa: PLR0913 - everything a VM is made of
    vm: VmAnswers,
    virt: Virtualisation,
    disk: EngineDisk,
    network: EngineNetwork,
    seed: Seed,
    backup: Backup,
    domain: StorageDomain,
    hypervisor: HypervisorFacts,
    host: Host,
    undo: UndoLog,
) -> EngineVm:
    """Define the VM, start it with the appliance, the seed and the archive as open files, begin to pull the disk."""
    undo.before(RemoveVm(disk.vm))
    attached = {"he-seed": _hand_over(Path(seed.path), "he-seed", disk, domain, hypervisor)}
    if backup.facts is not None:
        attached["he-backup"] = _hand_over(Path(backup.path), "he-backup", disk, domain, hypervisor)
    channel = {"socket": str(host.run_dir / SOCKET), "log": str(host.run_dir / "guest.log")}
    xml = _xml(vm, virt, disk, network, host) | {
        "backing": asdict(disk.backing) if disk.backing else None,
        "seed": attached["he-seed"],
        "payload": attached.get("he-backup"),
        "channel": channel,
        "console_log": str(host.run_dir / "console.log"),
    }
    host.hypervisor.define(render_xml("domain.xml.j2", **xml))
    files = {group: Path(str(one["path"])) for group, one in attached.items() if one["handed_over"]}
    if disk.backing is not None:
        files["he-appliance"] = Path(disk.backing.path)
    host.hypervisor.start(disk.vm, files)
    started = host.hypervisor.domain(disk.vm)
    boot = started.boot if started else -1
    remember_boot(host, boot)
    if disk.backing is not None:
        host.hypervisor.pull(disk.vm, DISK)
    return EngineVm(disk.vm, boot, channel["socket"], channel["log"])


def _xml(
    vm: VmAnswers, virt: Virtualisation, disk: EngineDisk, network: EngineNetwork, host: Host
) -> dict[str, object]:
    return {
        "virt_type": virt.virt_type, "name": str(vm.name), "uuid": disk.vm, "run_id": host.run_id,
        "memory_mib": vm.memory_mib, "vcpus": vm.vcpus, "machine": str(vm.machine), "firmware": disk.firmware,
        "disk": disk.path, "disk_format": disk.format, "disk_serial": disk.volume[:20], "mac": str(vm.mac),
        "network": network.name, "bridge": network.bridge,
        "backing": None, "seed": None, "payload": None, "channel": None, "console_log": None,
    }  # fmt: skip


def _hand_over(
    path: Path, name: str, disk: EngineDisk, domain: StorageDomain, hypervisor: HypervisorFacts
) -> dict[str, object]:
    """Give a file to the VM: as an open file, else as a copy beside the disk, never the operator's own file."""
    if hypervisor.passes_files:
        return {"path": str(path), "handed_over": True}
    copy = Path(disk.path).with_name(name)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with path.open("rb") as source, os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(source, target, MIB)
    domain.own(copy)
    return {"path": str(copy), "handed_over": False}


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
    registered: Registered,
    host: Host,
) -> Settled:
    """Let the guest finish, take the seed out, and define the VM as it will be started from now on."""
    guest = GuestLog(host, running, ready.seen)
    guest.answer("finish", "yes", unless="bye")
    guest.wait_for("bye", within=BYE_DEADLINE, what="the engine VM to finish its setup")
    guest.close()
    take_away(host, running.uuid, SEED, "the seed")
    host.hypervisor.define(render_xml("domain.xml.j2", **_xml(vm, virt, disk, network, host)))
    for left in (Path(seed.path), Path(disk.path).with_name("he-seed")):
        left.unlink(missing_ok=True)
    return Settled(running.uuid)


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (write_seed, start_vm, settle)
