"""Mounts a file system for itself alone, becomes somebody else, and does in it what it is asked; see `private_tree`.

It is started in a mount namespace of its own, and its mount ends with it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from hosted_setup.adapters.kernel_mounts import run
from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.adapters.private_tree import LENGTH
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.ports.machine import Space
from hosted_setup.ports.trees import Kind

POINT: Final = Path("/mnt")
"""A folder that every host has (FHS 3.12); what is there stays as it is for everybody else."""


class Worker:
    """Answers one request after the other."""

    def __init__(self) -> None:
        """Nothing is mounted yet."""
        self._tree: Any = None

    def do(self, name: str, arguments: list[Any]) -> object:
        """Do what is asked."""
        match name:
            case "mount":
                command, uid, gid, within = arguments
                run([*command, str(POINT)], within)
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
                self._tree = LocalTree(DirectoryHome(POINT, uid, gid))
            case "write_directly":
                write_directly(POINT / arguments[0])
            case "lock":
                lock(POINT / arguments[0])
            case "write_new":
                self._tree.write(*arguments, new=True)
            case _:
                return _plain(getattr(self._tree, name)(*arguments))
        return None


def _plain(value: object) -> object:
    """Give an answer in the types of msgpack."""
    if isinstance(value, Kind):
        return value.value
    return (value.total, value.free) if isinstance(value, Space) else value


def write_directly(path: Path) -> None:
    """Write an aligned block past the page cache."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_DIRECT, 0o600)
    try:
        with closing(mmap.mmap(-1, mmap.PAGESIZE)) as block:  # memory of its own begins on a page
            os.write(descriptor, block)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path) -> None:
    """Lock a file, and see another process refused."""
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child = os.fork()
        if child == 0:
            os._exit(_is_free(path))
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise BlockingIOError(errno.EAGAIN, "two processes had the lock at once")


def _is_free(path: Path) -> int:
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return 0
    return 1


def main() -> None:
    """Answer until nobody asks any more."""
    worker = Worker()
    while head := sys.stdin.buffer.read(LENGTH.size):
        name, arguments = msgspec.msgpack.decode(sys.stdin.buffer.read(*LENGTH.unpack(head)))
        try:
            answer: tuple[int, object] = (0, worker.do(name, arguments))
        except OSError as error:
            answer = (error.errno or errno.EIO, error.strerror or str(error))
        message = msgspec.msgpack.encode(answer)
        sys.stdout.buffer.write(LENGTH.pack(len(message)) + message)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
