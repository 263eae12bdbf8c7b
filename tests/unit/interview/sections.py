"""Sections as features write them, and the products they look at; the interview's tests ask these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hosted_setup.model.answer import Source, Suggestion
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import Fqdn
from hosted_setup.ports.problems import NameTaken

MEMORY = "OVEHOSTED_VM/vmMemSizeMB"
VCPUS = "OVEHOSTED_VM/vmVCpus"
FQDN = "OVEHOSTED_NETWORK/fqdn"
PASSWORD = "OVEHOSTED_ENGINE/adminPassword"
PATH = "OVEHOSTED_STORAGE/storageDomainConnection"
OWN = "HOSTED_ENGINE/networkMode"


class Access(Enum):
    """How root may log in."""

    YES = "yes"
    NO = "no"
    KEY = "without-password"


@dataclass(frozen=True)
class Facts:
    """What was detected on the host."""

    memory: int
    domain: str = ""


@dataclass(frozen=True)
class Backup:
    """What the backup says; without a name there is no backup."""

    fqdn: str = ""


def _memory(facts: Facts) -> Suggestion[int] | None:
    return Suggestion(facts.memory // 2) if facts.memory else None


def _enough(memory: int, facts: Facts) -> None:
    if memory > facts.memory:
        message = f"{memory} MB is more than the host's {facts.memory}"
        raise ValueError(message)


def _restoring(backup: Backup) -> bool:
    return bool(backup.fqdn)


def _from_backup(backup: Backup) -> Suggestion[Fqdn] | None:
    return Suggestion(Fqdn(backup.fqdn), Source.BACKUP) if backup.fqdn else None


def _free(path: Path) -> None:
    if path.name == "taken":
        detail = "it belongs to somebody"
        raise NameTaken(detail)


def _long(password: Secret) -> None:
    if len(password.reveal()) < 4:
        message = f"{password.reveal()} is shorter than 4 characters"  # a careless author
        raise ValueError(message)


@section("Engine VM")
class Vm:
    """A bit of everything."""

    memory: int = ask("Memory size in MB", key=MEMORY, suggest=_memory, check=_enough, help="At least 4096.")
    vcpus: int = ask("Number of vCPUs", key=VCPUS, default=4)
    access: Access = ask("SSH access for root", key="OVEHOSTED_VM/rootSshAccess", default=Access.YES)
    static: str | None = ask("Static address", key="OVEHOSTED_VM/cloudinitVMStaticCIDR")
    renew: bool = ask(
        "Renew the engine CA if needed?", key="OVEHOSTED_CORE/renewPKIonRestore", default=False, when=_restoring
    )
    machine: str = ask("Emulated machine", key="OVEHOSTED_VM/emulatedMachine", default="q35", asked=False)


@section("Engine")
class Engine:
    """A name and a secret."""

    fqdn: Fqdn = ask("Engine FQDN", key=FQDN, suggest=_from_backup)
    password: Secret = ask("Engine admin password", key=PASSWORD, check=_long)


@section("Local storage")
class Local:
    """One key with two meanings, part one."""

    path: Path = ask("Directory", key=PATH, check=_free)


@section("Shared storage")
class Shared:
    """One key with two meanings, part two."""

    count: int = ask("Number", key=PATH)


@section("Network")
class Network:
    """A key of this program's own."""

    mode: str = ask("Network mode", key=OWN)


ALL = (Vm, Engine, Local, Network)
