"""Disk images by qemu-img; a format is always told, never probed."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import stat
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.qemu_nodes import filename
from hosted_setup.model.messages import _
from hosted_setup.ports.locations import FileAt
from hosted_setup.ports.problems import ImageFault, NoSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hosted_setup.ports.images import DiskSource
    from hosted_setup.ports.locations import Location

# A killed installer takes its qemu-img along: nobody may go on writing to a disk that an abort has removed.
_QEMU_IMG: Final = ("setpriv", "--pdeathsig", "KILL", "--", "qemu-img")
_PERCENT: Final = re.compile(rb"\(([0-9.]+)/100%\)")
_BLOCK: Final = 1 << 16
_MIB: Final = 1 << 20


class QemuImages:
    """Implements `ports.images.Images`."""

    def create(self, disk: DiskSource, size: int) -> None:
        """Make it an empty thin qcow2 of `size` virtual bytes."""
        _must_be_empty(disk)
        _run(disk.at, "create", "-q", "-f", "qcow2", _target(disk.at), str(size))

    def write(self, disk: DiskSource, chunks: Iterable[bytes]) -> None:
        """Write `chunks` from the disk's start, in one pass, and sync them."""
        _must_be_empty(disk)
        with _faults(disk.at), os.fdopen(os.open(_target(disk.at), os.O_WRONLY | os.O_CLOEXEC), "wb") as stream:
            stream.writelines(chunks)
            stream.flush()
            os.fsync(stream.fileno())

    def grow(self, disk: DiskSource, size: int) -> None:
        """Set the virtual size to `size` bytes, never smaller."""
        if self.virtual_size(disk) < size:
            _run(disk.at, "resize", "-q", filename(disk), str(size))

    def convert(self, source: DiskSource, disk: DiskSource, progress: Callable[[float], None]) -> None:
        """Copy `source`, making `disk` a thin qcow2; `progress` takes percent."""
        _must_be_empty(disk)
        command = [*_QEMU_IMG, "convert", "-p", "-W", "-O", "qcow2", filename(source), _target(disk.at)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        ) as process:
            try:
                words = _followed(process, progress)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise _fault(disk.at, words)
        _sync(disk.at)

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""
        return int(json.loads(_run(source.at, "info", "-U", "--output=json", filename(source)))["virtual-size"])

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first `length` bytes the guest would see."""
        with os.fdopen(os.memfd_create("head"), "rb") as out:
            sizes = (f"bs={_BLOCK}", f"count={-(-length // _BLOCK)}")
            ends = (f"if={filename(source)}", f"of=/dev/fd/{out.fileno()}")
            _run(source.at, "dd", "-U", "-O", "raw", *sizes, *ends, keep=out.fileno())
            return out.read(length)


def _target(at: Location) -> str:
    """Give the name under which qemu-img makes an image in a place that is there already."""
    return str(at)


def _must_be_empty(disk: DiskSource) -> None:
    """Refuse to write over what is there."""
    with _faults(disk.at):
        status = os.lstat(_target(disk.at))
        if not stat.S_ISREG(status.st_mode) or status.st_size:
            raise FileExistsError(errno.EEXIST, _("there is something already"))


def _sync(at: Location) -> None:
    """Bring a file to the disk; qemu-img leaves it to the kernel."""
    with _faults(at):
        descriptor = os.open(_target(at), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _run(at: Location, *arguments: str, keep: int | None = None) -> str:
    done = subprocess.run(
        [*_QEMU_IMG, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=() if keep is None else (keep,),
    )
    if done.returncode:
        raise _fault(at, done.stderr)
    return done.stdout


def _followed(process: subprocess.Popen[bytes], progress: Callable[[float], None]) -> str:
    """Report the progress until the program ends; give its other words."""
    said = b""
    while piece := process.stdout.read(256) if process.stdout else b"":
        said += piece
        for percent in _PERCENT.findall(said):
            progress(float(percent))
        said = said[said.rfind(b"%)\r") + 3 :] if b"%)\r" in said else said
    return said.decode(errors="replace")


@contextmanager
def _faults(at: Location) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _fault(at, error.strerror or str(error)) from error


def _fault(at: Location, words: str) -> ImageFault | NoSpace:
    why = words.strip().removeprefix("qemu-img: ")
    if os.strerror(errno.ENOSPC) not in words:
        return ImageFault(str(at), why=why, where=str(at), command=at.command)
    hint = _("Make room, then resume; look at:")
    if not isinstance(at, FileAt):
        return NoSpace(str(at), why=why, where=str(at), hint=hint, command=at.command)
    folder = Path(at.path).parent
    space = os.statvfs(folder)
    free, size = (blocks * space.f_frsize // _MIB for blocks in (space.f_bavail, space.f_blocks))
    room = _("{free} of {size} MiB are free", free=free, size=size)
    return NoSpace(f"{at}: {room}", why=why, where=str(at), hint=hint, command=f"df -h {shlex.quote(str(folder))}")
