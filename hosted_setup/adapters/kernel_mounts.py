"""File systems of servers, mounted by mount(8); what only looks does so in a mount namespace of its own."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.bounded import run_within
from hosted_setup.adapters.kernel_modules import has_module
from hosted_setup.adapters.private_tree import PrivateTree
from hosted_setup.model.messages import _
from hosted_setup.mounts import mounted_on
from hosted_setup.ports.mounts import MOUNT_WITHIN, FileSystem, Mounted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KNOWN: Final = Path("/proc/filesystems")
_FUSE: Final = {"glusterfs": "fuse"}
"""What the kernel has for kinds that a program serves."""
_WORDS: Final = {
    "rpc.statd": errno.ENOLCK,
    "access denied": errno.EACCES,
    "Permission denied": errno.EACCES,
    "Operation not permitted": errno.EACCES,
    "No such file": errno.ENOENT,
    "refused": errno.ECONNREFUSED,
    "No route to host": errno.EHOSTUNREACH,
    "unreachable": errno.ENETUNREACH,
    "resolve": errno.EHOSTUNREACH,
    "timed out": errno.ETIMEDOUT,
    "not supported": errno.EPROTONOSUPPORT,
    "Program not registered": errno.EPROTONOSUPPORT,
    "incorrect mount option": errno.EINVAL,
    "Invalid argument": errno.EINVAL,
    "busy": errno.EBUSY,
}
"""What mount's helpers say, by what it comes to; their exit codes tell no more than that they failed."""

_WORKER: Final = (
    *("setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private"),
    # What a FUSE file system leaves running ends with the worker.
    *("--pid", "--fork", "--kill-child", "--"),
    *(sys.executable, "-m", "hosted_setup.adapters.mount_worker"),
)


class KernelMounts:
    """Implements `ports.mounts.Mounts`."""

    def missing(self, kind: str) -> str:
        """Tell what this host lacks: the kernel's part, or the program that mounts."""
        if not _in_kernel(kind):
            return _("the kernel's file system {kind}", kind=kind)
        if not any(Path(folder, f"mount.{kind}").exists() for folder in ("/sbin", "/usr/sbin")):
            return _("the program mount.{kind}", kind=kind)
        return ""

    def mounted(self, point: Path) -> Mounted | None:
        """Look at the kernel's table."""
        return mounted_on(point)

    def mount(self, what: FileSystem, point: Path) -> Mounted:
        """Mount it, and give it as the kernel's table has it."""
        run([*mount_command(what), str(point)], MOUNT_WITHIN)
        found = mounted_on(point)
        if found is None:
            raise OSError(errno.EIO, f"{what}: {os.strerror(errno.EIO)}", str(point))
        return found

    def unmount(self, point: Path) -> None:
        """Unmount it; never by force, never lazily."""
        run(["umount", "--", str(point)], MOUNT_WITHIN)

    @contextmanager
    def privately(
        self, what: FileSystem, owner: tuple[int, int], within: float = MOUNT_WITHIN
    ) -> Iterator[PrivateTree]:
        """Have a process of its own mount it and work there."""
        process = subprocess.Popen(_WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        tree = PrivateTree(process, within)
        try:
            tree.mount(mount_command(what), owner)
            yield tree
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its mount goes with its namespace
            tree.close()


def mount_command(what: FileSystem) -> list[str]:
    """Give the command, but for the place."""
    options = ["-o", ",".join(what.options)] if what.options else []
    return ["mount", "-t", what.kind, *options, "--", what.source]


def run(command: Sequence[str], within: float) -> None:
    """Run mount or umount to its end: OSError with its words and the number they come to."""
    try:
        code, said = run_within(within, command)
    except TimeoutError:
        why = _("{command} did not end within {seconds:g} s", command=command[0], seconds=within)
        raise TimeoutError(errno.ETIMEDOUT, why) from None
    if code:
        number = next((number for words, number in _WORDS.items() if words in said), errno.EIO)
        raise OSError(number, " ".join(said.split()) or os.strerror(number))


def _in_kernel(kind: str) -> bool:
    kind = _FUSE.get(kind, kind)
    if any(line.split()[-1:] == [kind] for line in _KNOWN.read_text().splitlines()):
        return True
    return has_module(kind)
