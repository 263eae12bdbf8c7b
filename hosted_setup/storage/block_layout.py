"""Long, since a storage domain on a LUN is whole here: named partitions of a GPT (docs/decisions/0012-block-layout.md).

It is made from the inside out: what the partitions hold, the table's copy at the tail, the table at the head. What a
process that died before that leaves is known by the mark, at the place where `he-metadata` is going to be.
"""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.domain import block_layout
from hosted_setup.domain.block_layout import CONFIGURATION, DISK, LOCKSPACE, METADATA, room_for, system_partitions
from hosted_setup.domain.block_metadata import FORMAT, BlockMetadata, decoded, encoded
from hosted_setup.domain.conf_archive import packed, unpacked
from hosted_setup.domain.domain_mark import DomainMark
from hosted_setup.domain.lun_contents import Contents, Reader, ends_of, look
from hosted_setup.domain.slots import Slot, blank, following, newest
from hosted_setup.model.messages import _
from hosted_setup.model.values import MIB
from hosted_setup.ports.disk_tools import ENDS, SECTOR, Ends, Partition, PartitionTable
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.problems import NoSpace
from hosted_setup.storage.layout import CONF_FILES, LENT, LunUsed, damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hosted_setup.domain.host_slot import HostSlot
    from hosted_setup.domain.pointer import Pointer
    from hosted_setup.ports.disk_tools import DiskTools
    from hosted_setup.ports.images import Images
    from hosted_setup.ports.locations import LunHome

_TABLE: Final = 64 << 10
"""Bytes at each end that a table takes at most: its header and 128 entries are 17 KiB."""


