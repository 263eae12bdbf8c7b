"""GlusterFS, mounted by FUSE. Long: a back end is one file, with its questions, proofs, volume options and undo."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from hosted_plugins.storage import proofs
from hosted_plugins.storage.mounting import GLUSTER, OWNER, mount, mount_point
from hosted_plugins.storage.server import CONNECTION, StorageServer
from hosted_setup.hooks import hookimpl
from hosted_setup.model.exports import GlusterExport
from hosted_setup.model.messages import _
from hosted_setup.model.mount_options import MountOptions
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.pipeline.checking import PATIENT_PRECHECK
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.gluster import GlusterVolume, list_command, set_command
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.ports.mounts import FileSystem, ProvingTree
from hosted_setup.ports.trees import SlowServerError
from hosted_setup.storage import StorageBackend, discovery
from hosted_setup.storage.domain import domains_in
from hosted_setup.storage.layout import Layout

_KIND: Final = "glusterfs"
_WITHIN: Final = 6.0  # seconds for the mount and for each question about a file in it
_LOOKS: Final = 10.0  # at a folder, in the time of one of the proofs: by as many requests, counted on a slow volume
_REPLICAS: Final = (1, 3)
WANTED: Final = {
    "performance.quick-read": "off",
    "performance.read-ahead": "off",
    "performance.io-cache": "off",
    "cluster.eager-lock": "on",
    "features.shard": "on",
    "cluster.quorum-type": "auto",
    "network.ping-timeout": "30",
    "storage.owner-uid": str(OWNER),
    "storage.owner-gid": str(OWNER),
}
"""What a volume for VMs needs: what all versions of the group `virt` have in common, and what oVirt's guide adds.

The group itself cannot be set on a volume of one copy, and its ping-timeout of 20 s is not the 30 s of the guide. Who
may mount (`auth.allow`) is proven by mounting.
"""
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_ON: Final = frozenset({"on", "enable", "yes", "true", "1"})
_OFF: Final = frozenset({"off", "disable", "no", "false", "0"})


class GlusterVolumeMissing(Problem):
    """The server has no such volume."""

    code = "HE-GLUSTER-VOLUME"
    title = "The GlusterFS server has no such volume"


class GlusterStopped(Problem):
    """The volume is not started."""

    code = "HE-GLUSTER-STOPPED"
    title = "The GlusterFS volume is not started"


class GlusterReplica(Problem):
    """The volume keeps a number of copies that a split brain can come to, or no plain ones."""

    code = "HE-GLUSTER-REPLICA"
    title = "The GlusterFS volume has the wrong number of copies"


class GlusterUntuned(Problem):
    """Options that VMs need are not set on the volume."""

    code = "HE-GLUSTER-OPTIONS"
    title = "Options of the GlusterFS volume are missing"


class GlusterNotMounted(Problem):
    """The volume cannot be mounted."""

    code = "HE-GLUSTER-MOUNT"
    title = "The GlusterFS volume cannot be mounted"


class GlusterNotWritable(Problem):
    """Nothing can be written into the volume."""

    code = "HE-GLUSTER-WRITE"
    title = "The GlusterFS volume is not writable"


@dataclass(frozen=True)
class GlusterVolumes:
    """The volumes of the server's pool, as far as it was asked."""

    volumes: tuple[GlusterVolume, ...]


@step(Stage.CUSTOMIZATION, "List the GlusterFS volumes", within=60.0)
def list_volumes(server: StorageServer, host: Host) -> GlusterVolumes:
    """Ask the server, if one was named."""
    return GlusterVolumes(host.gluster.volumes(str(server.server)) if server.server else ())


def discovered(server: StorageServer, host: Host) -> list[discovery.Volume]:
    """List the volumes, with what speaks against each."""
    return [
        discovery.Volume(
            answer=str(export), uuid=one.uuid, started=one.started, replica=one.replica, bricks=one.bricks,
            missing=_missing(one), unfit=discovery.told(_unfit(one, export)),
        )
        for export, one in _exports(server, list_volumes(server, host))
    ]  # fmt: skip


def _exports(server: StorageServer, found: GlusterVolumes) -> list[tuple[GlusterExport, GlusterVolume]]:
    if server.server is None:
        return []
    return [(GlusterExport(server.server, one.name), one) for one in found.volumes]


