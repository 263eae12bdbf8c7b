"""Mounts that came after a run: what an undo would remove is not reached through them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from hosted_setup.model.messages import _
from hosted_setup.ports.mounts import Mounted

_TABLE: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # blanks, tabs, line ends and backslashes, see proc(5)


def mount_of(path: Path) -> Path:
    """Give the mount point that `path` lies on."""
    points = (point for point, _mounted in _table())
    return max((one for one in points if _place(path).is_relative_to(one)), key=lambda one: len(one.parts))


def mounted_on(point: Path) -> Mounted | None:
    """Tell what is mounted on a folder: the topmost, where there are several."""
    found = [mounted for place, mounted in _table() if place == _place(point)]
    return found[-1] if found else None


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
    for one, _mounted in _table():
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


def _table() -> list[tuple[Path, Mounted]]:
    """Read the kernel's table: a mount itself is not touched, since one whose server is gone would hang."""
    lines = os.fsdecode(_TABLE.read_bytes()).split("\n")[:-1]
    return [_entry(line) for line in lines]


def _entry(line: str) -> tuple[Path, Mounted]:
    """Take a line of /proc/self/mountinfo apart; see proc(5)."""
    mount, _separator, system = line.partition(" - ")
    words = mount.split(" ")
    kind, source, *_options = system.split(" ")
    return Path(_plain(words[4])), Mounted(int(words[0]), _plain(source), kind)


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
