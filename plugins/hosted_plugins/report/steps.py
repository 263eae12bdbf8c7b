"""Writes the files operators and other tools know, and the closing summary."""

from __future__ import annotations

import base64
import hashlib
import shlex
import ssl
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from hosted_plugins.bootstrap import EngineReady, Greeted
from hosted_plugins.checks import NetworkTest, NetworkTestAnswers, TcpTestAnswers
from hosted_plugins.connect import boot_files
from hosted_plugins.deploy import Interviewed
from hosted_plugins.engine import Healthy, LoginAnswers, Registered
from hosted_plugins.image import CurrentDisk
from hosted_plugins.network import EngineNetwork, NetworkAnswers, NetworkChoice, watched_gateway
from hosted_plugins.notifications import NotificationAnswers
from hosted_plugins.report import Deployed, HostFiles, SharedConfiguration
from hosted_plugins.storage import Storage
from hosted_plugins.virt import Virtualisation
from hosted_plugins.vm import Settled, VmAnswers
from hosted_setup.domain.domain_mark import engine_id
from hosted_setup.domain.templates import render
from hosted_setup.hooks import hookimpl
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.model.events import Info, Item, Summary
from hosted_setup.model.messages import _
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.pipeline.writing import write
from hosted_setup.ports.host import Host
from hosted_setup.storage.domain import StorageDomain

VERSION: Final = "1\n"  # of the shared configuration's layout
_REPORT: Final = "hosted-engine support-bundle"
_REMOVE: Final = "hosted-engine cleanup"


@step(Stage.CLOSING, "Write the shared configuration")
def write_shared(  # noqa: PLR0913 - everything other hosts need
    vm: VmAnswers,
    virt: Virtualisation,
    storage: Storage,
    domain: StorageDomain,
    choice: NetworkChoice,
    answers: NetworkAnswers,
    test: NetworkTestAnswers,
    tcp: TcpTestAnswers,
    network: EngineNetwork,
    notifications: NotificationAnswers,
    ready: EngineReady,
    disk: CurrentDisk,
    settled: Settled,
    sheet: AnswerSheet,
    host: Host,
) -> SharedConfiguration:
    """Write the shared configuration in the storage domain, and whose domain it is."""
    watched = _watched(test, tcp, network, watched_gateway(choice, answers, host.network.facts()))
    texts = {
        "hosted-engine.conf": _hosted_engine_conf(vm, storage, domain, network, watched, ready, disk, settled, host),
        "vm.conf": _vm_conf(vm, virt, domain, network, disk, settled),
        "fhanswers.conf": sheet.text(),
        "broker.conf": _broker_conf(notifications),
        "ca.pem": ready.ca_pem,
        "version": VERSION,
    }
    layout = domain.on(host)
    layout.name_engine(engine_id(_der(ready.ca_pem)))
    layout.write_conf(texts)
    return SharedConfiguration(domain)


@step(Stage.CLOSING, "Write this host's configuration")
def write_host_files(
    shared: SharedConfiguration, ready: EngineReady, sheet: AnswerSheet, host: Host, undo: UndoLog
) -> HostFiles:
    """Write the files under /etc and /run, each whole or not at all; what is there is moved aside."""
    conf = shared.domain.on(host).read_conf()
    texts = {
        host.paths.etc / "ca.pem": (ready.ca_pem, 0o644),
        host.paths.etc / "answers.conf": (sheet.text(), 0o600),
        host.paths.ha_run / "vm.conf": (conf["vm.conf"], 0o600),
        **{path: (text, 0o644) for path, text in boot_files(host).items()},
        # the last one: it is what says that an engine is deployed here
        host.paths.etc / "hosted-engine.conf": (conf["hosted-engine.conf"], 0o600),
    }
    for path, (text, mode) in texts.items():
        write(path, text.encode(), mode, host, undo)
    return HostFiles(tuple(str(path) for path in texts))