def _offered(server: StorageServer, found: GlusterVolumes) -> list[Choice]:
    choices = []
    for export, one in _exports(server, found):
        words = _("{count} copies", count=one.replica) if one.replica else ""
        problem = _unfit(one, export)
        choices.append(Choice(export, words, problem.headline if problem else "", problem))
    return choices


class GlusterFull(Problem):
    """There is no room for anything."""

    code = "HE-GLUSTER-FULL"
    title = "The GlusterFS volume is full"


class GlusterReadOnly(Problem):
    """The volume is for reading alone."""

    code = "HE-GLUSTER-READONLY"
    title = "The GlusterFS volume is read-only"


class GlusterSlow(Problem):
    """The volume takes so long that leases would be lost, or that nothing can be proven of it in time."""

    code = "HE-GLUSTER-SLOW"
    title = "The GlusterFS volume is slow"


@section("Storage")
class GlusterAnswers:
    """Which volume."""

    volume: GlusterExport = ask(
        "GlusterFS volume (server:/volume)", key=CONNECTION, offer=_offered, closed=False,
        help="As in gluster1.example.com:/engine; an IPv6 address in brackets. Volumes of one or three copies will do.",
    )  # fmt: skip
    options: MountOptions = ask(
        "Mount options", key="OVEHOSTED_STORAGE/mntOptions", default=MountOptions(()),
        help="More options of mount, with commas, as in backup-volfile-servers=gluster2:gluster3; empty for none.",
    )  # fmt: skip


@dataclass(frozen=True)
class GlusterFound:
    """The volume as its server knows it, the options that it lacks, and whether this host may set them."""

    volume: GlusterVolume
    missing: dict[str, str]
    rights: bool


@step(Stage.CUSTOMIZATION, "Look at the GlusterFS volume", within=60.0)
def look_at_volume(answers: GlusterAnswers, host: Host) -> GlusterFound:
    """Ask the server for it."""
    volume = _usable(answers.volume, host)
    missing = _missing(volume)
    return GlusterFound(volume, missing, bool(missing) and host.gluster.has_rights(volume))


def _can_be_set(found: GlusterFound) -> bool:
    return found.rights


@section("Storage")
class GlusterTuning:
    """Whether the missing options are set."""

    agreed: bool = ask(
        "Set the missing options of the GlusterFS volume", key="HOSTED_ENGINE/setGlusterOptions", default=False,
        when=_can_be_set, help="The volume lacks options that VMs need; this host, one of its servers, can set them.",
    )  # fmt: skip


@dataclass(frozen=True)
class GlusterWanted:
    """The volume that was chosen, and the options to set on it."""

    export: GlusterExport
    options: MountOptions
    volume: GlusterVolume
    setting: dict[str, str]

    def effects(self) -> tuple[str, ...]:
        """Tell what is changed on the servers."""
        if not self.setting:
            return ()
        words = ", ".join(f"{name}={value}" for name, value in self.setting.items())
        return (_("sets options of the GlusterFS volume {volume}: {words}", volume=self.volume.name, words=words),)


@step(Stage.CUSTOMIZATION, "Take the GlusterFS volume")
def take_volume(answers: GlusterAnswers, found: GlusterFound, tuning: GlusterTuning) -> GlusterWanted:
    """Go on with it when all options are there, or will be."""
    if found.missing and not (found.rights and tuning.agreed):
        why = ", ".join(_without(name, found.volume.options) for name in found.missing)
        hint = _("Set them on one of its servers, then answer again:")
        command = set_command(found.volume.name, found.missing)
        raise GlusterUntuned(str(answers.volume), why=why, where=str(answers.volume), hint=hint, command=command)
    return GlusterWanted(answers.volume, answers.options, found.volume, found.missing)


@dataclass(frozen=True)
class ResetOptions(Undo, name="gluster.reset-options"):
    """Gives options of a volume the values back that they had; one that somebody has changed since stays."""

    volume: GlusterVolume
    setting: dict[str, str]
    server: str

    def apply(self, host: Host) -> None:
        """Set what is still as this run has set it."""
        now = next((one for one in host.gluster.volumes(self.server) if one.uuid == self.volume.uuid), None)
        if now is None:
            return
        ours = {
            name: self.volume.options.get(name, "")
            for name, value in self.setting.items()
            if now.options.get(name) == value and self.volume.options.get(name) != value
        }
        host.gluster.set_options(now.name, ours)

    def describe(self) -> str:
        """Name the volume."""
        return _("options of the GlusterFS volume {volume}", volume=self.volume.name)


