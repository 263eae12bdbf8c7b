"""LUNs by lsblk; their paths by the kernel's own files."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.model.messages import _
from hosted_setup.pipeline.checking import begun
from hosted_setup.ports.luns import HostLun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COLUMNS: Final = "KNAME,PATH,TYPE,SIZE,LOG-SEC,VENDOR,MODEL,SERIAL,WWN,RO"
_WITHIN: Final = 5.0
_HERE: Final = Path("/")
_BY_ID: Final = "dev/disk/by-id"
_MULTIPATH: Final = "mpath-"  # what device-mapper's UUID of a multipath device begins with


class _Device(msgspec.Struct, rename={"block": "log-sec", "read_only": "ro"}):
    kname: str
    path: str
    type: str
    size: int
    block: int
    read_only: bool
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    wwn: str | None = None


class _Lsblk(msgspec.Struct):
    blockdevices: list[msgspec.Raw]


class SystemLuns:
    """Implements `ports.luns.Luns`.

    Args:
        root: where `sys` and `dev` are, for lsblk's `--sysroot`.
        within: seconds that a device may take to be read.
    """

    def __init__(self, root: Path = _HERE, within: float = _WITHIN) -> None:
        """See the class."""
        self._within = within
        self._root = root
        self._sys = root / "sys/class/block"

    def listed(self) -> tuple[HostLun, ...]:
        """Give the LUNs, each once however many paths lead to it, in the order of their paths."""
        every = {one.kname: one for one in self._lsblk()}
        found = {name: one for name, one in every.items() if one.type == "mpath" or (one.type == "disk" and one.wwn)}
        behind = {slave for name, one in found.items() if one.type == "mpath" for slave in self._slaves(name)}
        luns: dict[str, HostLun] = {}
        for one in (self._lun(one, every) for name, one in sorted(found.items()) if name not in behind):
            other = luns.get(one.wwid)
            if other is not None:  # several paths, and no multipath over them
                up, paths = other.paths_up + one.paths_up, other.paths + one.paths
                luns[one.wwid] = replace(other, paths_up=up, paths=paths)
            else:
                luns[one.wwid or one.path] = one
        return tuple(sorted(luns.values(), key=lambda one: one.path))

    def device(self, path: str) -> HostLun | None:
        """Give the block device of that path, whatever kind it is; None where there is none."""
        if not Path(path).is_block_device():
            return None
        found = next(iter(self._lsblk(path)), None)
        return replace(self._lun(found, {one.kname: one for one in self._lsblk()}), path=path) if found else None

    def read(self, path: str, regions: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes, whole blocks) of a device; raises OSError, TimeoutError in time.

        Past the page cache, which does not know of what other hosts write, such as the renewals of their leases.
        A device without any path that is up may keep whoever reads it waiting for ever, and not even let it be killed.
        """

        def work() -> tuple[bytes, ...]:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
            try:
                return tuple(_read(descriptor, start, length) for start, length in regions)
            finally:
                os.close(descriptor)

        try:
            return begun(work).result(self._within)
        except TimeoutError:
            why = _("no answer within {seconds:g} s", seconds=self._within)
            raise TimeoutError(errno.ETIMEDOUT, why) from None

    def _lsblk(self, *paths: str) -> list[_Device]:
        command = ["lsblk", "--json", "--bytes", "--output", _COLUMNS]
        command += ["--nodeps", *paths] if paths else ["--list"]
        command += [] if self._root == _HERE else ["--sysroot", str(self._root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN)
        found: list[_Device] = []
        for one in msgspec.json.decode(done.stdout, type=_Lsblk).blockdevices if done.returncode == 0 else []:
            with suppress(msgspec.ValidationError):  # it is just coming or going: much of it is null
                found.append(msgspec.json.decode(one, type=_Device))
        return found

    def _lun(self, device: _Device, every: Mapping[str, _Device]) -> HostLun:
        """Give it; who made a multipath device is known of its paths alone."""
        ways = self._slaves(device.kname) if device.type == "mpath" else (device.kname,)
        disk = next((every[one] for one in ways if one in every), device)
        wwid = self._wwid(device)
        return HostLun(
            path=self._lasting(device, wwid),
            size=device.size,
            block=device.block,
            vendor=(disk.vendor or "").strip(),
            product=(disk.model or "").strip(),
            serial=disk.serial or "",
            wwid=wwid,
            read_only=device.read_only,
            paths_up=sum(_text(self._sys / one / "device/state") in {"", "running"} for one in ways),
            paths=len(ways),
        )

    def _lasting(self, device: _Device, wwid: str) -> str:
        """Give the name by which udev finds the LUN at the next boot too; the kernel's where udev gives none."""
        single = (f"wwn-0x{wwid[1:]}", f"scsi-{wwid}")
        names = (f"dm-uuid-{_MULTIPATH}{wwid}",) if device.type == "mpath" else single
        there = (name for name in names if wwid and (self._root / _BY_ID / name).exists())
        return next((f"/{_BY_ID}/{name}" for name in there), device.path)

    def _wwid(self, device: _Device) -> str:
        multipath = _text(self._sys / device.kname / "dm/uuid")
        if multipath.startswith(_MULTIPATH):
            return multipath.removeprefix(_MULTIPATH)
        return f"3{device.wwn.removeprefix('0x')}" if device.wwn and device.wwn.startswith("0x") else ""

    def _slaves(self, name: str) -> tuple[str, ...]:
        folder = self._sys / name / "slaves"
        return tuple(sorted(one.name for one in folder.iterdir())) if folder.is_dir() else ()


def _read(descriptor: int, start: int, length: int) -> bytes:
    with mmap.mmap(-1, length) as page_by_page:  # aligned, as O_DIRECT wants it
        return page_by_page[: os.preadv(descriptor, [page_by_page], start)]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
