"""NFS: the storage domain lives in a directory that a server exports.

It is reached from user space, by libnfs here and by QEMU's own driver in the VM, so this host needs no NFS client in
its kernel. Both speak version 3.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from hosted_setup.hooks import hookimpl
from hosted_setup.model.exports import NfsExport
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import NfsHome
from hosted_setup.storage import StorageBackend

OWNER: Final = 36
"""The uid and gid of shared storage domains: oVirt's vdsm and kvm, on every host."""

_DOWN: Final = (ConnectionError, TimeoutError, socket.gaierror)
_NO_WAY: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH)


class NfsVersion(Enum):
    """The version of the protocol."""

    AUTO = "auto"
    V3 = "v3"
    V4 = "v4"
    V4_0 = "v4_0"
    V4_1 = "v4_1"
    V4_2 = "v4_2"


class NfsUnreachable(Problem):
    """The NFS server cannot be reached."""

    code = "HE-NFS-UNREACHABLE"
    title = "The NFS server does not answer"


class NfsDenied(Problem):
    """The server does not export this to us: it knows no such export, or denies it to this host."""

    code = "HE-NFS-EXPORT"
    title = "The NFS server does not give the export"


class NfsNotWritable(Problem):
    """Nothing can be written into the export."""

    code = "HE-NFS-WRITE"
    title = "The NFS export is not writable"


class NfsWay(Problem):
    """What is wanted of NFS cannot be had from user space."""

    code = "HE-NFS-WAY"
    title = "NFS cannot be used in this way"


@section("Storage")
class NfsAnswers:
    """Which export."""

    export: NfsExport = ask(
        "Shared storage path (server:/path)", key="OVEHOSTED_STORAGE/storageDomainConnection",
        help="As in nas.example.com:/exports/engine; an IPv6 address in brackets. It has to be writable for user 36.",
    )  # fmt: skip
    version: NfsVersion = ask(
        "NFS version", key="OVEHOSTED_STORAGE/nfsVersion", default=NfsVersion.AUTO,
        help="auto, or v3: the client in user space speaks no other.",
    )  # fmt: skip


class Nfs(StorageBackend[NfsAnswers]):
    """The back end for `domainType=nfs`."""

    kind = "nfs"
    title = "a directory that an NFS server exports"
    answers = NfsAnswers

    def connection(self, want: NfsAnswers) -> str:
        """Give server and path."""
        return str(want.export)

    def entity(self, want: NfsAnswers) -> dict[str, object]:
        """Give address and path, and the version if one is wanted."""
        version = {} if want.version is NfsVersion.AUTO else {"nfs_version": want.version.value}
        return {"address": str(want.export.server), "path": want.export.path, **version}

    def command(self, want: NfsAnswers) -> str:
        """Give the command that shows what is in the export."""
        return _home(want).command

    def check(self, want: NfsAnswers, host: Host) -> None:
        """Prove that the server answers, gives the export and lets us write, by a file that is gone at once."""
        if want.version not in {NfsVersion.AUTO, NfsVersion.V3}:
            raise NfsWay(
                str(want.export),
                why=_("{version} is wanted; the client in user space speaks version 3", version=want.version.value),
                hint=_("Answer OVEHOSTED_STORAGE/nfsVersion=str:auto; see what the server offers with:"),
                command=f"rpcinfo {want.export.server}",
            )
        probe = f".hosted-engine-probe-{host.run_id}"
        try:
            tree = host.trees.at(_home(want))
            tree.names("")
        except OSError as error:
            raise _unreached(want, error) from error
        try:
            tree.make_file(probe, 0o600, [b"probe"])
            tree.remove(probe)
        except OSError as error:
            raise _not_written(want, error) from error

    def free(self, want: NfsAnswers, host: Host) -> int:
        """Give the free bytes of the export's file system."""
        try:
            return host.trees.at(_home(want)).space().free
        except OSError as error:
            raise _unreached(want, error) from error

    def attach(self, want: NfsAnswers, host: Host, undo: UndoLog) -> NfsHome:
        """Change nothing: every use of it finds its own way there."""
        return _home(want)

    def home(self, want: NfsAnswers, host: Host) -> NfsHome:
        """Give the export."""
        return _home(want)


def _home(want: NfsAnswers) -> NfsHome:
    return NfsHome(str(want.export.server), want.export.path, OWNER, OWNER)


def _unreached(want: NfsAnswers, error: OSError) -> Problem:
    where, why = str(want.export), error.strerror or str(error)
    server = want.export.server
    if isinstance(error, _DOWN) or error.errno in _NO_WAY:
        hint = _("Start the NFS server, mend the network to it, or answer another server; ask it with:")
        return NfsUnreachable(where, why=why, where=where, hint=hint, command=f"rpcinfo {server}")
    hint = _("Export it to this host, or answer another path; see what the server exports with:")
    return NfsDenied(where, why=why, where=where, hint=hint, command=f"showmount --exports {server}")


def _not_written(want: NfsAnswers, error: OSError) -> Problem:
    if isinstance(error, _DOWN):
        return _unreached(want, error)
    where, why = str(want.export), error.strerror or str(error)
    hint = _("On the server, let user and group 36 write there (chown 36:36), without squashing them; look at it with:")
    return NfsNotWritable(where, why=why, where=where, hint=hint, command=_home(want).command)


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend[Any]]:
    """Register the back end."""
    return (Nfs(),)