@step(Stage.CLOSING, "Summary")
def summarise(  # noqa: PLR0913 - everything the operator wants to know
    interviewed: Interviewed,
    vm: VmAnswers,
    people: LoginAnswers,
    healthy: Healthy,
    ready: EngineReady,
    greeted: Greeted,
    registered: Registered,
    domain: StorageDomain,
    files: HostFiles,
    host: Host,
) -> Deployed:
    """Tell the operator what there is now and what to do next."""
    host.reporter.emit(Info(_("Hosted Engine successfully deployed")))
    engine, admin, address = f"https://{vm.fqdn}/ovirt-engine/", people.admin, healthy.address
    ca, keys, path = _ca_fingerprint(ready.ca_pem), map(_key_fingerprint, greeted.host_keys), files.paths[-1]
    look = f"virsh -c {shlex.quote(host.hypervisor.uri)} dominfo {vm.name}"
    facts = (
        (Item("engine", engine), _("Engine:            {url}", url=engine)),
        (Item("address", address), _("Address:           {address}", address=address)),
        (Item("version", registered.version), _("Version:           {version}", version=registered.version)),
        (Item("administrator", admin), _("Administrator:     {admin}", admin=admin)),
        (Item("ca-sha256", ca), _("CA (SHA-256):      {fingerprint}", fingerprint=ca)),
        *((Item("ssh-host-key", key), _("SSH host key:      {fingerprint}", fingerprint=key)) for key in keys),
        (Item("storage-domain", str(domain)), _("Storage domain:    {domain}", domain=domain)),
        (Item("configuration", path), _("Configuration:     {path}", path=path)),
    )
    commands = (
        (
            Item("shell", f"ssh root@{address}"),
            _("  open a shell in the engine VM:    ssh root@{address}", address=address),
        ),
        (Item("look", look), _("  see it run:                       {command}", command=look)),
        (Item("report", _REPORT), _("  collect logs for a report:        {command}", command=_REPORT)),
        (Item("remove", _REMOVE), _("  remove this deployment:           {command}", command=_REMOVE)),
    )
    host.reporter.emit(Summary.of(facts, commands))
    return Deployed(str(vm.fqdn), healthy.address)


def _hosted_engine_conf(  # noqa: PLR0913 - see write_shared
    vm: VmAnswers,
    storage: Storage,
    domain: StorageDomain,
    network: EngineNetwork,
    watched: dict[str, str],
    ready: EngineReady,
    disk: CurrentDisk,
    settled: Settled,
    host: Host,
) -> str:
    return render(
        "hosted-engine.conf.j2",
        fqdn=str(vm.fqdn), disk=disk.volume, vm=settled.uuid, storage=storage.connection, kind=storage.kind,
        vm_conf=str(host.paths.ha_run / "vm.conf"), domain=domain.uuid,
        connection=str(uuid.uuid5(uuid.UUID(domain.uuid), storage.connection)),
        ca_path=str(host.paths.etc / "ca.pem"), ca_subject=_ca_subject(ready.ca_pem),
        bridge=network.name, more=storage.conf, **watched,
    )  # fmt: skip


def _watched(test: NetworkTestAnswers, tcp: TcpTestAnswers, network: EngineNetwork, gateway: str) -> dict[str, str]:
    """Give what the hosts' agents watch of the network; on a NAT network there is nothing beyond this host."""
    if not network.bridge:
        return {"gateway": network.gateway, "network_test": NetworkTest.NONE.value, "address": "", "port": ""}
    by_tcp = test.test is NetworkTest.TCP
    return {
        "gateway": gateway,
        "network_test": test.test.value,
        "address": str(tcp.address) if by_tcp else "",
        "port": str(tcp.port) if by_tcp else "",
    }


def _broker_conf(answers: NotificationAnswers) -> str:
    return render(
        "broker.conf.j2",
        smtp_server=str(answers.smtp_server), smtp_port=str(answers.smtp_port), source=str(answers.source),
        destinations=str(answers.destinations),
    )  # fmt: skip


def _vm_conf(  # noqa: PLR0913 - see write_shared
    vm: VmAnswers,
    virt: Virtualisation,
    domain: StorageDomain,
    network: EngineNetwork,
    disk: CurrentDisk,
    settled: Settled,
) -> str:
    own = uuid.UUID(settled.uuid)
    return render(
        "vm.conf.j2",
        vm=settled.uuid,
        name=str(vm.name),
        memory_mib=vm.memory_mib,
        vcpus=vm.vcpus,
        disk=disk.volume,
        domain=domain.uuid,
        mac=str(vm.mac),
        network=network.name,
        machine=str(vm.machine),
        cpu="host-passthrough" if virt.virt_type == "kvm" else "max",
        cdrom=str(uuid.uuid5(own, "cdrom")),
        nic=str(uuid.uuid5(own, "nic")),
    )


def _der(ca_pem: str) -> bytes:
    first = ca_pem[ca_pem.index("-----BEGIN CERTIFICATE-----") :].partition("-----END CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(first[0] + first[1] + "\n")


def _ca_fingerprint(ca_pem: str) -> str:
    digest = hashlib.sha256(_der(ca_pem)).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _ca_subject(ca_pem: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca_pem)
    (first, *_) = context.get_ca_certs()
    names = {"countryName": "C", "organizationName": "O", "commonName": "CN"}
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", first["subject"])
    return "".join(f"/{names.get(kind, kind)}={value}" for part in subject for kind, value in part)


def _key_fingerprint(key: str) -> str:
    kind, _, blob = key.partition(" ")
    digest = hashlib.sha256(base64.b64decode(blob)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (write_shared, write_host_files, summarise)
