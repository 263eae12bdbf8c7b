"""Long, since all of one back end is here: NFS; the storage domain lives in a directory that a server exports.

It is reached by this host's kernel (mount), or from user space, by libnfs here and by QEMU's own driver in the VM, for
hosts without the NFS client in their kernel. User space speaks version 3 alone.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

from hosted_plugins.storage import proofs
from hosted_plugins.storage.mounting import OWNER, StorageAccess, mount, mount_point
from hosted_plugins.storage.server import CONNECTION, StorageServer
from hosted_setup.hooks import hookimpl
from hosted_setup.model.answer import Suggestion
from hosted_setup.model.events import Info
from hosted_setup.model.exports import NfsExport
from hosted_setup.model.messages import _
from hosted_setup.model.mount_options import MountOptions
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.pipeline.checking import PATIENT_PRECHECK, begun
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import FileHome, NfsHome
from hosted_setup.ports.mounts import FileSystem
from hosted_setup.ports.trees import Exported, SlowServerError, Tree
from hosted_setup.storage import StorageBackend, discovery
from hosted_setup.storage.connecting import refuse_another
from hosted_setup.storage.domain import domains_in
from hosted_setup.storage.layout import Layout

ANSWER_WITHIN: Final = 4.0
"""Seconds that each answer of a server may take while it is looked at; a mount has as long."""

OPTIONS: Final = ("soft", "nosharecache", "timeo=100", "retrans=3", "retry=0")
"""What vdsm mounts NFS with (`NFSConnection` of its storageServer.py): an error, in the end, rather than a hang.

mount itself would try again for two minutes; here it tells at once.
"""

_DOWN: Final = (ConnectionError, TimeoutError, socket.gaierror)
_NO_WAY: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH)
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_NO_VERSION: Final = (errno.EPROTONOSUPPORT, errno.EPFNOSUPPORT)
_ROOT: Final = 0
_LOOKS: Final = 4.0  # at a folder, in the time of one of the proofs: by as many requests, counted on a slow server


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


class NfsHung(Problem):
    """The NFS server takes connections and answers nothing."""

    code = "HE-NFS-HUNG"
    title = "The NFS server has stopped answering"


class NfsDenied(Problem):
    """The server does not export this to us: it knows no such export, or denies it to this host."""

    code = "HE-NFS-EXPORT"
    title = "The NFS server does not give the export"


class NfsNotWritable(Problem):
    """Nothing can be written into the export."""

    code = "HE-NFS-WRITE"
    title = "The NFS export is not writable"


class NfsReadOnly(Problem):
    """The export is for reading alone."""

    code = "HE-NFS-READONLY"
    title = "The NFS export is read-only"


class NfsFull(Problem):
    """There is no room for anything."""

    code = "HE-NFS-FULL"
    title = "The NFS export is full"


class NfsSquashed(Problem):
    """The server makes somebody else of root."""

    code = "HE-NFS-SQUASH"
    title = "The NFS server squashes root"


class NfsUnfit(Problem):
    """The export lacks what a VM's disk needs: rename, direct I/O, locks."""

    code = "HE-NFS-UNFIT"
    title = "The NFS export is not fit for a VM's disk"


class NfsVersionMissing(Problem):
    """The server does not speak the wanted version."""

    code = "HE-NFS-VERSION"
    title = "The NFS server does not speak this version"


class NfsSlow(Problem):
    """The server takes so long that leases would be lost, or that nothing can be proven of it in time."""

    code = "HE-NFS-SLOW"
    title = "The NFS server is slow"


class NfsWay(Problem):
    """What is wanted of NFS cannot be had in the way that was chosen, or that there is."""

    code = "HE-NFS-WAY"
    title = "NFS cannot be used in this way"


def _detected(host: Host) -> Suggestion[StorageAccess]:
    return Suggestion(StorageAccess.QEMU if host.mounts.missing("nfs") else StorageAccess.KERNEL)


@dataclass(frozen=True)
class NfsExports:
    """What the server exports, as far as it was asked."""

    exports: tuple[Exported, ...]
    told: bool = True


@step(Stage.CUSTOMIZATION, "List the NFS exports", within=60.0)
def list_exports(server: StorageServer, host: Host) -> NfsExports:
    """Ask the server, if one was named."""
    if server.server is None:
        return NfsExports(())
    try:
        found = host.trees.exports(str(server.server), ANSWER_WITHIN * host.timeout_factor)
    except OSError as error:
        raise _unlisted(str(server.server), error) from error
    return NfsExports(found.all, found.told)


