"""Pretended mounts: a mount point is a link to the folder that stands for the export."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.adapters.mount_worker import lock, write_directly
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.ports.mounts import MOUNT_WITHIN, FileSystem, Mounted
from hosted_setup.testing.state import load, save
from hosted_setup.testing.trees import export_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosted_setup.testing.behaviour import Behaviour


class FakeMounts:
    """Implements `ports.mounts.Mounts`.

    Args:
        table: the file that keeps what is mounted.
        exports: the folder of the servers; see `trees.export_file`.
        behaviour: of the world.
    """

    def __init__(self, table: Path, exports: Path, behaviour: Behaviour) -> None:
        """See the class."""
        self._table = table
        self._exports = exports
        self._behaviour = behaviour

    def missing(self, kind: str) -> str:
        """Tell what this host lacks."""
        return "" if kind in self._behaviour.mounts else f"the kernel's file system {kind}"

    def mounted(self, point: Path) -> Mounted | None:
        """Look at the table."""
        return self._all().get(str(point))

    def mount(self, what: FileSystem, point: Path) -> Mounted:
        """Mount it: the link is made in the folder's place."""
        table = self._all()
        if str(point) in table:
            raise OSError(errno.EBUSY, f"{point}: {os.strerror(errno.EBUSY)}")
        folder = self._folder(what)
        point.rmdir()
        point.symlink_to(folder)
        found = Mounted(1 + max((one.number for one in table.values()), default=0), what.source, what.kind)
        save(self._table, table | {str(point): found})
        return found

    def unmount(self, point: Path) -> None:
        """Unmount it: the folder is there again."""
        table = self._all()
        if table.pop(str(point), None) is None:
            raise OSError(errno.EINVAL, f"{point}: not mounted")
        point.unlink()
        point.mkdir()
        save(self._table, table)

    def end_all(self) -> None:
        """Unmount everything, as a reboot does."""
        for point in self._all():
            self.unmount(Path(point))

    @contextmanager
    def privately(
        self,
        what: FileSystem,
        owner: tuple[int, int],
        within: float = MOUNT_WITHIN,  # noqa: ARG002 - it answers at once
    ) -> Iterator[FakeProvingTree]:
        """Work in the folder that stands for it."""
        yield FakeProvingTree(self._folder(what), owner)

    def _folder(self, what: FileSystem) -> Path:
        server, _colon, path = what.source.rpartition(":")
        folder = export_file(self._exports, server, path)
        if not folder.is_dir():
            raise PermissionError(errno.EACCES, f"mount.nfs: access denied by server while mounting {what.source}")
        return folder

    def _all(self) -> dict[str, Mounted]:
        return load(self._table, dict[str, Mounted]) or {}


class FakeProvingTree(LocalTree):
    """Implements `ports.mounts.ProvingTree` in a folder."""

    def __init__(self, folder: Path, owner: tuple[int, int]) -> None:
        """Work in `folder`."""
        super().__init__(DirectoryHome(folder, *owner))
        self._folder = folder

    def write_directly(self, path: str) -> None:
        """Write past the page cache."""
        write_directly(self._folder / path)

    def lock(self, path: str) -> None:
        """Lock a file."""
        lock(self._folder / path)
