"""The storage that the engine VM's disk lives on: which kind, and what its kind asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hosted_setup.model.messages import _
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.values import Name
from hosted_setup.pipeline.plan import Alternatives
from hosted_setup.ports.locations import Home
from hosted_setup.storage import StorageBackend

WIPE: Final = "HOSTED_ENGINE/wipeLun"
"""The WWID of the LUN that is to be wiped; the option `--wipe-lun` gives it."""


@dataclass(frozen=True)
class StorageBackends:
    """The back ends that this program and its plugins know, by kind."""

    by_kind: dict[str, StorageBackend[Any]]


def _kinds(backends: StorageBackends) -> tuple[Choice, ...]:
    return tuple(Choice(kind, _(backend.title)) for kind, backend in backends.by_kind.items())


@section("Storage")
class StorageChoice:
    """On which kind of storage the engine VM's disk will live; the kind's own section asks the rest."""

    kind: str = ask(
        "Storage type",
        key="OVEHOSTED_STORAGE/domainType",
        default="localfs",
        offer=_kinds,
        help="What the engine VM's disk lies on: for more than one host, storage that all of them reach.",
    )
    name: Name = ask(
        "Name of the storage domain",
        key="OVEHOSTED_STORAGE/storageDomainName",
        default=Name("hosted_storage"),
        asked=False,
    )


@dataclass(frozen=True)
class Storage:
    """The chosen storage: the kind of its back end, and the answers that are that back end's own."""

    kind: str
    connection: str
    answers: Any
    conf: dict[str, str]


def _kind(choice: StorageChoice) -> str:
    return choice.kind


def alternatives(backends: Mapping[str, StorageBackend[Any]]) -> Alternatives:
    """Give the plan's choice among the back ends."""

    def made(kind: str, answers: object) -> Storage:
        backend = backends[kind]
        return Storage(kind, backend.connection(answers), answers, backend.conf(answers))

    ways = {kind: backend.answers for kind, backend in backends.items()}
    return Alternatives(Storage, "The chosen storage", _kind, ways, made)


@dataclass(frozen=True)
class StorageHome:
    """The storage, reachable now."""

    home: Home
