"""A small SSH server that really runs what it is asked to."""

from __future__ import annotations

import socket
import subprocess
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator


class Door(paramiko.ServerInterface):
    """Lets root in with one password."""

    def __init__(self, password: str) -> None:
        """Know the password."""
        self.password = password

    def check_auth_password(self, username: str, password: str) -> int:
        good = username == "root" and password == self.password
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        Thread(target=run, args=(channel, command.decode()), daemon=True).start()
        return True


def run(channel: paramiko.Channel, command: str) -> None:
    """Run a command as sshd does, by a shell."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    with suppress(OSError, EOFError):  # a client that has what it wants is gone
        channel.sendall(done.stdout)
        channel.send_exit_status(done.returncode)
        channel.close()


@contextmanager
def serving(key: paramiko.PKey, password: str) -> Iterator[int]:
    """Serve on 127.0.0.1; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, args=(listener, key, password), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def serve(listener: socket.socket, key: paramiko.PKey, password: str) -> None:
    """Take connections until the listener is closed."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        transport = paramiko.Transport(client)
        transport.add_server_key(key)
        with suppress(OSError, EOFError, paramiko.SSHException):
            transport.start_server(server=Door(password))
