"""What the back ends for LUNs share: how a LUN is shown and when it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from hosted_setup.domain.block_layout import largest_gap, system_partitions
from hosted_setup.domain.lun_contents import Contents
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import Choice
from hosted_setup.model.values import GIB
from hosted_setup.ports.disk_tools import SECTOR
from hosted_setup.storage.layout import LunUsed


class LunReadOnly(Problem):
    """The LUN cannot be written to."""

    code = "HE-LUN-READONLY"
    title = "The LUN is read-only"


class LunBlocks(Problem):
    """The LUN has logical blocks that no partition table is written for."""

    code = "HE-LUN-BLOCKS"
    title = "The LUN has logical blocks of another size than 512 bytes"


@dataclass(frozen=True)
class FoundLun:
    """A LUN as it is shown: `uses` are the words for what is on it, empty for nothing."""

    wwid: str
    number: int
    size: int
    block: int
    vendor: str
    product: str
    serial: str
    read_only: bool
    uses: tuple[str, ...]

    def choice(self, where: str, command: str) -> Choice:
        """Give it as an item of a pick list; one that is refused cannot be chosen."""
        problem = self.refused(where, command)
        words = _(
            "{size:.1f} GiB, {vendor} {product}, LUN {number}, {serial}",
            size=self.size / GIB, vendor=self.vendor, product=self.product, number=self.number, serial=self.serial,
        )  # fmt: skip
        return Choice(
            self.wwid, words, problem.headline + (f": {problem.why}" if problem.why else "") if problem else "", problem
        )

    def refused(self, where: str, command: str) -> Problem | None:
        """Tell why it cannot be taken."""
        detail = f"{self.wwid} ({where})"
        if self.block != SECTOR:
            why = _("{size} bytes a block", size=self.block)
            hint = _("Have the storage server present it with blocks of 512 bytes; look at it with:")
            return LunBlocks(detail, why=why, where=where, hint=hint, command=command)
        if self.read_only:
            why = _("the storage server says so")
            hint = _("Allow writing on the storage server; look at it with:")
            return LunReadOnly(detail, why=why, where=where, hint=hint, command=command)
        if self.uses:
            hint = _("Nothing on it is touched. Answer another LUN, or see whose it is; look at it with:")
            return LunUsed(detail, why=", ".join(self.uses), where=where, hint=hint, command=command)
        return None


def told(contents: Contents) -> tuple[str, ...]:
    """Give the words for what is on a LUN."""
    return tuple(one.told() for one in contents.findings)


def room(size: int) -> int:
    """Give the bytes that a disk can have on an empty LUN of `size` bytes."""
    return largest_gap(system_partitions(("", "", "")), size)
