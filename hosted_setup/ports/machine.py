"""The host the installer runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class MachineFacts:
    """What a host is: sizes in MiB, `uuid` is the system UUID or the machine id where there is none."""

    hostname: str
    uuid: str
    cpus: int
    memory_mib: int
    free_memory_mib: int
    timezone: str


@dataclass(frozen=True)
class Space:
    """A file system's room for us, in bytes."""

    total: int
    free: int


@dataclass(frozen=True)
class Chain:
    """A base chain of the packet filter whose policy is to drop; names are nftables'."""

    family: str
    table: str
    name: str
    hook: str


class Machine(Protocol):
    """Looks at the host; changes nothing."""

    def facts(self) -> MachineFacts:
        """Measure the host."""

    def boot(self) -> str:
        """Give what tells this boot of the host from every other."""

    def space(self, path: Path) -> Space:
        """Measure the file system that holds `path` (which exists)."""

    def searchable(self, path: Path, uid: int, gid: int) -> bool:
        """Tell whether a process of that user, in no group but that one, can come to what lies in a directory."""

    def has_program(self, name: str) -> bool:
        """Tell whether a program can be run."""

    def without_kvm(self) -> str:
        """Tell what is missing for hardware virtualisation; empty when nothing is."""

    def clock_synchronised(self) -> bool:
        """Tell whether the kernel's clock is kept by a time service."""

    def program_version(self, name: str) -> tuple[int, ...]:
        """Give the version that a program prints when called with --version; empty when it prints none."""

    def processes(self) -> frozenset[str]:
        """Give the names of the processes that run, as the kernel knows them: 15 characters at most."""

    def modules(self) -> frozenset[str]:
        """Give the names of the kernel modules that are loaded."""

    def dropping_chains(self) -> tuple[Chain, ...]:
        """Give the packet filter's chains that drop what no rule of theirs accepts; none where it cannot be read."""

    def routes(self) -> tuple[str, ...]:
        """Give the IPv4 networks this host is in or routes to, as CIDR, the default route left out."""

    def hash_password(self, password: str) -> str:
        """Give the SHA-512 crypt form (`$6$…`) that cloud-init and shadow(5) take."""
