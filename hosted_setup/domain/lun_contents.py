"""What is on a LUN: whatever it is, it belongs to somebody, until it is shown that nothing is there.

Regions are read, nothing is opened: the two ends, samples in between, and what these lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hosted_setup.domain import lvm
from hosted_setup.domain.block_layout import LOCKSPACE, METADATA
from hosted_setup.domain.block_metadata import BlockMetadata, decoded
from hosted_setup.domain.sanlock import lockspace_name
from hosted_setup.domain.slots import BLOCK, newest
from hosted_setup.model.messages import _
from hosted_setup.ports.disk_tools import ENDS, DiskTools, Ends, Partition, PartitionTable

Reader = Callable[[Sequence[tuple[int, int]]], Sequence[bytes]]
"""Reads regions of the LUN: start and length of each, in bytes, whole sectors."""

SAMPLES: Final = 32
"""So many blocks in between are looked at, evenly spread: data that lies there alone is no more than likely found."""

_OVIRT_TAG: Final = "RHAT_storage_domain"  # vdsm's, on the volume group of every block domain


class Kind(Enum):
    """What somebody has put on a LUN; the values are words for programs."""

    DOMAIN = "domain"
    DAMAGED_DOMAIN = "damaged-domain"
    OVIRT_DOMAIN = "ovirt-domain"
    LVM = "lvm"
    LOCKSPACE = "lockspace"
    PARTITIONS = "partitions"
    SIGNATURE = "signature"
    DATA = "data"


@dataclass(frozen=True)
class Finding:
    """One thing that is there, and its name: that of a volume group, of a lockspace, of a kind of file system."""

    kind: Kind
    name: str = ""

    def told(self) -> str:
        """Give it in words."""
        words = {
            Kind.DOMAIN: _("the storage domain {name}", name=self.name),
            Kind.DAMAGED_DOMAIN: _("a damaged storage domain, {name}", name=self.name),
            Kind.OVIRT_DOMAIN: _("the oVirt storage domain {name}", name=self.name),
            Kind.LVM: _("LVM, volume group {name}", name=self.name) if self.name else _("an LVM physical volume"),
            Kind.LOCKSPACE: _("the sanlock lockspace {name}", name=self.name),
            Kind.PARTITIONS: _("a partition table ({name})", name=self.name),
            Kind.SIGNATURE: self.name,
            Kind.DATA: _("data of an unknown kind"),
        }
        return words[self.kind]


@dataclass(frozen=True)
class Contents:
    """Everything that was found; `domain` is a storage domain of ours that is whole."""

    findings: tuple[Finding, ...]
    domain: BlockMetadata | None = None

    @property
    def empty(self) -> bool:
        """Tell whether the LUN can be taken."""
        return not self.findings


def ends_of(read: Reader, size: int) -> Ends:
    """Read the two ends of a LUN of `size` bytes."""
    length = min(ENDS, size // BLOCK * BLOCK)
    head, tail = read([(0, length), (size - length, length)])
    return Ends(head, tail, size)


def look(tools: DiskTools, read: Reader, size: int) -> Contents:
    """Find everything on a LUN of `size` bytes."""
    ends = ends_of(read, size)
    table = tools.table(ends)
    findings: list[Finding] = []
    domain = None
    marked = _named(table, METADATA)
    if table is not None and marked is not None:
        domain = _domain(table, marked, read)
        findings.append(Finding(Kind.DOMAIN, domain.name) if domain else Finding(Kind.DAMAGED_DOMAIN, table.uuid))
    elif table is not None:
        findings.append(Finding(Kind.PARTITIONS, "gpt"))
    for one in tools.signatures(ends):
        if one.kind == "LVM2_member":
            findings.append(_lvm(ends.head, read))
        elif one.kind == "dos":
            findings.append(Finding(Kind.PARTITIONS, one.kind))
        elif one.kind not in {"gpt", "PMBR"} or table is None:
            findings.append(Finding(Kind.SIGNATURE, f"{one.kind} {one.label}".strip()))
    lockspace = lockspace_name(ends.head)
    if lockspace is not None:
        findings.append(Finding(Kind.LOCKSPACE, lockspace))
    if not findings and _any_data(ends, read):
        findings.append(Finding(Kind.DATA))
    return Contents(tuple(dict.fromkeys(findings)), domain)


def lockspace_at(tools: DiskTools, ends: Ends) -> int | None:
    """Give where a lockspace begins: in a domain of ours in its own partition, else at the head of the LUN."""
    ours = _named(tools.table(ends), LOCKSPACE)
    if ours is not None:
        return ours.start
    return 0 if lockspace_name(ends.head) is not None else None


def _named(table: PartitionTable | None, name: str) -> Partition | None:
    return next((one for one in table.partitions if one.name == name), None) if table else None


def _domain(table: PartitionTable, marked: Partition, read: Reader) -> BlockMetadata | None:
    """Read the marker; it has to say the disk's own GUID, so that a copied partition is not taken for a domain."""
    slot = newest(read([(marked.start, marked.size)])[0])
    metadata = decoded(slot.content) if slot else None
    return metadata if metadata and metadata.uuid == table.uuid else None


def _lvm(head: bytes, read: Reader) -> Finding:
    pieces = []
    for start, length in lvm.text_regions(head):
        aligned = start // BLOCK * BLOCK
        whole = -(-(start + length - aligned) // BLOCK) * BLOCK
        pieces.append(read([(aligned, whole)])[0][start - aligned :][:length])
    group = lvm.group(b"".join(pieces))
    if group is None:
        return Finding(Kind.LVM)
    return Finding(Kind.OVIRT_DOMAIN if _OVIRT_TAG in group.tags else Kind.LVM, group.name)


def _any_data(ends: Ends, read: Reader) -> bool:
    if ends.head.strip(b"\0") or ends.tail.strip(b"\0"):
        return True
    step = (ends.size - 2 * ENDS) // (SAMPLES + 1) // BLOCK * BLOCK
    between = [(ENDS + step * number, BLOCK) for number in range(1, SAMPLES + 1)] if step > 0 else []
    return any(piece.strip(b"\0") for piece in read(between))
