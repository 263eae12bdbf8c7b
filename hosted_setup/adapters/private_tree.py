"""The tree of a private mount: each call is answered by the process that has the mount, or given up in time."""

from __future__ import annotations

import errno
import os
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hosted_setup.adapters.readable import readable
from hosted_setup.model.messages import _
from hosted_setup.ports.machine import Space
from hosted_setup.ports.trees import Kind

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence

LENGTH: Final = struct.Struct(">I")
"""A message is its length and then msgpack."""


class PrivateTree:
    """Implements `ports.mounts.ProvingTree`; see `mount_worker` for the other side.

    Args:
        process: the worker, with pipes.
        within: seconds that one answer may take.
    """

    def __init__(self, process: subprocess.Popen[bytes], within: float) -> None:
        """See the class."""
        if process.stdin is None or process.stdout is None:
            raise ValueError(process.args)
        self._process, self._to, self._from = process, process.stdin, process.stdout
        self._within = within

    def mount(self, command: Sequence[str], owner: tuple[int, int]) -> None:
        """Have it mounted, and the worker become that user and group."""
        self._ask("mount", list(command), *owner, self._within)

    def kind(self, path: str) -> Kind | None:
        """Tell what bears this name, None when nothing does."""
        found = self._ask("kind", path)
        return None if found is None else Kind(found)

    def names(self, path: str) -> tuple[str, ...]:
        """Give the names in a folder, in order."""
        return tuple(self._ask("names", path))

    def read(self, path: str, limit: int) -> bytes:
        """Give the first `limit` bytes of a file."""
        return bytes(self._ask("read", path, limit))

    def make_folder(self, path: str) -> None:
        """Make a folder (0755), exclusively."""
        self._ask("make_folder", path)

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        """Make a file, exclusively and with this very mode, and write the chunks to it, in one pass, and sync them."""
        self._ask("make_file", path, mode, list(chunks))

    def write(self, path: str, content: bytes, mode: int, *, new: bool = False) -> None:
        """Write a file whole or not at all; a `new` one replaces none."""
        self._ask("write_new" if new else "write", path, content, mode)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, in one move."""
        self._ask("rename", old, new)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._ask("remove", path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._ask("remove_folder", path)

    def refuse_mounts(self, path: str) -> None:
        """Go no further where something is mounted on `path`, or on anything in it: OSError with the place."""
        self._ask("refuse_mounts", path)

    def space(self) -> Space:
        """Measure the file system."""
        return Space(*self._ask("space"))

    def write_directly(self, path: str) -> None:
        """Make a file and write a block to it past the page cache (O_DIRECT)."""
        self._ask("write_directly", path)

    def lock(self, path: str) -> None:
        """Lock a file and see that another process cannot: BlockingIOError where it can."""
        self._ask("lock", path)

    def close(self) -> None:
        """Let go of the pipes; the worker has been ended."""
        with suppress(BrokenPipeError):
            self._to.close()
        self._from.close()
        self._process.wait()

    def _ask(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - of what was asked
        message = msgspec.msgpack.encode((name, arguments))
        self._to.write(LENGTH.pack(len(message)) + message)
        self._to.flush()
        deadline = time.monotonic() + self._within
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline, name))
        code, value = msgspec.msgpack.decode(self._read(length, deadline, name))
        if code:
            raise OSError(code, value)
        return value

    def _read(self, count: int, deadline: float, name: str) -> bytes:
        pipe = self._from.fileno()
        found = b""
        while len(found) < count:
            if not readable(pipe, deadline - time.monotonic()):
                why = _("the server did not answer within {seconds:g} s", seconds=self._within)
                raise TimeoutError(errno.ETIMEDOUT, f"{name}: {why}")
            piece = os.read(pipe, count - len(found))
            if not piece:
                raise OSError(errno.EIO, _("the process that looks has ended"))
            found += piece

        return found