def discovered(server: StorageServer, host: Host) -> list[discovery.Export]:
    """List the exports."""
    found = list_exports(server, host)
    if not found.told:
        text = _("The server has no mount service (NFS version 4 alone): its root's folders are listed instead.")
        host.reporter.emit(Info(text))
    name = str(server.server)
    return [discovery.Export(answer=_answer(name, one), clients=one.clients) for one in found.exports]


def _answer(server: str, one: Exported) -> str:
    return f"[{server}]:{one.path}" if ":" in server else f"{server}:{one.path}"


def _offered(server: StorageServer, found: NfsExports) -> list[Choice]:
    choices = []
    for one in found.exports:
        with suppress(ValueError):  # a path that no answer could be
            export = NfsExport.parse(_answer(str(server.server), one))
            choices.append(Choice(export, ", ".join(one.clients)))
    return choices


@section("Storage")
class NfsAnswers:
    """Which export."""

    export: NfsExport = ask(
        "Shared storage path (server:/path)", key=CONNECTION, offer=_offered, closed=False,
        help="As in nas.example.com:/exports/engine; an IPv6 address in brackets. It has to be writable for user 36.",
    )  # fmt: skip
    version: NfsVersion = ask(
        "NFS version", key="OVEHOSTED_STORAGE/nfsVersion", default=NfsVersion.AUTO,
        help="auto leaves it to server and host; QEMU's own driver speaks no other than v3.",
    )  # fmt: skip
    options: MountOptions = ask(
        "Mount options", key="OVEHOSTED_STORAGE/mntOptions", default=MountOptions(()),
        help="More options of mount, with commas, as in timeo=600; empty for none. For the kernel's client alone.",
    )  # fmt: skip
    access: StorageAccess = ask(
        "Way to the storage", key="HOSTED_ENGINE/storageAccess", suggest=_detected, asked=False,
        help="kernel mounts it, qemu reaches it from user space, auto takes the kernel where it can.",
    )  # fmt: skip


class Nfs(StorageBackend[NfsAnswers]):
    """The back end for `domainType=nfs`."""

    kind = "nfs"
    title = "a directory that an NFS server exports"
    answers = NfsAnswers
    discover = staticmethod(discovered)

    def connection(self, want: NfsAnswers) -> str:
        """Give server and path."""
        return str(want.export)

    def entity(self, want: NfsAnswers) -> dict[str, object]:
        """Give address and path, and the version and the options if some are wanted."""
        version = {} if want.version is NfsVersion.AUTO else {"nfs_version": want.version.value}
        options = {"mount_options": str(want.options)} if want.options.options else {}
        return {"address": str(want.export.server), "path": want.export.path, **version, **options}

    def conf(self, want: NfsAnswers) -> dict[str, str]:
        """Say what it is mounted with."""
        return {"mnt_options": str(want.options)} if want.options.options else {}

    def command(self, want: NfsAnswers) -> str:
        """Give the command that shows what is in the export."""
        return _home(want).command

    def lacking(self, want: NfsAnswers, host: Host) -> NfsWay | None:
        """Look for the kernel's client, or for the wanted version in user space."""
        where, missing = str(want.export), host.mounts.missing("nfs")
        if want.access is StorageAccess.KERNEL and missing:
            why = _("this host lacks {missing}", missing=missing)
            hint = _(
                "Install the NFS client, or answer HOSTED_ENGINE/storageAccess=str:qemu; see what the kernel has with:"
            )
            return NfsWay(where, why=why, where=where, hint=hint, command="modinfo nfs")
        if _by_kernel(want, host) or want.version in {NfsVersion.AUTO, NfsVersion.V3}:
            return None
        why = _("{version} is wanted; the client in user space speaks version 3", version=want.version.value)
        hint = _("Answer OVEHOSTED_STORAGE/nfsVersion=str:auto; see what the server offers with:")
        return NfsWay(where, why=why, where=where, hint=hint, command=f"rpcinfo {want.export.server}")

    def check(self, want: NfsAnswers, host: Host) -> None:
        """Prove it in the way that it will be used; nothing of the proofs stays."""
        pace = proofs.Pace(proofs.PROVEN_WITHIN * host.timeout_factor, _LOOKS)
        try:
            with _looking(want, host, OWNER) as tree:
                pace.mark()
                _prove(want, host, tree, pace)
            if _by_kernel(want, host):
                what = _file_system(want)
                refuse_another(what.source, mount_point(host, what.source), host)
                pace.keep()
                with _looking(want, host, _ROOT) as tree:
                    _prove_root(want, host, tree)
        except _LateMountError as error:
            raise _unreached(want, _hung_or_slow(want, host, error)) from error
        except OSError as error:
            raise _unreached(want, error) from error

    def free(self, want: NfsAnswers, host: Host) -> int:
        """Give the free bytes of the export's file system."""
        try:
            with _looking(want, host, OWNER) as tree:
                return tree.space().free
        except OSError as error:
            raise _unreached(want, error) from error

    def attach(self, want: NfsAnswers, host: Host, undo: UndoLog) -> FileHome:
        """Mount it; from user space there is nothing to do, every use finds its own way there."""
        if not _by_kernel(want, host):
            return _home(want)
        what = _file_system(want)
        try:
            return mount(what, mount_point(host, what.source), host, undo)
        except OSError as error:
            raise _unreached(want, error) from error

    @contextmanager
    def looking(self, want: NfsAnswers, host: Host) -> Iterator[Sequence[Layout]]:
        """Look into the export from user space, by the version that it is to be mounted by."""
        try:
            home = _entered(want, host)
            yield domains_in(home, host.trees.at(home, ANSWER_WITHIN * host.timeout_factor))
        except OSError as error:
            raise _unreached(want, error) from error


