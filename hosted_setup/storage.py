"""What a storage back end is: one object that checks, attaches and detaches a storage domain's home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hosted_setup.pipeline.undo import UndoLog
    from hosted_setup.ports.host import Host


@dataclass(frozen=True)
class StorageHome:
    """A directory, reachable now, in which storage domains live; owned by `uid`:`gid`."""

    path: Path
    uid: int
    gid: int


class StorageBackend(Protocol):
    """A kind of storage (`OVEHOSTED_STORAGE/domainType`)."""

    @property
    def kind(self) -> str:
        """Give the word for it in answers."""

    def check(self, connection: str, host: Host) -> None:
        """Prove that `connection` can be used; changes nothing.

        Raises:
            ValueError: `connection` is not of this kind's form, with a sentence.
            Problem: it cannot be used.
        """

    def free(self, connection: str, host: Host) -> int:
        """Give the bytes that are free there."""

    def attach(self, connection: str, host: Host, undo: UndoLog) -> StorageHome:
        """Make the storage reachable; what that changes is recorded in `undo` first."""
