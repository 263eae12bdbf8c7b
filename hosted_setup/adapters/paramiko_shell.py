"""SSH by paramiko: one known host key, a password, one command."""

from __future__ import annotations

import base64
import logging
import os
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import paramiko
from paramiko.pkey import UnknownKeyType

from hosted_setup.model.messages import N_, _
from hosted_setup.ports.problems import HostKeyWrong, ShellUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hosted_setup.model.secret import Secret
    from hosted_setup.ports.shell import ShellAddress

_TIMEOUT: Final = 30.0
_CHUNK: Final = 1 << 16
_SSH: Final = 22
_WHO: Final = N_("Another machine may answer there; see who it is:")

# Without a handler its warnings would go to stderr, across the frontend's screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class ParamikoShells:
    """Implements `ports.shell.Shells`."""

    def fetch(self, shell: ShellAddress, password: Secret, remote: tuple[str, ...], into: Path, limit: int) -> None:
        """Write a tar of the `remote` paths that exist to the new file `into` (0600), `limit` bytes at most."""
        command = shlex.join(["tar", "-cf", "-", "--ignore-failed-read", "--", *remote])
        with _faults(shell), _connected(shell, password) as client:
            _, out, _ = client.exec_command(f"{command} 2>/dev/null", timeout=_TIMEOUT)
            with os.fdopen(_exclusive(into), "wb") as stream:
                left = limit
                while left and (chunk := out.read(min(_CHUNK, left))):
                    stream.write(chunk)
                    left -= len(chunk)


@contextmanager
def _connected(shell: ShellAddress, password: Secret) -> Iterator[paramiko.SSHClient]:
    client = paramiko.SSHClient()
    place = shell.address if shell.port == _SSH else f"[{shell.address}]:{shell.port}"
    client.get_host_keys().add(place, *_host_key(shell))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.connect(
            *(shell.address, shell.port, shell.user, password.reveal()),
            look_for_keys=False,
            allow_agent=False,
            timeout=_TIMEOUT,
            banner_timeout=_TIMEOUT,
            auth_timeout=_TIMEOUT,
        )
        yield client
    finally:
        client.close()


def _host_key(shell: ShellAddress) -> tuple[str, paramiko.PKey]:
    kind, _blank, blob = shell.host_key.partition(" ")
    try:
        return kind, paramiko.PKey.from_type_string(kind, base64.b64decode(blob))
    except (paramiko.SSHException, UnknownKeyType, ValueError) as error:
        why = _("{key!r} is no host key", key=shell.host_key)
        raise HostKeyWrong(_place(shell), why=why, hint=_(_WHO), command=_ask(shell)) from error


@contextmanager
def _faults(shell: ShellAddress) -> Iterator[None]:
    try:
        yield
    except paramiko.BadHostKeyException as error:
        raise HostKeyWrong(_place(shell), why=str(error), hint=_(_WHO), command=_ask(shell)) from error
    except FileExistsError:
        raise
    except (OSError, EOFError, paramiko.SSHException) as error:
        why, hint = str(error) or type(error).__name__, _("See whether anything answers there:")
        raise ShellUnreachable(_place(shell), why=why, hint=hint, command=_ask(shell)) from error


def _ask(shell: ShellAddress) -> str:
    return f"ssh-keyscan {shlex.quote(shell.address)}"


def _place(shell: ShellAddress) -> str:
    return f"{shell.user}@{shell.address}"


def _exclusive(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
