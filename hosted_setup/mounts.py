"""Mounts that came after a run: what an undo would remove is not reached through them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from hosted_setup.model.messages import _

_TABLE: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # blanks, tabs, line ends and backslashes, see proc(5)


def mount_of(path: Path) -> Path:
    """Give the mount point that `path` lies on."""
    return max((one for one in _mount_points() if _place(path).is_relative_to(one)), key=lambda one: len(one.parts))


def refuse_new_mount(path: Path, known: Path) -> None:
    """Go no further where something was mounted on `path`, or on a folder above it, below its mount point `known`.

    Raises:
        OSError: it was, with the place.
    """
    now = mount_of(path)
    if now != known and now.is_relative_to(known):
        raise _refusal(now)


def refuse_mounts_in(path: Path) -> None:
    """Go no further where something is mounted on `path`, or on anything in it.

    Raises:
        OSError: it is, with the place.
    """
    for one in _mount_points():
        if one.is_relative_to(_place(path)):
            raise _refusal(one)


def _refusal(mounted: Path) -> OSError:
    return OSError(
        _(
            "something is mounted on {mounted}: it is left alone, and what is below it, until it is unmounted",
            mounted=mounted,
        )
    )


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _mount_points() -> list[Path]:
    """Read the kernel's table: a mount itself is not touched, since one whose server is gone would hang."""
    lines = os.fsdecode(_TABLE.read_bytes()).split("\n")[:-1]
    return [Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split(" ")[4])) for line in lines]
