"""The engine VM's shell, by SSH, for collecting logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.model.secret import Secret


@dataclass(frozen=True)
class ShellAddress:
    """Where an SSH server is and the one host key (`type base64`) that it may show."""

    address: str
    host_key: str
    user: str = "root"
    port: int = 22


class Shells(Protocol):
    """Fetches from remote machines."""

    def fetch(self, shell: ShellAddress, password: Secret, remote: tuple[str, ...], into: Path, limit: int) -> None:
        """Write a tar of the `remote` paths that exist to the new file `into` (0600), `limit` bytes at most.

        Raises ShellUnreachable; HostKeyWrong when the server shows another key.
        """
