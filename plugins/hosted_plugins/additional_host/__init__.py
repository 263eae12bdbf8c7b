"""A further host for an engine that is there: its storage domain is recognised, and only this host is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hosted_plugins.storage import Storage, StorageBackends
from hosted_setup.domain.host_slot import MOST, HostSlot, next_free
from hosted_setup.model.answer import Source, Suggestion
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.values import Fqdn, Name, VmName
from hosted_setup.storage.domain import StorageDomain

ADDITIONAL: Final = "additional-host"
"""The name of the flow."""

FQDN: Final = "OVEHOSTED_NETWORK/fqdn"
VM_NAME: Final = "HOSTED_ENGINE/vmName"
CLUSTER: Final = "OVEHOSTED_ENGINE/clusterName"


class HostIdTaken(Problem):
    """The host id belongs to another host."""

    code = "HE-HOST-ID"
    title = "The host id is taken"


@dataclass(frozen=True)
class EngineDomain:
    """A storage domain in which an engine lives, its hosts, and its shared configuration: answers by key, files.

    `command` shows where it lies.
    """

    uuid: str
    name: str
    where: str
    command: str
    hosts: tuple[HostSlot, ...]
    answers: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class Inhabitants:
    """The engines that live in the chosen storage already, and what there is that cannot be read, in words."""

    engines: tuple[EngineDomain, ...]
    damage: str = ""


def _lived_in(found: Inhabitants) -> bool:
    return bool(found.engines)


def _one_alone(additional: bool, storage: Storage, backends: StorageBackends) -> None:  # noqa: FBT001
    if not additional and backends.by_kind[storage.kind].whole:
        raise ValueError(_("a LUN is one engine's: join it, or answer another LUN"))


@section("Storage")
class AdditionalAnswers:
    """Whether this host joins the engine that lives in the storage."""

    additional: bool = ask(
        "The storage holds an engine already. Is this an additional host setup", key="HOSTED_ENGINE/additionalHost",
        when=_lived_in, check=_one_alone,
        help="Yes: this host joins that engine. No: another engine is deployed beside it.",
    )  # fmt: skip


def _several(found: Inhabitants) -> bool:
    return len(found.engines) > 1


def _engines(found: Inhabitants) -> list[Choice]:
    return [Choice(one.uuid, f"{one.answers.get(FQDN, '')} ({one.name})") for one in found.engines]


@section("Storage")
class EngineChoice:
    """Which of several engines."""

    domain: str = ask(
        "Storage domain of the engine", key="OVEHOSTED_STORAGE/sdUUID", offer=_engines, when=_several,
        help="The UUID of the storage domain whose engine this host joins.",
    )  # fmt: skip


def _next(engine: EngineDomain) -> Suggestion[int] | None:
    number = next_free({one.number for one in engine.hosts})
    return Suggestion(number) if number else None


def _is_free(number: int, engine: EngineDomain) -> None:
    if not 1 <= number <= MOST:
        raise ValueError(_("{number} is not between 1 and {most}", number=number, most=MOST))
    for one in engine.hosts:
        if one.number == number:
            raise taken(one, engine.where, engine.command)


@section("Host")
class HostIdAnswers:
    """Which number this host is told by among the engine's hosts."""

    number: int = ask(
        "Host id", key="OVEHOSTED_STORAGE/hostID", suggest=_next, check=_is_free,
        help="A number from 1 that no other host of the engine has.",
    )  # fmt: skip


def _fqdn(engine: EngineDomain) -> Suggestion[Fqdn]:
    return Suggestion(Fqdn.parse(engine.answers[FQDN]), Source.SHARED)


def _vm_name(engine: EngineDomain) -> Suggestion[VmName]:
    return Suggestion(VmName.parse(engine.answers[VM_NAME]), Source.SHARED)


def _cluster(engine: EngineDomain) -> Suggestion[Name]:
    return Suggestion(Name.parse(engine.answers[CLUSTER]), Source.SHARED)


def _is_fqdn(value: Fqdn, engine: EngineDomain) -> None:
    _as_shared(str(value), FQDN, engine)


def _is_vm_name(value: VmName, engine: EngineDomain) -> None:
    _as_shared(str(value), VM_NAME, engine)


def _as_shared(value: str, key: str, engine: EngineDomain) -> None:
    shared = engine.answers[key]
    if value != shared:
        raise ValueError(_("the engine in the storage has {shared}", shared=shared))


@section("Engine")
class JoinedEngine:
    """What the shared configuration says of the engine, so that the operator sees which one it is."""

    fqdn: Fqdn = ask(
        "Engine VM FQDN", key=FQDN, suggest=_fqdn, check=_is_fqdn, asked=False,
        help="As the shared configuration has it.",
    )  # fmt: skip
    vm_name: VmName = ask(
        "Name of the VM", key=VM_NAME, suggest=_vm_name, check=_is_vm_name, asked=False,
        help="As the shared configuration has it.",
    )  # fmt: skip
    cluster: Name = ask(
        "Cluster",
        key=CLUSTER,
        suggest=_cluster,
        asked=False,
        help="The cluster that this host is going to be added to.",
    )


@dataclass(frozen=True)
class NewEngine:
    """It is settled that an engine is deployed, not joined."""


@dataclass(frozen=True)
class JoinInterviewed:
    """Every question of an additional host's setup is answered."""


@dataclass(frozen=True)
class HostId:
    """The host id that this run has reserved, and where."""

    domain: StorageDomain
    number: int


@dataclass(frozen=True)
class JoinedFiles:
    """The files of this host, written."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """The goal of an additional host's setup: this host knows the engine, and the operator has been told."""

    number: int


def taken(slot: HostSlot, where: str, command: str) -> HostIdTaken:
    """Give the problem of a host id that another host has; `command` shows the storage."""
    detail = _("{number} is the host id of {name}", number=slot.number, name=slot.name)
    why = _("it was reserved at {time} by the host with UUID {uuid}", time=slot.time, uuid=slot.uuid)
    hint = _(
        "Answer another OVEHOSTED_STORAGE/hostID, or none to get the next one that is free; look at the storage with:"
    )
    return HostIdTaken(detail, why=why, where=where, hint=hint, command=command)
