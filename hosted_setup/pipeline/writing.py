"""Writes files that a run can take back: what this run wrote is removed, what was there is put back."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from hosted_setup.files import put
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.mounts import mount_of, refuse_mounts_in, refuse_new_mount
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host


def write(  # noqa: PLR0913 - a file, and how to take it back
    path: Path, content: bytes, mode: int, host: Host, undo: UndoLog, *, hidden: bool = False, anew: bool = False
) -> None:
    """Write a file, and the folders that are missing; what was there is kept beside and put back by the undo.

    Args:
        path: its place.
        content: all that is in it.
        mode: its permissions, as far as the umask lets.
        host: its run's id is in the name of what is kept.
        undo: where the way back is recorded.
        anew: what is there was written by this run, and is replaced.
        hidden: keep what was there under a name with a dot, for folders in which every file counts.

    Raises:
        FileExistsError: there is something under the name of what is to be kept.
    """
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        undo.before(RemoveFolder(folder, mount_of(folder.parent)))
        folder.mkdir(mode=0o755, exist_ok=True)
    mount = mount_of(path.parent)
    if os.path.lexists(path) and not anew:  # such as the answers of an older deploy
        aside = path.with_name(f"{'.' if hidden else ''}{path.name}.before-{host.run_id}")
        undo.before(PutBack(path, aside, mount))
        if os.path.lexists(aside):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(aside))
        path.rename(aside)
        host.reporter.emit(Info(_("{path} was there: it is now {name}", path=path, name=aside.name)))
    undo.before(RemoveFile(path, hashlib.sha256(content).hexdigest(), mount))
    put(path, content, mode, beside=_beside(path, host), new=not anew)


@dataclass(frozen=True)
class RemoveFile(Undo, name="file.remove"):
    """Removes a file whose content is the one this run wrote."""

    path: Path
    digest: str
    mount: Path
    """The mount point it was written on: one that came later is not reached through."""

    def apply(self, host: Host) -> None:
        """Remove it, unless somebody has changed it since; its unfinished beginning bears the run's id."""
        refuse_new_mount(self.path, self.mount)
        _beside(self.path, host).unlink(missing_ok=True)
        if self.path.is_file() and hashlib.sha256(self.path.read_bytes()).hexdigest() == self.digest:
            self.path.unlink()

    def describe(self) -> str:
        """Name the file."""
        return str(self.path)


@dataclass(frozen=True)
class PutBack(Undo, name="file.put-back"):
    """Puts a file back that was there before this run; it was kept beside, under a name with the run's id."""

    path: Path
    kept: Path
    mount: Path  # see RemoveFile

    def apply(self, host: Host) -> None:  # noqa: ARG002 - every undo has this form
        """Put it back, unless something new has taken its place."""
        for one in (self.kept, self.path):
            refuse_new_mount(one, self.mount)
        if os.path.lexists(self.kept) and not os.path.lexists(self.path):
            self.kept.rename(self.path)

    def describe(self) -> str:
        """Name the file."""
        return _("{path} as it was", path=self.path)


@dataclass(frozen=True)
class RemoveFolder(Undo, name="folder.remove"):
    """Removes a folder that was not there before this run, if nothing is in it."""

    path: Path
    mount: Path  # see RemoveFile

    def apply(self, host: Host) -> None:  # noqa: ARG002 - every undo has this form
        """Remove it if it is empty."""
        refuse_new_mount(self.path, self.mount)
        refuse_mounts_in(self.path)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()

    def describe(self) -> str:
        """Name the folder."""
        return str(self.path)


def _beside(path: Path, host: Host) -> Path:
    return path.with_name(f".{path.name}.{host.run_id}")
