"""Running qemu-img: it ends with the installer, reads passwords from open files alone, and its words become ours."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.qemu_nodes import CHAP
from hosted_setup.model.messages import _
from hosted_setup.ports.locations import FileAt, IscsiAt
from hosted_setup.ports.problems import RESUME, ImageFault, NoSpace, StorageSilent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosted_setup.model.secret import Secret
    from hosted_setup.ports.locations import Location

# A killed installer takes its qemu-img along: nobody may go on writing to a disk that an abort has removed.
_QEMU_IMG: Final = ("setpriv", "--pdeathsig", "KILL", "--", "qemu-img")
_MIB: Final = 1 << 20
SILENT_AFTER: Final = 60.0
"""Seconds for what takes a moment wherever it is done; a server that hangs would hold it for ever."""


class QemuImg:
    """qemu-img, and the passwords it may need.

    Args:
        secret: gives the password that libvirt keeps under a UUID.
    """

    def __init__(self, secret: Callable[[str], Secret]) -> None:
        """See the class."""
        self._secret = secret

    def run(
        self, at: Location, verb: str, *arguments: str, keep: tuple[int, ...] = (), within: float | None = None
    ) -> str:
        """Run a command on what lies at `at`, with these descriptors kept, and give what it prints.

        Raises:
            ImageFault, NoSpace: it failed.
            StorageSilent: it took longer than `within` seconds.
        """
        with self.command(verb, *arguments, ats=(at,)) as (command, secrets):
            try:
                done = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                    pass_fds=(*keep, *secrets),
                    timeout=within,
                )
            except subprocess.TimeoutExpired:
                raise silent(at, _("no answer within {seconds:g} s", seconds=within)) from None
        if done.returncode:
            raise fault(at, done.stderr)
        return done.stdout

    @contextmanager
    def command(
        self, verb: str, *arguments: str, ats: tuple[Location, ...]
    ) -> Iterator[tuple[list[str], tuple[int, ...]]]:
        """Give a command, and the descriptors it has to be given, open meanwhile: the password of one of `ats`."""
        secret = next((at.secret for at in ats if isinstance(at, IscsiAt) and at.user), "")
        if not secret:
            yield [*_QEMU_IMG, verb, *arguments], ()
            return
        descriptor = os.memfd_create("secret")
        try:
            os.write(descriptor, self._secret(secret).reveal().encode())
            named = f"secret,id={CHAP},file=/dev/fd/{descriptor}"
            yield [*_QEMU_IMG, verb, "--object", named, *arguments], (descriptor,)
        finally:
            os.close(descriptor)


@contextmanager
def faults(at: Location) -> Iterator[None]:
    """Turn the operating system's errors into problems of the place."""
    try:
        yield
    except TimeoutError as error:
        raise silent(at, error.strerror or str(error)) from error
    except OSError as error:
        raise fault(at, error.strerror or str(error)) from error


def silent(at: Location, why: str) -> StorageSilent:
    """Give the problem for a place whose server does not answer."""
    hint = _("Look after the storage server and the network to it, then go on:")
    return StorageSilent(str(at), why=why, where=str(at), hint=hint, command=RESUME)


def fault(at: Location, words: str) -> ImageFault | NoSpace:
    """Give the problem for what qemu-img or the operating system said of the place."""
    why = words.strip().removeprefix("qemu-img: ")
    if os.strerror(errno.ENOSPC) not in words:
        return ImageFault(str(at), why=why, where=str(at), hint=_("Look at it:"), command=at.command)
    hint = _("Make room, then resume; look at:")
    if not isinstance(at, FileAt):
        return NoSpace(str(at), why=why, where=str(at), hint=hint, command=at.command)
    folder = Path(at.path).parent
    space = os.statvfs(folder)
    free, size = (blocks * space.f_frsize // _MIB for blocks in (space.f_bavail, space.f_blocks))
    room = _("{free} of {size} MiB are free", free=free, size=size)
    return NoSpace(f"{at}: {room}", why=why, where=str(at), hint=hint, command=f"df -h {shlex.quote(str(folder))}")