class BlockLayout:
    """Implements `Layout` on a LUN."""

    def __init__(self, uuid: str, home: LunHome, images: Images, tools: DiskTools, read: Reader | None = None) -> None:
        """Work on the domain `uuid` on the LUN; `read` is for who looks before QEMU's tools can reach it."""
        self._uuid = uuid
        self._home = home
        self._images = images
        self._tools = tools
        self._read = read or self._read_by_images

    def contents(self) -> Contents:
        """Find everything on the LUN."""
        return look(self._tools, self._read, self._home.size)

    def create(self, name: str, run_id: str) -> None:
        """Make the domain on an empty LUN, whole or not at all, with that run's mark."""
        found = self.contents()
        if not found.empty:
            raise LunUsed.by(found, str(self._home), self._home.command)
        partitions = system_partitions((str(uuids.uuid4()), str(uuids.uuid4()), str(uuids.uuid4())))
        metadata = encoded(BlockMetadata(format=FORMAT, uuid=self._uuid, name=name, run=run_id))
        for partition, content in zip(partitions, (metadata, b"", packed({})), strict=True):
            if partition.name != LOCKSPACE:
                self._write(partition.start, blank(content, partition.size))
        self._write_table(self._ends(), PartitionTable(self._uuid, partitions))

    def mark(self) -> DomainMark | None:
        """Read what the domain says of itself; None when there is none."""
        if self._table() is None:
            return None
        found = self._metadata()[1]
        return DomainMark(found.uuid, found.name, found.run, found.engine)

    def name_engine(self, engine: str) -> None:
        """Add to the mark which engine lives here."""
        self._change(lambda now: msgspec.structs.replace(now, engine=engine))

    def made_by(self, run_id: str) -> bool:
        """Tell whether there is a domain with that run's mark."""
        found = self.mark()
        return found is not None and found.run == run_id

    def removable(self, run_id: str) -> bool:
        """Tell the same: nothing can come over a partition."""
        return self.made_by(run_id)

    def remove(self, run_id: str) -> tuple[str, ...]:
        """Remove the domain that this run made, or was making, leaving zeros; the mark last."""
        table = self._table()
        if table is None:
            if self._begun(run_id):
                self._remove_all(system_partitions(("", "", "")))
            return ()
        if not self.made_by(run_id):
            return ()
        known = {METADATA, LOCKSPACE, CONFIGURATION}
        left = [f"{one.name} {one.uuid}" for one in table.partitions if one.name not in known]
        left += [one.name for one in self.hosts().values() if one.run != run_id]
        if not left:
            self._remove_all(table.partitions)
        return tuple(f"{self._home} ({one})" for one in left)

    def add_volume(self, volume: str, format: str, size: int) -> DiskSource:  # noqa: A002 - the tools' word
        """Make a partition in which the image can grow to its whole size, and note that it is importing."""
        self._change(lambda now: msgspec.structs.replace(now, importing=(*now.importing, volume)))
        made = self._add(DISK, volume, room_for(size))
        return DiskSource(self._home.at, format, made.start, made.size)

    def has(self, volume: str) -> bool:
        """Tell whether there is such a volume."""
        return self._find(DISK, volume) is not None

    def is_importing(self, volume: str) -> bool:
        """Tell whether a volume does not stand alone yet."""
        return volume in self._metadata()[1].importing

    def imported(self, volume: str) -> None:
        """Note that the volume stands alone."""
        if self.is_importing(volume):
            self._change(
                lambda now: msgspec.structs.replace(now, importing=tuple(one for one in now.importing if one != volume))
            )

    def remove_volume(self, volume: str) -> None:
        """Remove a volume, leaving zeros, its mark and what was lent beside it."""
        for name in LENT:
            self.take_back(volume, name)
        self._drop(DISK, volume)
        self.imported(volume)

    def lend(self, volume: str, name: str, file: Path) -> DiskSource:
        """Copy a file into a partition of its own; zeros follow it."""
        self.take_back(volume, name)
        made = self._add(name, _lent(volume, name), -(-file.stat().st_size // MIB) * MIB)
        lent = DiskSource(self._home.at, "raw", made.start, made.size)
        with file.open("rb") as stream:
            self._images.write(lent, iter(lambda: stream.read(MIB), b""))
        return lent

    def take_back(self, volume: str, name: str) -> None:
        """Remove what was lent, if it is there."""
        self._drop(name, _lent(volume, name))

    def current(self) -> Pointer | None:
        """Read the pointer to the current volume; None when there is none."""
        return self._metadata()[1].current

    def point_to(self, pointer: Pointer) -> None:
        """Make the pointer, atomically, where there is none."""
        there = self.current()
        if there is not None:
            raise FileExistsError(f"{self._home}: {there.volume} is the current disk")
        self._change(lambda now: msgspec.structs.replace(now, current=pointer))

    def drop_pointer(self, volume: str) -> None:
        """Remove the pointer, if it names this volume."""
        there = self.current()
        if there is not None and there.volume == volume:
            self._change(lambda now: msgspec.structs.replace(now, current=None))

    def write_conf(self, texts: Mapping[str, str]) -> None:
        """Write files of the shared configuration, all of them or none."""
        partition, slot = self._slot(CONFIGURATION)
        content = packed({**self._unpacked(slot), **texts})
        patch = following(slot, content, partition.size)
        self._write(partition.start + patch.offset, patch.data)

    def read_conf(self) -> dict[str, str]:
        """Read the shared configuration, as far as it is there."""
        return self._unpacked(self._slot(CONFIGURATION)[1])

    def hosts(self) -> dict[int, HostSlot]:
        """Read who has which host id."""
        return {slot.number: slot for slot in self._metadata()[1].hosts}

    def reserve(self, slot: HostSlot) -> None:
        """Reserve a host id."""
        if slot.number in self.hosts():
            raise FileExistsError(f"{self._home}: {slot.number}")
        self._change(lambda now: msgspec.structs.replace(now, hosts=(*now.hosts, slot)))

    def release(self, number: int, run_id: str) -> None:
        """Free a host id, if that run has reserved it."""
        found = self.hosts().get(number)
        if found is not None and found.run == run_id:
            self._change(
                lambda now: msgspec.structs.replace(now, hosts=tuple(one for one in now.hosts if one != found))
            )

    def free(self) -> int:
        """Give the bytes of the largest disk's partition that can still be made."""
        table = self._table()
        return block_layout.largest_gap(table.partitions if table else (), self._home.size)

    def _table(self, ends: Ends | None = None) -> PartitionTable | None:
        """Read the table; None where there is none, or where it is another one's."""
        found = self._tools.table(ends or self._ends())
        return found if found and found.uuid == self._uuid else None

    def _ends(self) -> Ends:
        return ends_of(self._read, self._home.size)

    def _write_table(self, ends: Ends, table: PartitionTable) -> None:
        """Change the table: at the tail, then at the head.

        Its first sector, without which nobody looks for the rest, is not put at risk when it stays as it is.
        """
        made = self._tools.with_table(ends, table)
        self._write(self._home.size - _TABLE, made.tail[-_TABLE:])
        first = SECTOR if made.head[:SECTOR] == ends.head[:SECTOR] else 0
        self._write(first, made.head[first:_TABLE])

    def _add(self, name: str, uuid: str, length: int) -> Partition:
        ends = self._ends()
        table = self._there(self._table(ends))
        start = block_layout.place(table.partitions, self._home.size, length)
        if start is None:
            free = block_layout.largest_gap(table.partitions, self._home.size) // MIB
            why = _("{needed} MiB are needed in one piece, {free} MiB are free", needed=length // MIB, free=free)
            hint = _("Take a larger LUN; look at this one with:")
            raise NoSpace(str(self._home), why=why, where=str(self._home), hint=hint, command=self._home.command)
        made = Partition(name, uuid, start, length)
        self._write_table(ends, replace(table, partitions=(*table.partitions, made)))
        return made

    def _drop(self, name: str, uuid: str) -> None:
        """Remove a partition, if it is there, leaving zeros."""
        ends = self._ends()
        table = self._there(self._table(ends))
        found = next((one for one in table.partitions if (one.name, one.uuid) == (name, uuid)), None)
        if found is None:
            return
        self._clear(found.start, found.size)
        self._write_table(ends, replace(table, partitions=tuple(one for one in table.partitions if one != found)))

    def _find(self, name: str, uuid: str = "") -> Partition | None:
        table = self._table()
        found = (one for one in (table.partitions if table else ()) if one.name == name and uuid in {"", one.uuid})
        return next(found, None)

    def _there(self, table: PartitionTable | None) -> PartitionTable:
        if table is None:
            raise damaged(str(self._home), _("its partition table is gone"), self._home.command)
        return table

    def _slot(self, name: str) -> tuple[Partition, Slot]:
        partition = self._find(name)
        slot = newest(self._read([(partition.start, partition.size)])[0]) if partition else None
        if partition is None or slot is None:
            raise damaged(f"{self._home} ({name})", _("none of its two copies is whole"), self._home.command)
        return partition, slot

    def _metadata(self) -> tuple[Partition, BlockMetadata, Slot]:
        partition, slot = self._slot(METADATA)
        found = decoded(slot.content)
        if found is None or found.uuid != self._uuid:
            why = _("it does not read as the metadata of this domain")
            raise damaged(f"{self._home} ({METADATA})", why, self._home.command)
        return partition, found, slot

    def _change(self, change: Callable[[BlockMetadata], BlockMetadata]) -> None:
        partition, now, slot = self._metadata()
        patch = following(slot, encoded(change(now)), partition.size)
        self._write(partition.start + patch.offset, patch.data)

    def _unpacked(self, slot: Slot) -> dict[str, str]:
        try:
            return unpacked(slot.content, CONF_FILES)
        except ValueError as error:
            raise damaged(f"{self._home} ({CONFIGURATION})", str(error), self._home.command) from error

    def _begun(self, run_id: str) -> bool:
        """Tell whether this run's mark is there without a table, and nothing has come to the LUN since."""
        partition = system_partitions(("", "", ""))[0]
        head, region = self._read([(0, ENDS), (partition.start, partition.size)])
        slot = newest(region)
        found = decoded(slot.content) if slot else None
        return not any(head) and found is not None and (found.uuid, found.run) == (self._uuid, run_id)

    def _remove_all(self, partitions: Sequence[Partition]) -> None:
        """Remove the table and what is in the partitions, the mark last."""
        marked = next(one for one in partitions if one.name == METADATA)
        for one in partitions:
            if one is not marked:
                self._clear(one.start, one.size)
        self._clear(0, _TABLE)
        self._clear(self._home.size - _TABLE, _TABLE)
        self._clear(marked.start, marked.size)

    def _read_by_images(self, regions: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self._images.head(self._region(start, length), length) for start, length in regions]

    def _write(self, start: int, data: bytes) -> None:
        self._images.write(self._region(start, len(data)), [data])

    def _clear(self, start: int, length: int) -> None:
        self._images.clear(self._region(start, length))

    def _region(self, start: int, length: int) -> DiskSource:
        return DiskSource(self._home.at, "raw", start, length)


def _lent(volume: str, name: str) -> str:
    """Give the GUID of the partition in which something is lent to a volume."""
    return str(uuids.uuid5(uuids.UUID(volume), name))