def _home(want: NfsAnswers, version: int = 3) -> NfsHome:
    return NfsHome(str(want.export.server), want.export.path, OWNER, OWNER, version)


def _entered(want: NfsAnswers, host: Host) -> NfsHome:
    """Give the export by a version that lets user space in: the wanted one, or the one that the kernel may agree on.

    Both of those are tried at once, so that a server that hangs is waited for once, and so is one behind a filter that
    lets version 4 through alone, and drops what is sent to the mount service.
    """
    if want.version is not NfsVersion.AUTO or not _by_kernel(want, host):
        return _listed(_home(want, 4 if want.version.value.startswith("v4") else 3), host)
    three, four = (begun(partial(_listed, _home(want, version), host)) for version in (3, 4))
    if three.exception() and isinstance(four.exception(), SlowServerError | None):
        return four.result()
    return three.result()


def _listed(home: NfsHome, host: Host) -> NfsHome:
    """Give the home when what is in it can be listed."""
    host.trees.at(home, ANSWER_WITHIN * host.timeout_factor).names("")
    return home


def _file_system(want: NfsAnswers) -> FileSystem:
    version = want.version.value.removeprefix("v").replace("_", ".")
    versions = () if want.version is NfsVersion.AUTO else (f"vers={version}",)
    return FileSystem("nfs", str(want.export), (*OPTIONS, *versions, *want.options.options))


def _by_kernel(want: NfsAnswers, host: Host) -> bool:
    if want.access is StorageAccess.AUTO:
        return not host.mounts.missing("nfs")
    return want.access is StorageAccess.KERNEL


@contextmanager
def _looking(want: NfsAnswers, host: Host, user: int) -> Iterator[Tree]:
    """Give the export's tree as that user sees it, where nobody else does."""
    within = ANSWER_WITHIN * host.timeout_factor
    if _by_kernel(want, host):
        with ExitStack() as mounted:
            try:
                tree = mounted.enter_context(host.mounts.privately(_file_system(want), (user, user), within))
            except TimeoutError as error:
                raise _LateMountError(errno.ETIMEDOUT, _words(error)) from error
            yield tree
    else:
        yield host.trees.at(_home(want), within)


class _LateMountError(TimeoutError):
    """The kernel's mount did not end in time, and does not tell whether the server hangs or is slow."""


def _hung_or_slow(want: NfsAnswers, host: Host, error: _LateMountError) -> OSError:
    """Tell the two apart: only one that is slow answers, be it late, when it is asked from user space."""
    try:
        _entered(want, host)
    except SlowServerError as slow:
        return slow
    except OSError:
        return error
    within = ANSWER_WITHIN * host.timeout_factor
    return SlowServerError(
        errno.ETIMEDOUT, _("the server answers, and was not mounted within {within:g} s", within=within)
    )


def _prove(want: NfsAnswers, host: Host, tree: Tree, pace: proofs.Pace) -> None:
    """Go through the proofs: reached, nobody else's, writable, fit."""
    probe = proofs.Probe(host.run_id)
    where, command = str(want.export), _home(want).command
    if found := proofs.domains(tree, host.run_id):
        hint = _("Nothing in it is touched. Answer an export without a storage domain; see what is in it with:")
        raise proofs.StorageTaken(where, why=", ".join(found), where=where, hint=hint, command=command)
    ours: tuple[tuple[str, Callable[[Any, proofs.Probe], None]], ...] = ((_("rename"), proofs.rename),)
    if _by_kernel(want, host):
        ours = (*ours, (_("direct I/O"), proofs.direct), (_("locks"), proofs.lock))
    pace.look_again(tree)
    pace.keep()
    try:
        proofs.write(tree, probe)
    except OSError as error:
        probe.clear(tree)
        raise _not_written(want, error) from error
    for name, proof in ours:
        pace.keep()
        try:
            proof(tree, probe)
        except OSError as error:
            probe.clear(tree)
            if isinstance(error, _DOWN):
                raise
            detail = _("{name} at {where}", name=name, where=where)
            hint = _("Look at the options of the export and of the mount:")
            raise NfsUnfit(detail, why=_words(error), where=where, hint=hint, command=command) from error


