"""Storage that this host's kernel mounts: under the name that vdsm gives it, once, and unmounted by who mounted it."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.ports.mounts import FileSystem

OWNER = 36
"""The uid and gid of shared storage domains: oVirt's vdsm and kvm, on every host."""

GLUSTER = "glusterSD"
"""The folder of vdsm's mount points that GlusterFS volumes have for themselves."""


class StorageAccess(Enum):
    """How this host reaches shared storage: by its kernel, or by QEMU's own drivers in user space."""

    AUTO = "auto"
    KERNEL = "kernel"
    QEMU = "qemu"


class PointTaken(Problem):
    """Something else is mounted where the storage belongs."""

    code = "HE-STORAGE-POINT"
    title = "Something else is mounted in the storage's place"


@dataclass(frozen=True)
class Unmount(Undo, name="storage.unmount"):
    """Unmounts what a run has mounted, and removes the folders that it made for it.

    It is recorded only where nothing was mounted, so what has this source there is the run's own, or is as it was.
    """

    point: str
    source: str
    made: tuple[str, ...]

    def apply(self, host: Host) -> None:
        """Unmount it unless it is another source's; the folders go as far as they are empty."""
        found = host.mounts.mounted(Path(self.point))
        if found is not None:
            if found.source != self.source:
                told = _("{source} is mounted on {point} now, and stays", source=found.source, point=self.point)
                host.reporter.emit(Warn(told))
                return
            host.mounts.unmount(Path(self.point))
        for folder in reversed(self.made):
            with suppress(OSError):  # in use, or gone
                Path(folder).rmdir()

    def describe(self) -> str:
        """Name it."""
        return _("mount of {source} on {point}", source=self.source, point=self.point)


def mount_point(host: Host, source: str, folder: str = "") -> Path:
    """Give the mount point of vdsm: its `transformPath`, below `folder` for some kinds."""
    return host.paths.mounts / folder / source.replace("_", "__").replace("/", "_")


def refuse_another(what: FileSystem, point: Path, host: Host) -> None:
    """Go no further where something else is mounted in its place."""
    found = host.mounts.mounted(point)
    if found is not None and found.source != what.source:
        where = str(point)
        why = _("{source} is mounted there", source=found.source)
        hint = _("See whose it is, and unmount it:")
        raise PointTaken(where, why=why, where=where, hint=hint, command=f"findmnt {shlex.quote(where)}")


def mount(what: FileSystem, point: Path, host: Host, undo: UndoLog) -> DirectoryHome:
    """Mount it where it is not mounted yet."""
    refuse_another(what, point, host)
    if host.mounts.mounted(point) is None:
        made = [one for one in (*reversed(point.parents), point) if not one.exists()]
        undo.before(Unmount(str(point), what.source, tuple(map(str, made))))
        for folder in made:
            folder.mkdir(mode=0o755)
        host.mounts.mount(what, point)
    return DirectoryHome(point, OWNER, OWNER, what.source)
