"""Pretended file servers: an export is a folder of the world."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.ports.locations import DirectoryHome, NfsHome
from hosted_setup.ports.trees import WITHIN, Exported, Exports

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.trees import Tree


class FakeTrees:
    """Implements `ports.trees.Trees`: directories are real, servers are folders.

    Args:
        exports: the folder of the servers; see `export_file`.
    """

    def __init__(self, exports: Path) -> None:
        """See the class."""
        self._exports = exports

    def exports(self, server: str, within: float = WITHIN) -> Exports:  # noqa: ARG002 - it answers at once
        """Give the folders of a server that have none in them."""
        top = self._exports / server
        if not top.is_dir():
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"{server}: {os.strerror(errno.ECONNREFUSED)}")
        folders = sorted(path for path in top.rglob("*") if path.is_dir())
        inmost = (one for one in folders if not any(one in other.parents for other in folders))
        return Exports(tuple(Exported(f"/{path.relative_to(top)}", ("192.0.2.0/24",)) for path in inmost))

    def at(self, home: FileHome, within: float = WITHIN) -> Tree:  # noqa: ARG002 - it answers at once
        """Give the tree of a home."""
        if not isinstance(home, NfsHome):
            return LocalTree(home)
        folder = export_file(self._exports, home.server, home.export)
        if not folder.is_dir():
            raise PermissionError(errno.EACCES, f"{home.server}:{home.export}: {os.strerror(errno.EACCES)}")
        return LocalTree(DirectoryHome(folder, home.uid, home.gid))


def export_file(exports: Path, server: str, path: str) -> Path:
    """Give what stands for a file or folder of a server."""
    return exports / server / path.lstrip("/")
