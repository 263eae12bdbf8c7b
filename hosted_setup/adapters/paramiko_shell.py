"""SSH by paramiko: one known host key, a password, one command."""

from __future__ import annotations

import base64
import os
import shlex
import socket
from typing import TYPE_CHECKING, Final

import paramiko

from hosted_setup.ports.problems import HostKeyWrong, ShellUnreachable

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.model.secret import Secret
    from hosted_setup.ports.shell import ShellAddress

_TIMEOUT: Final = 30.0
_CHUNK: Final = 1 << 16


class ParamikoShells:
    """Implements `ports.shell.Shells`."""

    def fetch(self, shell: ShellAddress, password: Secret, remote: tuple[str, ...], into: Path, limit: int) -> None:
        """Write a tar of the `remote` paths that exist to the new file `into` (0600), `limit` bytes at most."""
        names = " ".join(shlex.quote(path) for path in remote)
        with _connected(shell, password) as client:
            _, out, _ = client.exec_command(f"tar -cf - --ignore-failed-read {names} 2>/dev/null", timeout=_TIMEOUT)
            descriptor = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                left = limit
                while left and (chunk := out.read(min(_CHUNK, left))):
                    stream.write(chunk)
                    left -= len(chunk)


def _connected(shell: ShellAddress, password: Secret) -> paramiko.SSHClient:
    kind, _, blob = shell.host_key.partition(" ")
    client = paramiko.SSHClient()
    key = paramiko.PKey.from_type_string(kind, base64.b64decode(blob))
    place = shell.address if shell.port == 22 else f"[{shell.address}]:{shell.port}"  # noqa: PLR2004 - known_hosts form
    client.get_host_keys().add(place, kind, key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.connect(
            shell.address, shell.port, shell.user, password.reveal(), look_for_keys=False, allow_agent=False,
            timeout=_TIMEOUT, banner_timeout=_TIMEOUT, auth_timeout=_TIMEOUT,
        )  # fmt: skip
    except paramiko.BadHostKeyException as error:
        client.close()
        raise HostKeyWrong(shell.address, why=str(error)) from error
    except (paramiko.SSHException, socket.error, EOFError) as error:
        client.close()
        raise ShellUnreachable(f"{shell.user}@{shell.address}", why=str(error)) from error
    return client
