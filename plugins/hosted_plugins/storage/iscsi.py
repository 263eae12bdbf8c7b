"""Long, since all of one back end is here: iSCSI; the disk lies on a LUN, reached by the initiator of QEMU."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from hosted_plugins.storage.luns import FoundLun, LunWipe, LunWipeTyped, confirmed, looked, refuse_slow, room, wipe
from hosted_plugins.storage.mounting import StorageAccess
from hosted_setup.domain.lun_contents import Reader
from hosted_setup.hooks import hookimpl
from hosted_setup.model.addresses import IscsiName, PortalAddresses, PortNumber, PortNumbers
from hosted_setup.model.answer import Suggestion
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.connections import IscsiSessions
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import SecretInfo
from hosted_setup.ports.initiator import Chap, Lun, Portal, list_command
from hosted_setup.ports.iscsi_problems import LunMissing, TargetMissing, allowing
from hosted_setup.ports.locations import DeviceAt, Home, IscsiAt, LunHome
from hosted_setup.ports.problems import CLEANUP
from hosted_setup.storage import StorageBackend, discovery
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.storage.connecting import device_of
from hosted_setup.storage.connections import attach, refuse_while_needed
from hosted_setup.storage.domain import domain_on
from hosted_setup.storage.layout import Layout

T = TypeVar("T")
R = TypeVar("R")
_PORT: Final = PortNumbers((PortNumber(3260),))
_LONGEST: Final = 50  # the original's, for users and passwords


def _short(text: str) -> None:
    if len(text) > _LONGEST:
        raise ValueError(_("{count} characters are more than {most}", count=len(text), most=_LONGEST))


def _short_secret(secret: Secret | None) -> None:
    _short(secret.reveal() if secret else "")


def _detected(host: Host) -> Suggestion[StorageAccess]:
    return Suggestion(StorageAccess.QEMU if host.sessions.missing() else StorageAccess.KERNEL)


@section("Storage")
class IscsiPortal:
    """Where the iSCSI server is, and as whom it is asked."""

    addresses: PortalAddresses = ask(
        "iSCSI portal IP address", key="OVEHOSTED_STORAGE/iSCSIPortalIPAddress",
        help="The address of the iSCSI server; several, with commas, for several portals.",
    )  # fmt: skip
    ports: PortNumbers = ask(
        "iSCSI portal port", key="OVEHOSTED_STORAGE/iSCSIPortalPort", default=_PORT,
        help="One for all portals, or one for each, with commas.",
    )  # fmt: skip
    discover_user: str = ask(
        "iSCSI discover user", key="OVEHOSTED_STORAGE/iSCSIDiscoverUser", default="", check=_short,
        help="The CHAP user for the discovery of targets; empty where it asks for none.",
    )  # fmt: skip
    user: str = ask(
        "iSCSI portal login user", key="OVEHOSTED_STORAGE/iSCSIPortalUser", default="", check=_short,
        help="The CHAP user for the target; empty where it asks for none.",
    )  # fmt: skip
    access: StorageAccess = ask(
        "Way to the storage", key="HOSTED_ENGINE/storageAccess", suggest=_detected, asked=False,
        help="kernel logs in by open-iscsi, qemu by itself from user space, auto takes the kernel where it can.",
    )  # fmt: skip


def _by_discover_user(portal: IscsiPortal) -> bool:
    return bool(portal.discover_user)


def _by_user(portal: IscsiPortal) -> bool:
    return bool(portal.user)


@section("Storage")
class IscsiPasswords:
    """What the users answer a challenge with."""

    discover: Secret | None = ask(
        "iSCSI discover password", key="OVEHOSTED_STORAGE/iSCSIDiscoverPassword", when=_by_discover_user,
        check=_short_secret, help="The CHAP password for the discovery of targets.",
    )  # fmt: skip
    login: Secret | None = ask(
        "iSCSI portal login password", key="OVEHOSTED_STORAGE/iSCSIPortalPassword", when=_by_user,
        check=_short_secret, help="The CHAP password for the target.",
    )  # fmt: skip


@dataclass(frozen=True)
class IscsiTargets:
    """The targets that the portals show to this host, with the portals of each, in the order of the answers."""

    portals: dict[str, tuple[Portal, ...]]


@step(Stage.CUSTOMIZATION, "Discover iSCSI targets", within=60.0)
def discover(portal: IscsiPortal, passwords: IscsiPasswords, host: Host) -> IscsiTargets:
    """Ask every portal; one that does not answer is no obstacle while another does."""
    chap = Chap(portal.discover_user, passwords.discover) if passwords.discover else None
    found: dict[str, tuple[Portal, ...]] = {}
    problems: list[Problem] = []
    answered = False
    for answer in _all_at_once(lambda one: host.initiator.discover(one, chap), tuple(_portals(portal))):
        if isinstance(answer, Problem):
            problems.append(answer)
            continue
        answered = True
        for target in answer:
            # A portal that names the others of its group is no reason to have each of them twice.
            found[target.name] = tuple(dict.fromkeys((*found.get(target.name, ()), *target.portals)))
    if problems and not answered:
        raise problems[0]
    if not found:
        raise _not_shown(_("any target"), next(_portals(portal)), host)
    return IscsiTargets(found)


def discovered(portal: IscsiPortal, passwords: IscsiPasswords, host: Host) -> list[discovery.Target]:
    """Discover the targets, and look at the LUNs of each; what keeps us from that is told with the target."""
    found = discover(portal, passwords, host).portals
    looks = [_Look(name, portals, _login(portal, passwords), host) for name, portals in found.items()]
    return [_shown(look, answer) for look, answer in zip(looks, _all_at_once(_Look.discovered, looks), strict=True)]


@dataclass(frozen=True)
class _Look:
    """At the LUNs of a target, by all its portals."""

    target: str
    portals: tuple[Portal, ...]
    chap: Chap | None
    host: Host

    def discovered(self) -> list[discovery.Lun]:
        """Give each LUN with the portals that have it."""
        by = self.by_portal()
        seen = Counter(lun.wwid for luns in by.values() for lun in luns)
        found, name = self.found(by, LunWipe(wwid="")), self.host.initiator.name()
        told = []
        for lun in found.luns:
            ways = found.ways(lun.wwid)
            where, command = f"{self.target} at {ways[0]}", list_command(ways[0], name)
            up, paths = seen[lun.wwid], len(ways)
            told.append(lun.shown(where, command, number=lun.number, path=None, up=up, paths=paths))
        return told

    def by_portal(self) -> dict[Portal, tuple[Lun, ...]]:
        """Ask each portal for the LUNs; one that lets nobody in is left out while another does."""
        answers = list(_all_at_once(lambda one: self.host.initiator.luns(one, self.target, self.chap), self.portals))
        by = {one: answer for one, answer in zip(self.portals, answers, strict=True) if not isinstance(answer, Problem)}
        if not by:
            raise next(one for one in answers if isinstance(one, Problem))
        return by

    def found(self, by: dict[Portal, tuple[Lun, ...]], wipe: LunWipe) -> IscsiLuns:
        """Look at what is on each LUN, by the first portal that shows it."""
        first: dict[str, tuple[Lun, Portal]] = {}
        groups: dict[str, tuple[int, ...]] = {}
        for portal, luns in by.items():
            for lun in luns:
                first.setdefault(lun.wwid, (lun, portal))
                groups[lun.wwid] = tuple(dict.fromkeys((*groups.get(lun.wwid, ()), portal.group)))
        portals = tuple(sorted(self.portals, key=lambda one: one not in by))
        return IscsiLuns(portals, tuple(self.at(lun, portal, wipe) for lun, portal in first.values()), groups)

    def at(self, lun: Lun, portal: Portal, wipe: LunWipe, *, patient: bool = True) -> FoundLun:
        """Look at what is on a LUN, through that portal."""
        found = FoundLun(lun.wwid, lun.number, lun.size, lun.block, lun.vendor, lun.product, lun.serial, lun.read_only)
        read = partial(self.host.initiator.read, portal, self.target, self.chap, lun.number)
        return looked(self.host, found, read, wipe, patient=patient)


def _shown(look: _Look, luns: list[discovery.Lun] | Problem) -> discovery.Target:
    portals = tuple(discovery.Portal(one.address, one.port, one.group) for one in look.portals)
    if isinstance(luns, Problem):
        return discovery.Target(answer=look.target, portals=portals, luns=(), unfit=discovery.told(luns))
    return discovery.Target(answer=look.target, portals=portals, luns=tuple(luns))


def _targets(targets: IscsiTargets) -> list[Choice]:
    return [Choice(IscsiName(name), ", ".join(map(str, portals))) for name, portals in targets.portals.items()]


def _is_shown(name: IscsiName, portal: IscsiPortal, targets: IscsiTargets, host: Host) -> None:
    if str(name) not in targets.portals:
        raise _not_shown(str(name), next(_portals(portal)), host)


@section("Storage")
class IscsiTarget:
    """Which of the targets."""

    name: IscsiName = ask(
        "Target", key="OVEHOSTED_STORAGE/iSCSITargetName", offer=_targets, closed=False, check=_is_shown,
        help="One of the targets that the portals show to this host.",
    )  # fmt: skip
    group: str = ask(
        "Target portal group", key="OVEHOSTED_STORAGE/iSCSIPortal", default="", asked=False,
        help="The tag of the one group of portals to use; empty for each that has the LUN.",
    )  # fmt: skip


@dataclass(frozen=True)
class IscsiLuns:
    """The LUNs of the target, and the portals it is reached at, those that let us in now before the others.

    What a target shows may differ from group to group: `groups` are those that show a LUN, by its WWID, first the one
    that it was found in, with its number there.
    """

    portals: tuple[Portal, ...]
    luns: tuple[FoundLun, ...]
    groups: dict[str, tuple[int, ...]]

    def ways(self, wwid: str) -> tuple[Portal, ...]:
        """Give the portals of the groups that show a LUN; the first is used."""
        return tuple(one for group in self.groups[wwid] for one in self.portals if one.group == group)


@step(Stage.CUSTOMIZATION, "Look at the target's LUNs")
def look_at_luns(  # noqa: PLR0913 - all that leads to a LUN
    portal: IscsiPortal,
    passwords: IscsiPasswords,
    targets: IscsiTargets,
    target: IscsiTarget,
    wanted: LunWipe,
    host: Host,
) -> IscsiLuns:
    """Log in and look at every LUN and at what is on it."""
    every = dict.fromkeys(targets.portals.get(str(target.name), ()))
    portals = tuple(one for one in every if target.group in {"", str(one.group)})
    if not portals:
        raise _not_shown(f"{target.name} {target.group}".strip(), next(_portals(portal)), host)
    look = _Look(str(target.name), portals, _login(portal, passwords), host)
    return look.found(look.by_portal(), wanted)


def _luns(target: IscsiTarget, found: IscsiLuns, host: Host) -> list[Choice]:
    name = host.initiator.name()
    ways = [(one, found.ways(one.wwid)[0]) for one in found.luns]
    return [one.choice(f"{target.name} at {portal}", list_command(portal, name)) for one, portal in ways]


def _is_there(wwid: str, target: IscsiTarget, found: IscsiLuns, host: Host) -> None:
    if all(one.wwid != wwid for one in found.luns):
        portal = found.portals[0]
        there = ", ".join(one.wwid for one in found.luns) or _("none")
        why = _("the target has: {there}", there=there)
        name = host.initiator.name()
        allow, command = allowing(name), list_command(portal, name)
        hint = _("Answer one of the LUNs that the target shows. {allow} What it shows to this host:", allow=allow)
        detail = _("{wwid} of {target} at {portal}", wwid=wwid, target=target.name, portal=portal)
        raise LunMissing(detail, why=why, hint=hint, command=command)


@section("Storage")
class IscsiLun:
    """Which of the target's LUNs."""

    wwid: str = ask(
        "LUN", key="OVEHOSTED_STORAGE/LunID", offer=_luns, closed=False, check=_is_there,
        help="The identifier (WWID) of the LUN; the storage domain takes all of it.",
    )  # fmt: skip


