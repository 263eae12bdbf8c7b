"""LVM without device-mapper, on one device alone: another one may bear a volume group of the same name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def on_device(device: str, settings: Path, command: str, *words: str) -> tuple[list[str], dict[str, str]]:
    """Give the command and the environment it has to run in; `settings` is a folder of LVM's own."""
    settings.mkdir(exist_ok=True)
    alone = f"""filter = [ "a|^{device}$|", "r|.*|" ]"""
    (settings / "lvm.conf").write_text(f"devices {{ {alone} use_devicesfile = 0 }}\n")
    environment = {**os.environ, "LVM_SYSTEM_DIR": str(settings), "LVM_SUPPRESS_FD_WARNINGS": "1"}
    return [command, "--driverloaded", "n", *words], environment
