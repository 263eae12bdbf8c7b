"""The hypervisor: libvirt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hosted_setup.model.secret import Secret


class DomainState(Enum):
    """What a domain is doing, as far as anybody here cares."""

    RUNNING = "running"
    PAUSED = "paused"
    STALLED = "paused by an error of its storage"
    OFF = "shut off"
    CRASHED = "crashed"


@dataclass(frozen=True)
class HypervisorFacts:
    """What the hypervisor says of itself.

    `version` is libvirt's (9.0.0 → 9000000). `uid` and `gid` are those its qemu processes run as.
    `passes_files` tells whether open files can be handed over (libvirt 9.0 and a local connection).
    """

    version: int
    emulator: str
    claims_kvm: bool
    uid: int
    gid: int
    passes_files: bool


@dataclass(frozen=True)
class DomainInfo:
    """A domain, found by name or UUID."""

    uuid: str
    name: str
    state: DomainState
    boot: int  # the hypervisor's number of this boot, -1 when off
    mark: str = ""  # the run id in our metadata; empty for a domain that is not ours


@dataclass(frozen=True)
class NetworkInfo:
    """A virtual network."""

    uuid: str
    name: str
    active: bool
    mark: str = ""  # as a domain's


@dataclass(frozen=True)
class SecretInfo:
    """A password that the hypervisor keeps."""

    uuid: str
    usage: str
    mark: str = ""  # as a domain's


@dataclass(frozen=True)
class Proof:
    """How a tiny guest did: `seconds` until its token came, None when another came first, or none: see `reason`."""

    virt_type: str
    seconds: float | None
    reason: str = ""


class Hypervisor(Protocol):
    """Domains and networks, each named by its UUID.

    Removing and stopping are idempotent: what is not there is no error. Creating what exists is one.
    """

    uri: str

    def close(self) -> None:
        """Let go of the connection, where there is one; the next call opens another."""

    def facts(self) -> HypervisorFacts:
        """Ask the hypervisor; raises HypervisorDown when it does not answer."""

    def prove(self, virt_types: Sequence[str], token: str, within: float) -> tuple[Proof, ...]:
        """Race 64-bit guests that compute and then write `token` to their serial lines, one under each type.

        The first answer, or `within` seconds, ends the race for all. The guests vanish with this process.
        """

    def domain_named(self, name: str) -> DomainInfo | None:
        """Find a domain by name."""

    def domain(self, uuid: str) -> DomainInfo | None:
        """Find a domain by UUID."""

    def define(self, xml: str) -> None:
        """Define a domain, or replace the definition of the same UUID; raises NameTaken for another one's name."""

    def start(self, uuid: str, files: Mapping[str, Path]) -> None:
        """Start a defined domain; `files` maps fd groups of its XML to files to be opened read-only here."""

    def go_on(self, uuid: str) -> None:
        """Have a stalled domain go on, with what its storage has refused; another one goes on anyway."""

    def destroy(self, uuid: str) -> None:
        """Cut the power."""

    def undefine(self, uuid: str) -> None:
        """Forget the definition, with its NVRAM."""

    def pull(self, uuid: str, disk: str) -> None:
        """Start moving the backing file's data into `disk` (vda, …); does nothing when one is under way."""

    def pull_left(self, uuid: str, disk: str) -> int | None:
        """Give the bytes a pull has still to move; None when no pull is under way."""

    def has_backing(self, uuid: str, disk: str) -> bool:
        """Tell whether the running domain's `disk` still depends on a backing file."""

    def detach_disk(self, uuid: str, disk: str) -> None:
        """Ask the running guest to let go of a disk (it takes a moment; see `disks`)."""

    def disks(self, uuid: str) -> tuple[str, ...]:
        """Give the targets of the running domain's disks which hold a medium."""

    def network_named(self, name: str) -> NetworkInfo | None:
        """Find a network by name."""

    def network(self, uuid: str) -> NetworkInfo | None:
        """Find a network by UUID."""

    def define_network(self, xml: str) -> None:
        """Define, start and autostart a network; raises NameTaken for another one's name."""

    def remove_network(self, uuid: str) -> None:
        """Stop and forget a network."""

    def secret(self, uuid: str) -> SecretInfo | None:
        """Find a kept password by UUID."""

    def define_secret(self, secret: SecretInfo, value: Secret) -> None:
        """Have a password for iSCSI kept, through reboots; raises NameTaken for another one's usage."""

    def secret_value(self, uuid: str) -> Secret:
        """Give a kept password; raises HypervisorFault when there is none."""

    def remove_secret(self, uuid: str) -> None:
        """Forget a kept password."""