@dataclass(frozen=True)
class IscsiWanted:
    """The LUN that was chosen, and how to log in."""

    portals: tuple[Portal, ...]
    target: str
    lun: FoundLun
    user: str
    password: Secret | None
    access: StorageAccess = StorageAccess.QEMU

    def effects(self) -> tuple[str, ...]:
        """Tell what is lost."""
        return self.lun.effects()

    @property
    def where(self) -> str:
        """Give the place, for people."""
        return f"{self.target} at {self.portals[0]}"

    @property
    def chap(self) -> Chap | None:
        """Give what to answer a challenge with."""
        return Chap(self.user, self.password) if self.password else None


@step(Stage.CUSTOMIZATION, "Take the iSCSI LUN", kept=False)
def take(  # noqa: PLR0913 - all that was answered
    portal: IscsiPortal,
    passwords: IscsiPasswords,
    target: IscsiTarget,
    found: IscsiLuns,
    chosen: IscsiLun,
    typed: LunWipeTyped,
    host: Host,
) -> IscsiWanted:
    """Bring together what was answered; what nobody was there to answer anew is refused here."""
    _is_there(chosen.wwid, target, found, host)
    lun = confirmed(next(one for one in found.luns if one.wwid == chosen.wwid), typed)
    return IscsiWanted(found.ways(lun.wwid), str(target.name), lun, portal.user, passwords.login, portal.access)


