"""File systems of servers, mounted by this host's kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hosted_setup.ports.trees import Tree

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

MOUNT_WITHIN: Final = 10.0
"""Seconds that a server may take to be mounted, or to answer one question about a file."""


@dataclass(frozen=True)
class FileSystem:
    """What is to be mounted: `kind` and `options` are those of mount(8)."""

    kind: str
    source: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Give the source."""
        return self.source


@dataclass(frozen=True)
class Mounted:
    """A mount of the kernel's table: `number` is the kernel's own, and no other mount's while this one stands."""

    number: int
    source: str
    kind: str


class ProvingTree(Tree, Protocol):
    """A tree in a mount that nobody else sees; it can prove what a disk of a VM and its lease need beside."""

    def write_directly(self, path: str) -> None:
        """Make a file and write a block to it past the page cache (O_DIRECT)."""

    def lock(self, path: str) -> None:
        """Lock a file and see that another process cannot: BlockingIOError where it can."""


class Mounts(Protocol):
    """Mounts and unmounts. All of it may raise OSError, with mount's own words; TimeoutError after its time."""

    def missing(self, kind: str) -> str:
        """Tell what this host lacks to mount such a file system; empty when nothing."""

    def mounted(self, point: Path) -> Mounted | None:
        """Tell what is mounted there; nothing of it is touched."""

    def mount(self, what: FileSystem, point: Path) -> Mounted:
        """Mount it on a folder that is there."""

    def unmount(self, point: Path) -> None:
        """Unmount what is mounted there; what is in use stays (EBUSY)."""

    def privately(
        self, what: FileSystem, owner: tuple[int, int], within: float = MOUNT_WITHIN
    ) -> AbstractContextManager[ProvingTree]:
        """Mount it where no other process sees it, and work in it as that user and group; gone at the end."""
