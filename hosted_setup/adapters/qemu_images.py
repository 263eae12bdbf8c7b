"""Disk images by qemu-img; a format is always told, never probed."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Final

from hosted_setup.adapters.disk_bytes import fill, must_be_empty
from hosted_setup.adapters.qemu_img import SILENT_AFTER, QemuImg, fault, faults, silent
from hosted_setup.adapters.qemu_nodes import filename, nothing
from hosted_setup.adapters.readable import readable
from hosted_setup.model.messages import _
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hosted_setup.model.secret import Secret
    from hosted_setup.ports.locations import Location

_PERCENT: Final = re.compile(rb"\(([0-9.]+)/100%\)")
_BLOCK: Final = 1 << 16
_STALLED: Final = 120.0
"""Seconds without a hundredth of a copy to a server: at 25 GiB, slower than 2 MiB a second."""
_SECTOR: Final = 512
_PIECE: Final = 32 << 20  # bytes of a region that are kept in memory and written at once


def _unknown(uuid: str) -> Secret:
    raise LookupError(uuid)


class QemuImages:
    """Implements `ports.images.Images`.

    Args:
        secret: gives the password that libvirt keeps under a UUID.
    """

    def __init__(self, secret: Callable[[str], Secret] = _unknown) -> None:
        """See the class."""
        self._qemu_img = QemuImg(secret)

    def create(self, disk: DiskSource, size: int) -> None:
        """Make it an empty thin qcow2 of `size` virtual bytes: in memory, where it is small, then where it belongs."""
        with os.fdopen(os.memfd_create("empty"), "rb") as empty:
            words = ("-q", "-f", "qcow2", f"/dev/fd/{empty.fileno()}", str(size))
            self._qemu_img.run(disk.at, "create", *words, keep=(empty.fileno(),))
            self.write(disk, [empty.read()])

    def write(self, disk: DiskSource, chunks: Iterable[bytes]) -> None:
        """Write `chunks` from the disk's start, in one pass, and sync them."""
        if disk.offset is not None:
            self._write_region(disk, chunks)
            return
        with faults(disk.at):
            must_be_empty(disk.at)
            fill(disk.at, chunks)

    def grow(self, disk: DiskSource, size: int) -> None:
        """Set the virtual size to `size` bytes, never smaller."""
        if self.virtual_size(disk) < size:
            self._qemu_img.run(disk.at, "resize", "-q", filename(disk), str(size), within=_within(disk))

    def convert(self, source: DiskSource, disk: DiskSource, progress: Callable[[float], None]) -> None:
        """Copy `source`, making `disk` a thin qcow2; `progress` takes percent."""
        self.create(disk, self.virtual_size(source))
        into = ("-W", "-n", "--target-is-zero", "-t", _cache(disk.at), "-O", "qcow2", filename(source), filename(disk))
        self._convert(into, (disk.at, source.at), progress)

    def virtual_size(self, source: DiskSource) -> int:
        """Give the virtual size in bytes."""
        said = self._qemu_img.run(source.at, "info", "-U", "--output=json", filename(source), within=_within(source))
        return int(json.loads(said)["virtual-size"])

    def head(self, source: DiskSource, length: int) -> bytes:
        """Give the first `length` bytes the guest would see."""
        with os.fdopen(os.memfd_create("head"), "rb") as out:
            sizes = (f"bs={_BLOCK}", f"count={-(-length // _BLOCK)}")
            ends = (f"if={filename(source)}", f"of=/dev/fd/{out.fileno()}")
            words = ("-U", "-O", "raw", *sizes, *ends)
            self._qemu_img.run(source.at, "dd", *words, keep=(out.fileno(),), within=_within(source))
            return out.read(length)

    def clear(self, disk: DiskSource) -> None:
        """Fill a region with zeros, and give its room back to the storage where that can be done."""
        raw = filename(_raw(disk, 0, disk.size or 0))
        self._convert(
            ("-n", "-t", "none", "-O", "raw", nothing(disk.size or 0), raw), (disk.at,), lambda _percent: None
        )

    def _convert(self, words: tuple[str, ...], ats: tuple[Location, ...], progress: Callable[[float], None]) -> None:
        """Copy onto the first of the places, as long as it moves."""
        target = ats[0]
        within = None if isinstance(target, FileAt) else _STALLED
        with self._qemu_img.command("convert", "-p", *words, ats=ats) as (command, secrets):
            try:
                said, failed = _watched(command, secrets, progress, within)
            except TimeoutError as error:
                raise silent(target, str(error)) from error
        if failed:
            raise fault(target, said)

    def _write_region(self, disk: DiskSource, chunks: Iterable[bytes]) -> None:
        done, held = 0, bytearray()
        for chunk in chunks:
            held += chunk
            if len(held) >= _PIECE:
                self._write_piece(disk, done, bytes(held))
                done += len(held)
                held.clear()
        if held:
            self._write_piece(disk, done, bytes(held))

    def _write_piece(self, disk: DiskSource, start: int, data: bytes) -> None:
        length = -(-len(data) // _SECTOR) * _SECTOR
        if start + length > (disk.size or 0):
            raise fault(disk.at, os.strerror(errno.ENOSPC))
        with os.fdopen(os.memfd_create("piece"), "wb", buffering=0) as piece:
            piece.write(data)
            piece.truncate(length)
            words = ("-n", "-t", "none", "-f", "raw", "-O", "raw", f"/dev/fd/{piece.fileno()}")
            target = filename(_raw(disk, start, length))
            self._qemu_img.run(disk.at, "convert", *words, target, keep=(piece.fileno(),), within=SILENT_AFTER)


def _cache(at: Location) -> str:
    """Give the faster cache for copying there, in QEMU's words (docs/performance.md); by either all is synced."""
    return "writeback" if isinstance(at, FileAt) and not at.shared else "none"


def _raw(disk: DiskSource, start: int, length: int) -> DiskSource:
    """Give a part of a region as bare bytes."""
    return DiskSource(disk.at, "raw", (disk.offset or 0) + start, length)


def _within(source: DiskSource) -> float | None:
    """Give the seconds for reading a little of it; a file's kernel has its own."""
    return None if isinstance(source.at, FileAt) else SILENT_AFTER


def _watched(
    command: list[str], keep: tuple[int, ...], progress: Callable[[float], None], within: float | None
) -> tuple[str, int]:
    """Run a command that tells its progress; give its other words and how it ended.

    Raises:
        TimeoutError: nothing moved for `within` seconds.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, pass_fds=keep
    ) as process:
        try:
            words = _followed(process, progress, within)
        except BaseException:
            process.kill()
            raise
    return words, process.returncode


def _followed(process: subprocess.Popen[bytes], progress: Callable[[float], None], within: float | None) -> str:
    """Report the progress until the program ends; give its other words."""
    said = b""
    while piece := _piece(process, within):
        said += piece
        for percent in _PERCENT.findall(said):
            progress(float(percent))
        said = said[said.rfind(b"%)\r") + 3 :] if b"%)\r" in said else said
    return said.decode(errors="replace")


def _piece(process: subprocess.Popen[bytes], within: float | None) -> bytes:
    if process.stdout is None:
        return b""
    if not readable(process.stdout.fileno(), within):
        raise TimeoutError(_("nothing has moved for {seconds:g} s", seconds=within))
    return process.stdout.read(256)