class GlusterFs(StorageBackend[GlusterWanted]):
    """The back end for `domainType=glusterfs`."""

    kind = _KIND
    title = "a GlusterFS volume"
    answers = GlusterWanted
    discover = staticmethod(discovered)

    def connection(self, want: GlusterWanted) -> str:
        """Give server and volume."""
        return str(want.export)

    def entity(self, want: GlusterWanted) -> dict[str, object]:
        """Give the volume as a path on the server."""
        options = {"mount_options": str(want.options)} if want.options.options else {}
        return {"address": str(want.export.server), "path": want.export.volume, "vfs_type": _KIND, **options}

    def conf(self, want: GlusterWanted) -> dict[str, str]:
        """Say what it is mounted with."""
        return {"mnt_options": str(want.options)} if want.options.options else {}

    def command(self, want: GlusterWanted) -> str:
        """Give the command that shows the volume."""
        return _show(want.export)

    def lacking(self, want: GlusterWanted, host: Host) -> GlusterNotMounted | None:
        """Look for the client."""
        missing = host.mounts.missing(_KIND)
        if not missing:
            return None
        why, hint = _("this host lacks {missing}", missing=missing), _("Install GlusterFS's client:")
        return _unmounted(want.export, why, hint, "apt-get install glusterfs-client")

    def check(self, want: GlusterWanted, host: Host) -> None:
        """Look at the volume again, mount it where nobody else sees it, and prove it there as the domain's owner."""
        pace = proofs.Pace(proofs.PROVEN_WITHIN * host.timeout_factor, _LOOKS)
        _usable(want.export, host)
        with _looking(want, host) as tree:
            pace.mark()
            _prove(want.export, host.run_id, tree, pace)

    @contextmanager
    def looking(self, want: GlusterWanted, host: Host) -> Iterator[Sequence[Layout]]:
        """Look into the volume, mounted where nobody else sees it."""
        source = str(want.export)
        with _looking(want, host) as tree:
            yield domains_in(DirectoryHome(mount_point(host, source, GLUSTER), OWNER, OWNER, source), tree)

    def free(self, want: GlusterWanted, host: Host) -> int:
        """Give the free bytes of the volume."""
        with _looking(want, host) as tree:
            return tree.space().free

    def attach(self, want: GlusterWanted, host: Host, undo: UndoLog) -> DirectoryHome:
        """Set the options that were agreed to, and mount the volume."""
        if want.setting:
            undo.before(ResetOptions(want.volume, want.setting, str(want.export.server)))
            host.gluster.set_options(want.volume.name, want.setting)
        what = _file_system(want)
        try:
            return mount(what, mount_point(host, what.source, GLUSTER), host, undo)
        except OSError as error:
            raise _lost(want.export, error) from error


def _file_system(want: GlusterWanted) -> FileSystem:
    return FileSystem(_KIND, str(want.export), want.options.options)


@contextmanager
def _looking(want: GlusterWanted, host: Host) -> Iterator[ProvingTree]:
    """Give the volume's tree where nobody else sees it; its top is root's until the options are set."""
    owner = (0, 0) if want.setting else (OWNER, OWNER)
    try:
        with host.mounts.privately(_file_system(want), owner, _WITHIN * host.timeout_factor) as tree:
            yield tree
    except SlowServerError as error:
        hint = _("See to the load of its servers, to its heals and to the network; to be more patient with it:")
        where = str(want.export)
        raise GlusterSlow(where, why=error.strerror or "", where=where, hint=hint, command=PATIENT_PRECHECK) from error
    except OSError as error:
        raise _lost(want.export, error) from error


def _prove(export: GlusterExport, run_id: str, tree: ProvingTree, pace: proofs.Pace) -> None:
    """Go through the proofs: nobody else's, writable, fit."""
    probe = proofs.Probe(run_id)
    if found := proofs.domains(tree, run_id):
        hint = _("Nothing in it is touched. Answer a volume without a storage domain; look at this one with:")
        where = str(export)
        raise proofs.StorageTaken(where, why=", ".join(found), where=where, hint=hint, command=_show(export))
    pace.look_again(tree)
    for proof in (proofs.write, proofs.rename, proofs.direct, proofs.lock):
        pace.keep()
        try:
            proof(tree, probe)
        except OSError as error:
            probe.clear(tree)
            if isinstance(error, TimeoutError):
                raise
            raise _unwritable(export, error) from error


