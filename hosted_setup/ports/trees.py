"""Trees of files that storage domains are laid out in, of this host's kernel or on a server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.machine import Space


WITHIN: Final = 10.0
"""Seconds that one answer of a server may take."""


class SlowServerError(TimeoutError):
    """A server that does answer has not come to the end of what it was asked in its time."""


class Kind(Enum):
    """What bears a name; links are not followed."""

    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


class Tree(Protocol):
    """The files below one home. A path is relative to it; what is made belongs to the home's owner.

    All of it may raise OSError, with the numbers of the kernel wherever the tree is: FileNotFoundError,
    FileExistsError, PermissionError, TimeoutError from a server that does not answer in time, SlowServerError from one
    that is seen to be at it, and so on.
    """

    def kind(self, path: str) -> Kind | None:
        """Tell what bears this name, None when nothing does."""

    def names(self, path: str) -> tuple[str, ...]:
        """Give the names in a folder, in order."""

    def read(self, path: str, limit: int) -> bytes:
        """Give the first `limit` bytes of a file."""

    def make_folder(self, path: str) -> None:
        """Make a folder (0755), exclusively."""

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        """Make a file, exclusively and with this very mode, and write the chunks to it, in one pass, and sync them."""

    def write(self, path: str, content: bytes, mode: int, *, new: bool = False) -> None:
        """Write a file whole or not at all; a `new` one replaces none. `unfinished` says what a crash may leave."""

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, in one move."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""

    def refuse_mounts(self, path: str) -> None:
        """Go no further where something is mounted on `path`, or on anything in it: OSError with the place."""

    def space(self) -> Space:
        """Measure the file system."""


@dataclass(frozen=True)
class Exported:
    """A directory that a server exports, and to whom, in the server's words; nobody named: to everybody."""

    path: str
    clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exports:
    """What a server exports; not `told` where it cannot say so, for want of a mount service (NFS version 4 alone).

    Then it is the folders of its root that are given: what is exported may be one of them, or lie in one.
    """

    all: tuple[Exported, ...]
    told: bool = True


class Trees(Protocol):
    """Gives trees."""

    def exports(self, server: str, within: float = WITHIN) -> Exports:
        """Ask an NFS server, by name or address, what it exports; raises OSError. Two answers may be waited for."""

    def at(self, home: FileHome, within: float = WITHIN) -> Tree:
        """Give the tree of a home; nothing is reached before it is used, and nothing stays open in between.

        A server's answer may take `within` seconds.
        """


def unfinished(path: str) -> str:
    """Give the name, in the same folder, under which `write` begins a file."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.new"
