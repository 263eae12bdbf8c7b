"""What this host's kernel can load."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_MODULES: Final = Path("/lib/modules")


def has_module(name: str) -> bool:
    """Tell whether there is a kernel module of that name, built in or as a file."""
    release = _MODULES / os.uname().release
    lists = (release / "modules.dep", release / "modules.builtin")
    text = "".join(one.read_text() for one in lists if one.exists())
    return f"/{name}.ko" in text