class SecretNeeded(Problem):
    """A password is still needed to take the run back."""

    code = "HE-ISCSI-SECRET"
    title = "The password of the iSCSI target is still needed"
    exit_code = ExitCode.UNFINISHED


@dataclass(frozen=True)
class RemoveSecret(Undo, name="secret.remove"):
    """Has libvirt forget the password that this run gave it."""

    uuid: str  # fresh: nobody else's secret can have it
    home: LunHome | None
    """Where it is needed from user space; None where the kernel needs it, to log in."""

    def apply(self, host: Host) -> None:
        """Remove it if it carries this run's mark, and if nothing of the run is left that takes it to be removed."""
        found = host.hypervisor.secret(self.uuid)
        if found is None or found.mark != host.run_id:
            return
        if self.home is None:
            refuse_while_needed(self, host)
            host.hypervisor.remove_secret(self.uuid)
            return
        domain = BlockLayout("", self.home, host.images, host.disk_tools).contents().domain
        if domain is not None and domain.run == host.run_id:
            why = _("the storage domain of this run is still there, and cannot be removed without it")
            raise SecretNeeded(self.describe(), why=why, hint=_("Remove what is left first:"), command=CLEANUP)
        host.hypervisor.remove_secret(self.uuid)

    def describe(self) -> str:
        """Name it."""
        return _("libvirt's secret {uuid}", uuid=self.uuid)


