"""Storage that this host's kernel mounts: under the name that vdsm gives it, once, and unmounted by who mounted it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.connections import MountAt
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.ports.mounts import FileSystem
from hosted_setup.storage.connections import attach

OWNER = 36
"""The uid and gid of shared storage domains: oVirt's vdsm and kvm, on every host."""

GLUSTER = "glusterSD"
"""The folder of vdsm's mount points that GlusterFS volumes have for themselves."""


class StorageAccess(Enum):
    """How this host reaches shared storage: by its kernel, or by QEMU's own drivers in user space."""

    AUTO = "auto"
    KERNEL = "kernel"
    QEMU = "qemu"


def mount_point(host: Host, source: str, folder: str = "") -> Path:
    """Give the mount point of vdsm: its `transformPath`, below `folder` for some kinds."""
    return host.paths.mounts / folder / source.replace("_", "__").replace("/", "_")


def mount(what: FileSystem, point: Path, host: Host, undo: UndoLog) -> DirectoryHome:
    """Mount it where it is not mounted yet."""
    attach(MountAt(what.kind, what.source, what.options, str(point)), host, undo)
    return DirectoryHome(point, OWNER, OWNER, what.source)
