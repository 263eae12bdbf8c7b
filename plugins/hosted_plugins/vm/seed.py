"""Writes what cloud-init reads in the engine VM on its first boot."""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hosted_plugins.backup import Backup
from hosted_plugins.checks import NetworkTestAnswers
from hosted_plugins.engine import KEYCLOAK, EngineAnswers, LoginAnswers, RestoreAnswers
from hosted_plugins.guest_network import AddressAnswers, ResolverAnswers
from hosted_plugins.hardening import FipsAnswers, OpenScapAnswers, ProfileAnswers, told
from hosted_plugins.image import OpenedAppliance
from hosted_plugins.network import EngineNetwork, HostAnswers, NetworkAnswers, NetworkChoice, router
from hosted_plugins.storage import StorageChoice
from hosted_plugins.vm import Seed, VmAnswers
from hosted_setup.domain.templates import render, source
from hosted_setup.files import private
from hosted_setup.hooks import hookimpl
from hosted_setup.pipeline.run_files import RemoveRunFile
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.machine import MachineFacts


@step(Stage.TRANSACTION, "Write the cloud-init seed")
def write_seed(  # noqa: PLR0913 - everything the guest is told
    vm: VmAnswers,
    address: AddressAnswers,
    resolver: ResolverAnswers,
    scap: OpenScapAnswers,
    profile: ProfileAnswers,
    fips: FipsAnswers,
    engine: EngineAnswers,
    restoring: RestoreAnswers,
    people: LoginAnswers,
    opened: OpenedAppliance,
    storage: StorageChoice,
    backup: Backup,
    choice: NetworkChoice,
    answers: NetworkAnswers,
    test: NetworkTestAnswers,
    network: EngineNetwork,
    mine: HostAnswers,
    machine: MachineFacts,
    host: Host,
    undo: UndoLog,
) -> Seed:
    """Write the NoCloud image into the run's folder; it holds a password's hash, never a password."""
    seed = Seed(str(host.run_dir / "seed.iso"), secrets.token_hex(16))
    undo.before(RemoveRunFile("seed.iso"))
    gateway = router(address.static.version, choice, answers, host.network.facts()) if address.static else ""
    config = {
        "token": seed.token,
        "hardening": told(scap, profile, fips),
        "restore": _restore(backup, engine, storage, machine, host),
        "settings": [
            f"OVESETUP_CONFIG/fqdn=str:{vm.fqdn}",
            f"OVESETUP_PKI/organization=str:{_domain(vm, address)}",
            *(_renewal(restoring) if backup.facts else ()),
            *((f"OVESETUP_CONFIG/keycloakEnable=bool:{people.keycloak}",) if opened.has(KEYCLOAK) else ()),
        ],
        "hosts": _hosts(vm, address, network, mine, machine) if address.hosts else [],
    }
    user_data = render(
        "user-data.j2",
        root_password_hash=host.machine.hash_password(vm.root_password.reveal()),
        root_ssh_key=str(vm.root_ssh_key or ""),
        root_ssh_access=vm.root_access.value,
        host_name=_own_name(vm, address),
        timezone=vm.timezone,
        script=source("guest.py"),
        hardening=source("hardening.py") if config["hardening"] else "",
        config=base64.b64encode(json.dumps(config, sort_keys=True).encode()).decode(),
    )
    files = {
        "user-data": user_data,
        "meta-data": render("meta-data.j2", run_id=host.run_id, host_name=_own_name(vm, address)),
        "network-config": render(
            "network-config.j2",
            mac=str(vm.mac),
            dhcp=6 if network.bridge and test.only6 and not test.only4 else 4,
            static=_static(vm, address, resolver, gateway),
        ),
    }
    _write_iso(Path(seed.path), files)
    return seed


def _renewal(restoring: RestoreAnswers) -> tuple[str, ...]:
    """Answer engine-setup's question whether to renew, and whether it means a no."""
    return f"OVESETUP_PKI/renew=bool:{restoring.renew_pki}", "QUESTION/1/OVESETUP_SKIP_RENEW_PKI_CONFIRM=str:yes"


def _own_name(vm: VmAnswers, address: AddressAnswers) -> str:
    """Give the full name that the VM has of itself; a short one is in its domain."""
    name, domain = str(address.host_name), _domain(vm, address)
    return name if "." in name or not domain else f"{name}.{domain}"


def _domain(vm: VmAnswers, address: AddressAnswers) -> str:
    return str(address.domain or str(vm.fqdn).partition(".")[2])


def _hosts(
    vm: VmAnswers, address: AddressAnswers, network: EngineNetwork, mine: HostAnswers, machine: MachineFacts
) -> list[tuple[str, str]]:
    """Give addresses and names for /etc/hosts; the guest fills in its own address where it is empty."""
    own = network.address or (address.static.address if address.static else "")
    name = str(mine.address) if mine.address and mine.address.is_name else machine.hostname
    return [(own, _with_short_names(str(vm.fqdn), _own_name(vm, address))), (network.gateway, _with_short_names(name))]


def _with_short_names(*names: str) -> str:
    return " ".join(dict.fromkeys(each for name in names for each in (name, name.partition(".")[0])))


def _static(
    vm: VmAnswers, address: AddressAnswers, resolver: ResolverAnswers, gateway: str
) -> dict[str, object] | None:
    if address.static is None:
        return None
    return {
        "address": str(address.static),
        "anywhere": "::/0" if address.static.version == 6 else "0.0.0.0/0",  # noqa: PLR2004
        "gateway": gateway,
        "servers": [str(one) for one in resolver.servers.items] if resolver.servers else [],
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


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the step."""
    return (write_seed,)
