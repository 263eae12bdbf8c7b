"""Mounts what has to be mounted, logs in where the kernel has to, and lets go of just that again."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from hosted_setup.files import put
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.connections import MountAt
from hosted_setup.ports.initiator import Chap
from hosted_setup.ports.iscsi_problems import LunMissing
from hosted_setup.ports.mounts import FileSystem

if TYPE_CHECKING:
    from hosted_setup.ports.connections import IscsiSessions
    from hosted_setup.ports.host import Host
    from hosted_setup.ports.luns import HostLun

DEVICE_WITHIN: Final = 30.0
"""Seconds that a LUN may take to be seen by this host, with all that udev and multipathd do about it."""

_SETTLED: Final = 5.0  # seconds after which multipathd has taken a LUN, or never will
_MADE: Final = "connected.json"


class PointTaken(Problem):
    """Something else is mounted where the storage belongs."""

    code = "HE-STORAGE-POINT"
    title = "Something else is mounted in the storage's place"


class Made(msgspec.Struct):
    """What a run has connected in this boot, and what it has made for that, which outlives the boot.

    `connected` are mount points or portals, `records` the portals that open-iscsi's database has records of.
    """

    boot: str = ""
    connected: list[str] = msgspec.field(default_factory=list)
    folders: list[str] = msgspec.field(default_factory=list)
    records: list[str] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, host: Host) -> Self:
        """Read it; nothing that was connected before the host was started anew is connected any more."""
        boot = host.machine.boot()
        try:
            found = msgspec.json.decode((host.run_dir / _MADE).read_bytes(), type=cls)
        except FileNotFoundError:
            return cls(boot)
        return found if found.boot == boot else cls(boot, [], found.folders, found.records)

    def keep(self, host: Host) -> None:
        """Write it, before the deed; nothing is no file."""
        path = host.run_dir / _MADE
        if self == Made(self.boot):
            path.unlink(missing_ok=True)
            return
        put(path, msgspec.json.encode(self), 0o600, beside=path.with_name(f".{_MADE}"), new=False)


def is_there(what: MountAt | IscsiSessions, host: Host) -> bool:
    """Tell whether it is connected now, by whomever."""
    if isinstance(what, MountAt):
        found = host.mounts.mounted(Path(what.point))
        return found is not None and found.source == what.source
    there = host.sessions.portals(what.target)
    return any(one.at(portal) for one in there for portal in what.portals)


def mount(what: MountAt, host: Host) -> bool:
    """Mount it where nothing is mounted; tell whether that was so.

    Raises:
        OSError: the server refuses it, or does not answer.
        PointTaken: see the class.
    """
    point = Path(what.point)
    refuse_another(what.source, point, host)
    if host.mounts.mounted(point) is not None:
        return False
    made = Made.of(host)
    folders = [one for one in (*reversed(point.parents), point) if not one.exists()]
    made.connected = [what.point]
    made.folders += [str(one) for one in folders if str(one) not in made.folders]
    made.keep(host)
    for folder in folders:
        folder.mkdir(mode=0o755)
    host.mounts.mount(FileSystem(what.kind, what.source, what.options), point)
    return True


def unmount(what: MountAt, host: Host) -> bool:
    """Unmount what this run has mounted, and remove the folders that it made for it, as far as they are empty.

    Tells whether there was anything; raises OSError while it is in use.
    """
    made, point = Made.of(host), Path(what.point)
    found = host.mounts.mounted(point)
    ours = found is not None and found.source == what.source and what.point in made.connected
    if ours:
        host.mounts.unmount(point)
    elif found is not None:
        told = _("{source} is mounted on {point}, not by this run, and stays", source=found.source, point=point)
        host.reporter.emit(Warn(told))
    for folder in reversed(made.folders):
        with suppress(OSError):  # in use, or gone
            Path(folder).rmdir()
    Made(made.boot).keep(host)
    return ours


def refuse_another(source: str, point: Path, host: Host) -> None:
    """Go no further where something else is mounted in its place."""
    found = host.mounts.mounted(point)
    if found is not None and found.source != source:
        where = str(point)
        why = _("{source} is mounted there", source=found.source)
        hint = _("See whose it is, and unmount it:")
        raise PointTaken(where, why=why, where=where, hint=hint, command=f"findmnt {shlex.quote(where)}")


def log_in(what: IscsiSessions, host: Host) -> bool:
    """Log in at each portal where the kernel is not; tell whether there was one.

    A portal that does not answer is left out while there is another.

    Raises:
        Problem: no portal lets this host in; see `ports.initiator`.
    """
    there = host.sessions.portals(what.target)
    chap = Chap(what.user, host.hypervisor.secret_value(what.secret)) if what.secret else None
    made, reached = Made.of(host), 0
    problems: list[Problem] = []
    for portal in what.portals:
        if any(one.at(portal) for one in there):
            reached += 1
            continue
        name = str(portal)
        if name not in made.records and not host.sessions.recorded(portal, what.target):
            made.records.append(name)
        made.connected = [*(one for one in made.connected if one != name), name]
        made.keep(host)
        try:
            host.sessions.login(portal, what.target, chap, anew=name in made.records)
        except Problem as problem:
            problems.append(problem)
        else:
            reached += 1
    if problems and not reached:
        raise problems[0]
    for one in problems:
        host.reporter.emit(Warn(_("left out: {problem}", problem=one)))
    return len(there) < reached


def device_of(what: IscsiSessions, host: Host) -> HostLun:
    """Wait until this host sees the LUN under a name that lasts, through multipath where that takes it.

    Raises:
        LunMissing: the target does not have it.
    """
    multipath = "multipathd" in host.machine.processes()
    begun = host.clock.monotonic()

    def seen() -> HostLun | None:
        found = next((one for one in host.luns.listed() if one.wwid == what.wwid and one.lasting), None)
        early = multipath and host.clock.monotonic() - begun < _SETTLED * host.timeout_factor
        return None if early and found is not None and not found.multipath else found

    try:
        waited = _("the LUN {wwid}", wwid=what.wwid)
        return wait_until(host, seen, within=DEVICE_WITHIN, every=0.2, what=waited)
    except DeadlineExceeded as late:
        why = _("this host is logged in, and does not see it")
        hint = _("See which LUNs the target shows to this host:")
        detail = _("{wwid} of {target}", wwid=what.wwid, target=what.target)
        raise LunMissing(detail, why=why, hint=hint, command="iscsiadm --mode session --print 3") from late


def log_out(what: IscsiSessions, host: Host) -> bool:
    """End the sessions that this run has begun, and remove the records that it made; tell whether there were any."""
    made, ended = Made.of(host), False
    there = {str(one) for one in host.sessions.portals(what.target)}
    for portal in what.portals:
        name = str(portal)
        if name in there and name in made.connected:
            host.sessions.logout(portal, what.target)
            ended = True
        elif name in there:
            told = _(
                "the session with {target} at {portal} was begun by others, and stays", target=what.target, portal=name
            )
            host.reporter.emit(Warn(told))
        if name in made.records:
            host.sessions.forget(portal, what.target)
    Made(made.boot).keep(host)
    return ended
