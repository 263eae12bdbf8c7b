"""What the back ends for LUNs share: how a LUN is looked at and shown, when it is refused, and how one is wiped."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from hosted_plugins.storage import WIPE
from hosted_plugins.storage.proofs import SLOW, lost_leases
from hosted_setup.domain.block_layout import largest_gap, system_partitions
from hosted_setup.domain.lun_contents import Finding, Kind, Reader, ends_of, lockspace_at, look
from hosted_setup.domain.sanlock import LOCKSPACE_SIZE, RENEWED_WITHIN, Lease, leases
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.values import GIB
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.disk_tools import SECTOR
from hosted_setup.ports.host import Host
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import LunHome
from hosted_setup.storage import discovery
from hosted_setup.storage.layout import LunUsed

_SPARE: Final = 5.0  # seconds that a renewal may be late


class LunReadOnly(Problem):
    """The LUN cannot be written to."""

    code = "HE-LUN-READONLY"
    title = "The LUN is read-only"


class LunUnreadable(Problem):
    """Nothing can be read from the LUN, so that nobody knows what is on it."""

    code = "HE-LUN-UNREADABLE"
    title = "The LUN cannot be read"


class LunBlocks(Problem):
    """The LUN has logical blocks that no partition table is written for."""

    code = "HE-LUN-BLOCKS"
    title = "The LUN has logical blocks of another size than 512 bytes"


class LunSlow(Problem):
    """The storage server takes so long that leases would be lost."""

    code = "HE-LUN-SLOW"
    title = "The LUN is slow"


class LunLease(Problem):
    """The LUN is not wiped, since somebody lives on it."""

    code = "HE-LUN-LEASE"
    title = "The LUN is in use by another host"


@section("Storage")
class LunWipe:
    """Which LUN may be taken although something is on it."""

    wwid: str = ask(
        "LUN to be wiped", key=WIPE, default="", asked=False,
        help="The identifier of a LUN whose content is to be lost, as --wipe-lun gives it.",
    )  # fmt: skip


def _to_be_wiped(wipe: LunWipe) -> bool:
    return bool(wipe.wwid)


def _the_same(typed: str, wipe: LunWipe) -> None:
    if typed != wipe.wwid:
        raise ValueError(_("{typed!r} is not {wwid}, so nothing is wiped", typed=typed, wwid=wipe.wwid))


@section("Storage")
class LunWipeTyped:
    """The operator's word that it is that LUN."""

    wwid: str = ask(
        "Type the identifier of the LUN that is to be wiped", key="HOSTED_ENGINE/wipeLunTyped", when=_to_be_wiped,
        check=_the_same, help="All that is on the LUN will be lost.",
    )  # fmt: skip


@dataclass(frozen=True)
class FoundLun:
    """A LUN as it is shown: `contents` is what is on it, empty for nothing.

    `wipe` tells that it may be wiped, if it `can` be; `living` are the hosts that were seen to renew their leases;
    `fault` tells why nothing could be read, `lived_in` that an engine lives there which a further host may join.
    """

    wwid: str
    number: int
    size: int
    block: int
    vendor: str
    product: str
    serial: str
    read_only: bool
    contents: tuple[Finding, ...] = ()
    wipe: bool = False
    living: tuple[int, ...] = ()
    fault: str = ""
    lived_in: bool = False

    @property
    def uses(self) -> tuple[str, ...]:
        """Give the words for what is on it."""
        return tuple(one.told() for one in self.contents)

    @property
    def can(self) -> bool:
        """Tell whether it may be wiped at all.

        Where the leases of an oVirt domain lie, its volume group says; its engine is the one to remove it.
        """
        return all(one.kind is not Kind.OVIRT_DOMAIN for one in self.contents)

    @property
    def wiped(self) -> bool:
        """Tell whether something is lost when it is taken."""
        return self.wipe and bool(self.uses)

    def effects(self) -> tuple[str, ...]:
        """Tell what is lost."""
        if not self.wiped:
            return ()
        return (_("the LUN {wwid} is wiped: {uses}", wwid=self.wwid, uses=", ".join(self.uses)),)

    def choice(self, where: str, command: str) -> Choice:
        """Give it as an item of a pick list; one that is refused cannot be chosen."""
        problem = self.unfit(where, command)
        words = _(
            "{size:.1f} GiB, {vendor} {product}, LUN {number}, {serial}",
            size=self.size / GIB, vendor=self.vendor, product=self.product, number=self.number, serial=self.serial,
        )  # fmt: skip
        words += "".join(f"; {one}" for one in self.effects())
        words += "".join(f"; {one}" for one in self.uses if self.lived_in and not self.wipe)
        unfit = ": ".join(one for one in (problem.headline, problem.why) if one) if problem else ""
        return Choice(self.wwid, words, unfit, problem)

    def shown(  # noqa: PLR0913 - whence it is seen
        self, where: str, command: str, *, number: int | None, path: str | None, up: int, paths: int
    ) -> discovery.Lun:
        """Give it as it is discovered."""
        return discovery.Lun(
            unfit=discovery.told(self.refused(where, command)), answer=self.wwid, number=number, path=path,
            size=self.size, block=self.block, vendor=self.vendor, product=self.product, serial=self.serial,
            read_only=self.read_only, paths_up=up, paths=paths,
            contents=tuple(discovery.Content(one.kind.value, one.name, one.told()) for one in self.contents),
        )  # fmt: skip

    def unfit(self, where: str, command: str) -> Problem | None:
        """Tell why it cannot be chosen; one that an engine lives on can, by a further host for that engine."""
        return None if self.lived_in and not (self.wipe or self.fault) else self.refused(where, command)

    def refused(self, where: str, command: str) -> Problem | None:
        """Tell why it cannot be taken for a new engine."""
        detail = f"{self.wwid} ({where})"
        if self.fault:
            hint = _("Mend the paths to it, or answer another LUN; look at it with:")
            return LunUnreadable(detail, why=self.fault, where=where, hint=hint, command=command)
        if self.block != SECTOR:
            why = _("{size} bytes a block", size=self.block)
            hint = _("Have the storage server present it with blocks of 512 bytes; look at it with:")
            return LunBlocks(detail, why=why, where=where, hint=hint, command=command)
        if self.read_only:
            why = _("the storage server says so")
            hint = _("Allow writing on the storage server; look at it with:")
            return LunReadOnly(detail, why=why, where=where, hint=hint, command=command)
        if self.living:
            hosts = ", ".join(map(str, self.living))
            why = _("hosts renew their leases on it: {hosts}", hosts=hosts)
            hint = _("Put these hosts into maintenance first; nothing on it is touched. Look at it with:")
            return LunLease(detail, why=why, where=where, hint=hint, command=command)
        if self.uses and not (self.wipe and self.can):
            hint = _("Nothing on it is touched. Answer another LUN, or see whose it is; look at it with:")
            return LunUsed(detail, why=", ".join(self.uses), where=where, hint=hint, command=command)
        return None