def _usable(export: GlusterExport, host: Host) -> GlusterVolume:
    """Find the volume: started, and of a number of copies that will do."""
    where, server = str(export), str(export.server)
    volumes = host.gluster.volumes(server)
    found = next((one for one in volumes if one.name == export.volume), None)
    if found is None:
        why = _("it has: {names}", names=", ".join(one.name for one in volumes) or _("none"))
        hint = _("Answer one of its volumes, or create it; look at them with:")
        raise GlusterVolumeMissing(where, why=why, where=where, hint=hint, command=list_command(server))
    if problem := _unfit(found, export):
        raise problem
    return found


def _unfit(volume: GlusterVolume, export: GlusterExport) -> Problem | None:
    """Tell why a volume cannot be taken, whatever its options."""
    where = str(export)
    if volume.replica not in _REPLICAS:
        why = _("{count} copies; of two, neither can tell which is right", count=volume.replica)
        hint = _("Take a volume of one or three copies, or add a third to it; look at it with:")
        return GlusterReplica(where, why=why, where=where, hint=hint, command=_show(export))
    if not volume.started:
        why, hint = _("its servers know it, and do not serve it"), _("Start it on one of its servers:")
        command = f"gluster volume start {shlex.quote(volume.name)}"
        return GlusterStopped(where, why=why, where=where, hint=hint, command=command)
    return None


def _missing(volume: GlusterVolume) -> dict[str, str]:
    """Give the options that a volume lacks."""
    return {name: value for name, value in WANTED.items() if not _same(volume.options.get(name, ""), value)}


def _same(value: str, wanted: str) -> bool:
    """Tell whether two values mean the same: GlusterFS has five words for yes and for no."""
    return value == wanted or any({value.lower(), wanted} <= words for words in (_ON, _OFF))


def _without(name: str, options: Mapping[str, str]) -> str:
    return f"{name}={options[name]}" if name in options else _("{name} is not set", name=name)


def _show(export: GlusterExport) -> str:
    return f"{list_command(str(export.server))} {shlex.quote(export.volume)}"


def _lost(export: GlusterExport, error: OSError) -> GlusterNotMounted:
    hint = _("See what the volume's servers say of it:")
    return _unmounted(export, error.strerror or str(error), hint, _show(export))


def _unmounted(export: GlusterExport, why: str, hint: str, command: str) -> GlusterNotMounted:
    return GlusterNotMounted(str(export), why=why, where=str(export), hint=hint, command=command)


def _unwritable(export: GlusterExport, error: OSError) -> Problem:
    where, why = str(export), error.strerror or str(error)
    if error.errno in _NO_ROOM:
        hint = _("Make room in the volume; look at it with:")
        return GlusterFull(where, why=why, where=where, hint=hint, command=_show(export))
    if error.errno == errno.EROFS:
        hint = _("Let it be written to (features.read-only, features.worm, mount options), then look at it again:")
        return GlusterReadOnly(where, why=why, where=where, hint=hint, command=_show(export))
    hint = _("Let user and group 36 write there, and this host in (auth.allow, auth.reject):")
    own = set_command(export.volume, {"storage.owner-uid": str(OWNER), "storage.owner-gid": str(OWNER)})
    return GlusterNotWritable(where, why=why, where=where, hint=hint, command=own)


@check("GlusterFS latency", blocking=False, within=10.0)
def latency(want: GlusterWanted, host: Host) -> None:
    """Warn of a volume so slow that sanlock would lose leases; what cannot be measured is the storage check's."""
    pace = proofs.Pace(proofs.PROVEN_WITHIN * host.timeout_factor, _LOOKS)
    if slow := proofs.slowness(_looking(want, host), host.run_id, pace):
        took, why = slow
        where = str(want.export)
        detail = _("{seconds:.1f} s for one block at {where}", seconds=took, where=where)
        hint = _("See to the load of its servers, to its heals and to the network:")
        command = f"gluster volume heal {shlex.quote(want.volume.name)} info summary"
        raise GlusterSlow(detail, why=why, where=where, hint=hint, command=command)


@hookimpl
def hosted_setup_steps() -> Sequence[Any]:
    """Register the steps and the check."""
    return (list_volumes, look_at_volume, take_volume, latency)


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend[Any]]:
    """Register the back end."""
    return (GlusterFs(),)
