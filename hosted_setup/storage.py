"""What a storage back end is: one object with a section of its own that proves and attaches a storage domain's home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from hosted_setup.pipeline.undo import UndoLog
    from hosted_setup.ports.host import Host


A = TypeVar("A")


@dataclass(frozen=True)
class StorageHome:
    """A directory, reachable now, in which storage domains live; owned by `uid`:`gid`."""

    path: Path
    uid: int
    gid: int


class StorageBackend(Protocol[A]):
    """A kind of storage (`OVEHOSTED_STORAGE/domainType`), which needs the answers `A`."""

    @property
    def kind(self) -> str:
        """Give the word for it in answers."""

    @property
    def title(self) -> str:
        """Give the words for it in the list that the operator chooses from."""

    @property
    def answers(self) -> type[A]:
        """Give the section that is asked when it is chosen; or a product, whose needs may be sections and steps."""

    def connection(self, want: A) -> str:
        """Give the text that the engine and `hosted-engine.conf` know the storage by."""

    def check(self, want: A, host: Host) -> None:
        """Prove, when all is answered, that the storage can be used; changes nothing.

        Raises:
            Problem: it cannot be used.
        """

    def free(self, want: A, host: Host) -> int:
        """Give the bytes that are free there."""

    def attach(self, want: A, host: Host, undo: UndoLog) -> StorageHome:
        """Make the storage reachable; what that changes is recorded in `undo` first."""
