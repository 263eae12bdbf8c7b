"""Local directory: the storage domain lives in a directory of this host. For one host, or for a trial."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.storage import StorageBackend
from hosted_setup.storage.domain import domains_in
from hosted_setup.storage.layout import Layout


class DirectoryMissing(Problem):
    """The directory does not exist."""

    code = "HE-STORAGE-MISSING"
    title = "The storage directory does not exist"


class DirectoryNotWritable(Problem):
    """Nothing can be written into the directory."""

    code = "HE-STORAGE-READONLY"
    title = "The storage directory is not writable"


class DirectoryClosed(Problem):
    """The user that QEMU runs as cannot come to what lies in the directory."""

    code = "HE-STORAGE-CLOSED"
    title = "QEMU cannot go into the storage directory"


def _usable(path: Path) -> str | None:
    """Prove the directory by writing a file that has no name, so that nothing can stay behind.

    What is in it already stays as it is, so that is no reason to refuse it.
    """
    if not path.is_dir():
        raise _missing(path)
    try:
        os.close(os.open(path, os.O_TMPFILE | os.O_WRONLY, 0o600))
        foreign = sorted(one.name for one in path.iterdir() if not _is_ours(one))
    except OSError as error:
        raise DirectoryNotWritable(
            str(path),
            why=error.strerror or str(error),
            hint=_("Look at the directory and at its file system:"),
            command=f"findmnt -T {shlex.quote(str(path))}",
        ) from error
    return _("{path} is not empty: {foreign}", path=path, foreign=", ".join(foreign[:3])) if foreign else None


@section("Storage")
class LocalFsAnswers:
    """Which directory."""

    path: Path = ask(
        "Path of the storage", key="OVEHOSTED_STORAGE/storageDomainConnection", check=_usable,
        help="The absolute path of an existing directory of this host.",
    )  # fmt: skip


class LocalFs(StorageBackend[LocalFsAnswers]):
    """The back end for `domainType=localfs`."""

    kind = "localfs"
    title = "a directory of this host: for one host, or for a trial"
    answers = LocalFsAnswers
    shared = False

    def connection(self, want: LocalFsAnswers) -> str:
        """Give the path."""
        return str(want.path)

    def check(self, want: LocalFsAnswers, host: Host) -> None:
        """Prove the directory again, and that QEMU can come to the disk."""
        _usable(want.path)
        facts = host.hypervisor.facts()
        if not host.machine.searchable(want.path, facts.uid, facts.gid):
            why = _("its processes run as user {uid}, group {gid}", uid=facts.uid, gid=facts.gid)
            hint = _("Let others go into it and each directory above (chmod o+x), or answer another; these are:")
            command = f"namei -l {shlex.quote(str(want.path))}"
            raise DirectoryClosed(str(want.path), why=why, where=str(want.path), hint=hint, command=command)

    def free(self, want: LocalFsAnswers, host: Host) -> int:
        """Give the free bytes of the directory's file system."""
        return host.machine.space(want.path).free

    def attach(self, want: LocalFsAnswers, host: Host, undo: UndoLog) -> DirectoryHome:
        """Use the directory as it is; nothing is changed. It belongs to libvirt's own qemu user."""
        return _home(want, host)

    @contextmanager
    def looking(self, want: LocalFsAnswers, host: Host) -> Iterator[Sequence[Layout]]:
        """Look into the directory."""
        home = _home(want, host)
        yield domains_in(home, host.trees.at(home))


def _home(want: LocalFsAnswers, host: Host) -> DirectoryHome:
    facts = host.hypervisor.facts()
    return DirectoryHome(want.path, facts.uid, facts.gid)


def _is_ours(path: Path) -> bool:
    """Tell whether it is a storage domain, being made or made, or what a file system brings along."""
    return path.name == "lost+found" or (path / "dom_md").is_dir()


def _missing(path: Path) -> DirectoryMissing:
    name = shlex.quote(str(path))
    if path.exists():
        hint = _("Answer OVEHOSTED_STORAGE/storageDomainConnection with a directory; this is:")
        return DirectoryMissing(str(path), why=_("there is a file of that name"), hint=hint, command=f"ls -ld {name}")
    why = _("nothing has that name")
    above = next((one for one in path.parents if one.exists()), path)
    return DirectoryMissing(
        str(path),
        why=_("{why}; {above} is there", why=why, above=above),
        hint=_("Create it:"),
        command=f"mkdir -p {name}",
    )


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend[Any]]:
    """Register the back end."""
    return (LocalFs(),)
