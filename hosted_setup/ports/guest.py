"""The guest's progress channel: virtio-serial, one line a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Channel(Protocol):
    """What the guest has said since its boot, and a way to answer it.

    The hypervisor keeps a log of every line, so a new installer process reads all that an old one had seen.
    """

    def read(self) -> tuple[str, ...]:
        """Give the lines that came since the last call, possibly none; bounded, with control characters removed."""

    def send(self, line: str) -> None:
        """Send one line to the guest; it may hold a secret and is never logged."""

    def close(self) -> None:
        """Let go of the channel."""


class Guests(Protocol):
    """Opens channels."""

    @property
    def path_limit(self) -> int:
        """Give how many bytes the path of a socket may have."""

    def open(self, socket: Path, log: Path) -> Channel:
        """Open the channel behind `socket`, whose log is `log`, from its first line on."""