def _prove_root(want: NfsAnswers, host: Host, tree: Tree) -> None:
    """Prove that root stays root: it makes the domain, and libvirt lends the disk to QEMU's user."""
    probe = proofs.Probe(host.run_id)
    try:
        proofs.write(tree, probe)
    except OSError as error:
        probe.clear(tree)
        if isinstance(error, _DOWN):
            raise
        where = str(want.export)
        hint = _(
            "Export it with no_root_squash, or have QEMU reach it as user 36: HOSTED_ENGINE/storageAccess=str:qemu. "
            "The export's options on the server:"
        )
        command = f"ssh {want.export.server} exportfs -v"
        raise NfsSquashed(where, why=_words(error), where=where, hint=hint, command=command) from error


def _unreached(want: NfsAnswers, error: OSError) -> Problem:
    return _unanswered(str(want.export), str(want.export.server), error)


def _unlisted(server: str, error: OSError) -> Problem:
    return _unanswered(server, server, error)


def _unanswered(where: str, server: str, error: OSError) -> Problem:
    why = _words(error)
    kind: type[Problem] = NfsUnreachable
    if isinstance(error, SlowServerError):
        return _slow(where, why)
    if isinstance(error, TimeoutError):
        kind, hint = NfsHung, _("See to the NFS server and the network to it, then ask it whether it answers:")
    elif isinstance(error, _DOWN) or error.errno in _NO_WAY:
        hint = _("Start the NFS server, mend the network to it, or answer another server; ask it with:")
    elif error.errno == errno.ENOLCK:
        kind, hint = NfsUnfit, _("Start rpc.statd here and the lock service there; see what the server offers with:")
    elif error.errno in _NO_VERSION:
        kind = NfsVersionMissing
        hint = _("Answer OVEHOSTED_STORAGE/nfsVersion=str:auto; see what the server offers with:")
    else:
        hint = _("Export it to this host, or answer another path; see what the server exports with:")
        return NfsDenied(where, why=why, where=where, hint=hint, command=f"showmount --exports {server}")
    return kind(where, why=why, where=where, hint=hint, command=f"rpcinfo {server}")


def _slow(where: str, why: str) -> NfsSlow:
    hint = _("See to the load of the server and to the network to it; to be more patient with it:")
    return NfsSlow(where, why=why, where=where, hint=hint, command=PATIENT_PRECHECK)


def _not_written(want: NfsAnswers, error: OSError) -> Problem:
    if isinstance(error, _DOWN):
        return _unreached(want, error)
    where, why, command = str(want.export), _words(error), _home(want).command
    if error.errno == errno.EROFS:
        hint = _("Export it for writing (rw), or answer another path; look at it with:")
        return NfsReadOnly(where, why=why, where=where, hint=hint, command=f"showmount --exports {want.export.server}")
    if error.errno in _NO_ROOM:
        hint = _("Make room on the server, or answer another path; look at it with:")
        return NfsFull(where, why=why, where=where, hint=hint, command=command)
    hint = _("On the server, let user and group 36 write there (chown 36:36), without squashing them; look at it with:")
    return NfsNotWritable(where, why=why, where=where, hint=hint, command=command)


def _words(error: OSError) -> str:
    return error.strerror or str(error)


@check("NFS latency", blocking=False, within=10.0)
def latency(want: NfsAnswers, host: Host) -> None:
    """Warn of a server so slow that sanlock would lose leases; what cannot be measured is the storage check's."""
    if Nfs().lacking(want, host):
        return  # nothing is written in a way that was not chosen
    pace = proofs.Pace(proofs.PROVEN_WITHIN * host.timeout_factor, _LOOKS)
    if slow := proofs.slowness(_looking(want, host, OWNER), host.run_id, pace):
        took, why = slow
        where = str(want.export)
        detail = _("{seconds:.1f} s for one block at {where}", seconds=took, where=where)
        hint = _("See to the load of the server and to the network to it:")
        raise NfsSlow(detail, why=why, where=where, hint=hint, command=f"ping -c 5 {want.export.server}")


@hookimpl
def hosted_setup_steps() -> Sequence[Any]:
    """Register the step and the check."""
    return (list_exports, latency)


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend[Any]]:
    """Register the back end."""
    return (Nfs(),)
