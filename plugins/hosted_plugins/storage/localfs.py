"""Local directory: the storage domain lives in a directory of this host. For one host, or for a trial."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hosted_setup.hooks import hookimpl
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.storage import StorageBackend, StorageHome


class DirectoryMissing(Problem):
    """The directory does not exist."""

    code = "HE-STORAGE-MISSING"
    title = "The storage directory does not exist"


class DirectoryNotWritable(Problem):
    """Nothing can be written into the directory."""

    code = "HE-STORAGE-READONLY"
    title = "The storage directory is not writable"


class LocalFs:
    """The back end for `domainType=localfs`; the connection is an absolute path."""

    kind: Final = "localfs"

    def check(self, connection: str, host: Host) -> None:
        """Prove the directory by writing a file that has no name, so that nothing can stay behind."""
        path = _path(connection)
        if not path.is_dir():
            raise _missing(path)
        try:
            probe = os.open(path, os.O_TMPFILE | os.O_WRONLY, 0o600)
        except OSError as error:
            raise DirectoryNotWritable(
                str(path),
                why=error.strerror or str(error),
                hint="Look at the directory and at its file system:",
                command=f"findmnt -T {shlex.quote(str(path))}",
            ) from error
        os.close(probe)

    def free(self, connection: str, host: Host) -> int:
        """Give the free bytes of the directory's file system."""
        return host.machine.space(_path(connection)).free

    def attach(self, connection: str, host: Host, undo: UndoLog) -> StorageHome:
        """Use the directory as it is; nothing is changed. It belongs to libvirt's own qemu user."""
        facts = host.hypervisor.facts()
        return StorageHome(_path(connection), facts.uid, facts.gid)


def _missing(path: Path) -> DirectoryMissing:
    name = shlex.quote(str(path))
    if path.exists():
        hint = "Answer OVEHOSTED_STORAGE/storageDomainConnection with a directory; this is:"
        return DirectoryMissing(str(path), why="there is a file of that name", hint=hint, command=f"ls -ld {name}")
    why = "nothing has that name"
    above = next((one for one in path.parents if one.exists()), path)
    return DirectoryMissing(str(path), why=f"{why}; {above} is there", hint="Create it:", command=f"mkdir -p {name}")


def _path(connection: str) -> Path:
    path = Path(connection)
    if not path.is_absolute() or "\0" in connection:
        message = f"{connection!r} is not an absolute path"
        raise ValueError(message)
    return path


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend]:
    """Register the back end."""
    return (LocalFs(),)
