"""Pretended LUNs of a host: a file of its folder is one, its name the identifier."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hosted_setup.ports.luns import HostLun

if TYPE_CHECKING:
    from collections.abc import Sequence


class FakeLuns:
    """Implements `ports.luns.Luns`."""

    def __init__(self, devices: Path) -> None:
        """Show the files in `devices`."""
        self._devices = devices

    def listed(self) -> tuple[HostLun, ...]:
        """Give the LUNs, in the order of their paths."""
        return tuple(_lun(path) for path in sorted(self._devices.glob("*")))

    def device(self, path: str) -> HostLun | None:
        """Give the block device of that path; None where there is none."""
        return _lun(Path(path)) if Path(path).is_file() else None

    def read(self, path: str, regions: Sequence[tuple[int, int]]) -> tuple[bytes, ...]:
        """Read regions (start and length in bytes, whole blocks) of a block device; raises OSError."""
        with Path(path).open("rb", buffering=0) as device:
            return tuple(os.pread(device.fileno(), length, start) for start, length in regions)


def _lun(path: Path) -> HostLun:
    size = path.stat().st_size
    return HostLun(str(path), size, 512, "ACME", "Virtual Disk", path.name[-4:], path.name, False, 2, 2)  # noqa: FBT003