class IscsiWay(Problem):
    """The kernel is to log in, and cannot."""

    code = "HE-ISCSI-WAY"
    title = "iSCSI cannot be used in this way"


class Iscsi(StorageBackend[IscsiWanted]):
    """The back end for `domainType=iscsi`."""

    kind = "iscsi"
    title = "a LUN of an iSCSI target"
    answers = IscsiWanted
    whole = True
    discover = staticmethod(discovered)

    def connection(self, want: IscsiWanted) -> str:
        """Give the addresses of the portals."""
        return ",".join(one.address for one in want.portals)

    def entity(self, want: IscsiWanted) -> dict[str, object]:
        """Name the portal, the target and the LUN."""
        portal = want.portals[0]
        return {"address": portal.address, "port": portal.port, "target": want.target, "path": want.lun.wwid}

    def conf(self, want: IscsiWanted) -> dict[str, str]:
        """Say what agents log in with; the password stays with libvirt."""
        ports = ",".join(str(one.port) for one in want.portals)
        group = str(want.portals[0].group)
        return {
            "iqn": want.target,
            "portal": group,
            "user": want.user,
            "password": "",
            "port": ports,
            "lun_id": want.lun.wwid,
        }

    def command(self, want: IscsiWanted) -> str:
        """Give the command that shows the LUNs."""
        return list_command(want.portals[0])

    def lacking(self, want: IscsiWanted, host: Host) -> IscsiWay | None:
        """Look for the kernel's initiator."""
        missing = host.sessions.missing()
        if want.access is not StorageAccess.KERNEL or not missing:
            return None
        why = _("this host lacks {missing}", missing=missing)
        hint = _("Install open-iscsi, or answer HOSTED_ENGINE/storageAccess=str:qemu; see what the kernel has with:")
        return IscsiWay(want.where, why=why, where=want.where, hint=hint, command="modinfo iscsi_tcp")

    def check(self, want: IscsiWanted, host: Host) -> None:
        """Look at the LUN again: it is there, it is as large as before, and nothing has come to it."""
        portal = want.portals[0]
        again = LunWipe(wwid=want.lun.wwid if want.lun.wipe else "")
        every = host.initiator.luns(portal, want.target, want.chap)
        there = next((one for one in every if one.wwid == want.lun.wwid and one.number == want.lun.number), None)
        command = list_command(portal, host.initiator.name())
        if there is None or there.size != want.lun.size:
            why = _("it was there with {size} bytes when it was chosen", size=want.lun.size)
            hint = _("See what the target has now:")
            detail = _("{wwid} of {place}", wwid=want.lun.wwid, place=want.where)
            raise LunMissing(detail, why=why, hint=hint, command=command)
        look = _Look(want.target, want.portals, want.chap, host)
        if problem := look.at(there, portal, again, patient=False).refused(want.where, command):
            raise problem

    def free(self, want: IscsiWanted, host: Host) -> int:
        """Give what a disk can have on the LUN."""
        return room(want.lun.size)

    def looking(self, want: IscsiWanted, host: Host) -> AbstractContextManager[Sequence[Layout]]:
        """Look at the LUN as it was chosen from; what is going to be wiped is nobody's any more."""
        if want.lun.wiped:
            return nullcontext(())
        home = LunHome(IscsiAt(str(want.portals[0]), want.target, want.lun.number), want.lun.size)
        return nullcontext(domain_on(home, _reader(want, host), host))

    def attach(self, want: IscsiWanted, host: Host, undo: UndoLog) -> Home:
        """Have libvirt keep the password; the kernel logs in now, QEMU by itself."""
        secret = str(uuid.uuid4()) if want.password else ""
        user = want.user if want.password else ""
        kernel = _by_kernel(want, host)
        at = IscsiAt(str(want.portals[0]), want.target, want.lun.number, user, secret, host.initiator.name())
        home = LunHome(at, want.lun.size)
        if want.password:
            undo.before(RemoveSecret(secret, None if kernel else home))
            kept = SecretInfo(secret, f"{want.target} {host.run_id}", host.run_id)
            host.hypervisor.define_secret(kept, want.password)
        if kernel:
            sessions = IscsiSessions(want.target, want.portals, want.lun.wwid, user, secret)
            attach(sessions, host, undo)
            home = LunHome(DeviceAt(device_of(sessions, host).path), want.lun.size)
        if want.lun.wiped:
            wipe(host, home, _reader(want, host), want.lun, self.command(want))
        return home