def looked(host: Host, lun: FoundLun, read: Reader, wipe: LunWipe, *, patient: bool = True) -> FoundLun:
    """Look at what is on a LUN; at one that is to be wiped, if we are patient, whether anybody lives there."""
    try:
        contents = look(host.disk_tools, read, lun.size)
    except OSError as error:
        return replace(lun, fault=error.strerror or str(error))
    wanted = bool(lun.wwid) and lun.wwid == wipe.wwid
    lived_in = contents.domain is not None and bool(contents.domain.engine)
    found = replace(lun, contents=contents.findings, wipe=wanted, lived_in=lived_in)
    return watched(host, found, read) if patient else found


def watched(host: Host, lun: FoundLun, read: Reader) -> FoundLun:
    """See whether anybody lives on a LUN that is to be wiped; of any other nothing is asked."""
    return replace(lun, living=_living(host, read, lun.size)) if lun.wiped else lun


def refuse_slow(read: Reader, where: str, command: str) -> None:
    """Warn of a LUN so slow that sanlock would lose leases; what cannot be measured is the storage check's."""
    begun = time.monotonic()
    try:
        read([(0, SECTOR)])
    except (Problem, OSError):
        return
    took = time.monotonic() - begun
    if took > SLOW:
        detail = _("{seconds:.1f} s for one block at {where}", seconds=took, where=where)
        hint = _("See to the load of the server and to the way to it:")
        raise LunSlow(detail, why=lost_leases(), where=where, hint=hint, command=command)


def confirmed(lun: FoundLun, typed: LunWipeTyped) -> FoundLun:
    """Give the LUN as one that may be wiped only if it is the one that was typed."""
    return replace(lun, wipe=lun.wipe and typed.wwid == lun.wwid)


def wipe(host: Host, home: LunHome, read: Reader, lun: FoundLun, command: str) -> None:
    """Leave nothing but zeros on a LUN; who has come to live there since it was chosen is looked for once more.

    Raises:
        LunLease: see the class.
    """
    now = watched(host, lun, read)
    if now.living and (problem := now.refused(str(home.at), command)):
        raise problem
    host.reporter.emit(Info(_("Wiping {home}", home=home)))
    host.images.clear(DiskSource(home.at, "raw", 0, home.size))


def room(size: int) -> int:
    """Give the bytes that a disk can have on an empty LUN of `size` bytes."""
    return largest_gap(system_partitions(("", "", "")), size)


def _living(host: Host, read: Reader, size: int) -> tuple[int, ...]:
    """Give the hosts whose leases change while we look: for longer than any of them may wait to renew."""
    at = lockspace_at(host.disk_tools, ends_of(read, size))
    if at is None:
        return ()

    def seen() -> tuple[Lease, ...]:
        return leases(read([(at, LOCKSPACE_SIZE)])[0])

    before = seen()
    if not before:
        return ()

    def changed() -> tuple[int, ...] | None:
        return tuple(one.host for one in seen() if one not in before) or None

    within = RENEWED_WITHIN * max(one.io_timeout for one in before) + _SPARE
    try:
        return wait_until(host, changed, within=within, every=1.0, what=_("the leases on the LUN to be renewed"))
    except DeadlineExceeded:
        return ()
