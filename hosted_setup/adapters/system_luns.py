"""LUNs by lsblk; their paths by the kernel's own files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.ports.luns import HostLun

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = "KNAME,PATH,TYPE,SIZE,LOG-SEC,VENDOR,MODEL,SERIAL,WWN,RO"
_WITHIN: Final = 5.0
_SYS: Final = Path("/sys/class/block")
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
    blockdevices: list[_Device]


class SystemLuns:
    """Implements `ports.luns.Luns`."""

    def listed(self) -> tuple[HostLun, ...]:
        """Give the LUNs, each once however many paths lead to it, in the order of their paths."""
        found = {one.kname: one for one in _lsblk() if one.type == "mpath" or (one.type == "disk" and one.wwn)}
        behind = {slave for name, one in found.items() if one.type == "mpath" for slave in _slaves(name)}
        return tuple(_lun(one) for name, one in sorted(found.items()) if name not in behind)

    def device(self, path: str) -> HostLun | None:
        """Give the block device of that path, whatever kind it is; None where there is none."""
        if not Path(path).is_block_device():
            return None
        return next((_lun(one, path) for one in _lsblk(path)), None)

    def read(self, path: str, regions: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes) of a block device; raises OSError."""
        with Path(path).open("rb", buffering=0) as device:
            return tuple(os.pread(device.fileno(), length, start) for start, length in regions)


def _lsblk(*paths: str) -> list[_Device]:
    command = ["lsblk", "--json", "--bytes", "--nodeps", "--output", _COLUMNS, *paths]
    if not paths:
        command.remove("--nodeps")
        command.append("--list")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN)
    return msgspec.json.decode(done.stdout, type=_Lsblk).blockdevices if done.returncode == 0 else []


def _lun(device: _Device, path: str = "") -> HostLun:
    ways = _slaves(device.kname) if device.type == "mpath" else (device.kname,)
    return HostLun(
        path=path or device.path,
        size=device.size,
        block=device.block,
        vendor=(device.vendor or "").strip(),
        product=(device.model or "").strip(),
        serial=device.serial or "",
        wwid=_wwid(device),
        read_only=device.read_only,
        paths_up=sum(_text(_SYS / one / "device/state") in {"", "running"} for one in ways),
        paths=len(ways),
    )


def _wwid(device: _Device) -> str:
    multipath = _text(_SYS / device.kname / "dm/uuid")
    if multipath.startswith(_MULTIPATH):
        return multipath.removeprefix(_MULTIPATH)
    return f"3{device.wwn.removeprefix('0x')}" if device.wwn and device.wwn.startswith("0x") else ""


def _slaves(name: str) -> tuple[str, ...]:
    folder = _SYS / name / "slaves"
    return tuple(sorted(one.name for one in folder.iterdir())) if folder.is_dir() else ()


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