def _reader(want: IscsiWanted, host: Host) -> Reader:
    return partial(host.initiator.read, want.portals[0], want.target, want.chap, want.lun.number)


def _by_kernel(want: IscsiWanted, host: Host) -> bool:
    if want.access is StorageAccess.AUTO:
        return not host.sessions.missing()
    return want.access is StorageAccess.KERNEL


def _portals(portal: IscsiPortal) -> Iterator[Portal]:
    """Pair addresses and ports; the last port stands for the rest."""
    ports = portal.ports.items
    for at, address in enumerate(portal.addresses.items):
        yield Portal(address, ports[min(at, len(ports) - 1)].number)


def _all_at_once(deed: Callable[[T], R], things: Sequence[T]) -> Iterator[R | Problem]:
    """Give what each comes to, or its problem."""

    def done(thing: T) -> R | Problem:
        try:
            return deed(thing)
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(len(things)) as threads:
        yield from threads.map(done, things)


def _login(portal: IscsiPortal, passwords: IscsiPasswords) -> Chap | None:
    return Chap(portal.user, passwords.login) if passwords.login else None


def _not_shown(what: str, portal: Portal, host: Host) -> TargetMissing:
    name = host.initiator.name()
    return TargetMissing(
        _("{what} at {portal}", what=what, portal=portal),
        why=_("the portal does not show it to {name}", name=name),
        hint=_(
            "Answer one of the targets that the portal shows. {allow} What it shows to this host:", allow=allowing(name)
        ),
        command=list_command(portal, name),
    )


@check("iSCSI latency", blocking=False, within=10.0)
def latency(want: IscsiWanted, host: Host) -> None:
    """Warn of a target so slow that sanlock would lose leases; what cannot be measured is the storage check's."""
    refuse_slow(_reader(want, host), want.where, list_command(want.portals[0], host.initiator.name()))


@hookimpl
def hosted_setup_steps() -> Sequence[Any]:
    """Register the steps and the check."""
    return (discover, look_at_luns, take, latency)


@hookimpl
def hosted_setup_storage_backends() -> Sequence[StorageBackend[Any]]:
    """Register the back end."""
    return (Iscsi(),)
