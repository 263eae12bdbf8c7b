"""Disk images by qemu-img; a format is always told, never probed."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.model.messages import _
from hosted_setup.ports.problems import ImageFault, NoSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hosted_setup.ports.images import DiskSource

# A killed installer takes its qemu-img along: nobody may go on writing to a disk that an abort has removed.
_QEMU_IMG: Final = ("setpriv", "--pdeathsig", "KILL", "--", "qemu-img")
_PERCENT: Final = re.compile(rb"\(([0-9.]+)/100%\)")
_SECTOR: Final = 512
_BLOCK: Final = 1 << 16
_MODE: Final = 0o660
_MIB: Final = 1 << 20


class QemuImages:
    """Implements `ports.images.Images`."""

    def create(self, path: Path, size: int) -> None:
        """Create an empty thin qcow2 of `size` virtual bytes."""
        _reserve(path)
        _run(path, "create", "-q", "-f", "qcow2", str(path), str(size))

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write `chunks` to a new file, in one pass, and sync it."""
        with _faults(path), os.fdopen(_exclusive(path), "wb") as stream:
            stream.writelines(chunks)
            stream.flush()
            os.fsync(stream.fileno())

    def grow(self, path: Path, format: str, size: int) -> None:  # noqa: A002 - the tools' word
        """Set the virtual size to `size` bytes, never smaller."""
        image: dict[str, object] = {"driver": format, "file": {"driver": "file", "filename": str(path)}}
        if _virtual_size(path, image) < size:
            _run(path, "resize", "-q", "-f", format, str(path), str(size))

    def convert(self, source: DiskSource, path: Path, progress: Callable[[float], None]) -> None:
        """Copy `source` into a new thin qcow2; `progress` takes percent."""
        _reserve(path)
        command = [*_QEMU_IMG, "convert", "-p", "-W", "-O", "qcow2", _json(_image(source)), str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        ) as process:
            try:
                words = _followed(process, progress)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise _fault(path, words)
        with _faults(path):
            _sync(path)

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""
        return _virtual_size(Path(source.path), _image(source))

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first `length` bytes the guest would see."""
        with os.fdopen(os.memfd_create("head"), "rb") as out:
            sizes = (f"bs={_BLOCK}", f"count={-(-length // _BLOCK)}")
            ends = (f"if={_json(_image(source))}", f"of=/dev/fd/{out.fileno()}")
            _run(Path(source.path), "dd", "-U", "-O", "raw", *sizes, *ends, keep=out.fileno())
            return out.read(length)


def _image(source: DiskSource) -> dict[str, object]:
    """Name every layer's driver, so that nothing is left to be probed."""
    file: dict[str, object] = {"driver": "file", "filename": source.path}
    if source.offset is not None:
        size = -(-(source.size or 0) // _SECTOR) * _SECTOR  # qemu takes nothing else; a tar pads its members to that
        file = {"driver": "raw", "offset": source.offset, "size": size, "file": file}
    return {"driver": source.format, "file": file}


def _json(image: dict[str, object]) -> str:
    return "json:" + json.dumps(image)


def _virtual_size(path: Path, image: dict[str, object]) -> int:
    return int(json.loads(_run(path, "info", "-U", "--output=json", _json(image)))["virtual-size"])


def _reserve(path: Path) -> None:
    """Take the name; qemu-img would write over whatever is there."""
    with _faults(path):
        os.close(_exclusive(path))


def _exclusive(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    os.fchmod(descriptor, _MODE)  # whatever the umask
    return descriptor


def _sync(path: Path) -> None:
    """Bring a file to the disk; qemu-img leaves it to the kernel."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _run(path: Path, *arguments: str, keep: int | None = None) -> str:
    done = subprocess.run(
        [*_QEMU_IMG, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=() if keep is None else (keep,),
    )
    if done.returncode:
        raise _fault(path, done.stderr)
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
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _fault(path, error.strerror or str(error)) from error


def _fault(path: Path, words: str) -> ImageFault | NoSpace:
    why = words.strip().removeprefix("qemu-img: ")
    if os.strerror(errno.ENOSPC) not in words:
        return ImageFault(str(path), why=why, where=str(path), command=f"ls -l {path}")
    space = os.statvfs(path.parent)
    room = _(
        "{free} of {size} MiB are free",
        free=space.f_bavail * space.f_frsize // _MIB,
        size=space.f_blocks * space.f_frsize // _MIB,
    )
    hint = _("Make room, then resume; look at:")
    return NoSpace(f"{path}: {room}", why=why, where=str(path), hint=hint, command=f"df -h {path.parent}")
