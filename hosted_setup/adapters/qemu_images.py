"""Disk images by qemu-img; a format is always told, never probed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_setup.ports.problems import ImageFault, NoSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hosted_setup.ports.images import DiskSource

_PERCENT: Final = re.compile(rb"\(([0-9.]+)/100%\)")
_BLOCK: Final = 1 << 16


class QemuImages:
    """Implements `ports.images.Images`."""

    def create(self, path: Path, size: int) -> None:
        """Create an empty thin qcow2 of `size` virtual bytes."""
        _reserve(path)
        _run(path, "create", "-q", "-f", "qcow2", str(path), str(size))

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write `chunks` to a new file, in one pass, and sync it."""
        with _faults(path), open(path, "xb", opener=_new_file) as stream:
            for chunk in chunks:
                stream.write(chunk)
            stream.flush()
            os.fsync(stream.fileno())

    def grow(self, path: Path, format: str, size: int) -> None:  # noqa: A002 - the tools' word
        """Set the virtual size to `size` bytes, never smaller."""
        _run(path, "resize", "-q", "-f", format, str(path), str(size))

    def convert(self, source: DiskSource, path: Path, progress: Callable[[float], None]) -> None:
        """Copy `source` into a new thin qcow2; `progress` takes percent."""
        _reserve(path)
        command = ["qemu-img", "convert", "-p", "-W", "-O", "qcow2", _address(source), str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        ) as process:
            while chunk := process.stdout.read(256) if process.stdout else b"":
                for percent in _PERCENT.findall(chunk):
                    progress(float(percent))
            words = process.stderr.read() if process.stderr else b""
        if process.returncode:
            raise _fault(path, words.decode(errors="replace"))

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""
        return int(json.loads(_run(Path(source.path), "info", "-U", "--output=json", _address(source)))["virtual-size"])

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first `length` bytes the guest would see."""
        if source.format == "raw":
            with _faults(Path(source.path)), open(source.path, "rb") as stream:
                stream.seek(source.offset or 0)
                return stream.read(length)
        with tempfile.NamedTemporaryFile() as out:
            count = -(-length // _BLOCK)
            _run(
                Path(source.path), "dd", "-U", "-O", "raw", f"bs={_BLOCK}", f"count={count}", f"if={_address(source)}",
                f"of={out.name}",
            )  # fmt: skip
            return Path(out.name).read_bytes()[:length]


def _address(source: DiskSource) -> str:
    """Give qemu's JSON form: every layer's driver is named, so nothing is left to be probed."""
    file: dict[str, object] = {"driver": "file", "filename": source.path}
    if source.offset is not None:
        file = {"driver": "raw", "offset": source.offset, "size": source.size, "file": file}
    return "json:" + json.dumps({"driver": source.format, "file": file})


def _reserve(path: Path) -> None:
    """Take the name exclusively; qemu-img would write over whatever is there."""
    with _faults(path):
        os.close(_new_file(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def _new_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)


def _run(path: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["qemu-img", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise _fault(path, done.stderr)
    return done.stdout


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _fault(path, error.strerror or str(error)) from error


def _fault(path: Path, words: str) -> ImageFault | NoSpace:
    why = words.strip().removeprefix("qemu-img: ")
    if os.strerror(errno.ENOSPC) in words:
        return NoSpace(str(path), why=why, hint="Make room, then resume; look at:", command=f"df -h {path.parent}")
    return ImageFault(str(path), why=why, command=f"ls -l {path}")
