"""The storage of a deployed engine, connected again after a reboot, by hand or by systemd, and let go of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.host import Host


def boot_files(host: Host) -> dict[Path, str]:
    """Give the files by which systemd connects the storage at each boot, before anything runs the engine VM.

    None where there is nothing to connect, or no systemd.
    """
    from hosted_plugins.connect import booting  # noqa: PLC0415 - commands are light until they run

    return booting.files(host)
