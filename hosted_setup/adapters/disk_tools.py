"""Partition tables and signatures by util-linux, on sparse files in memory with the two ends of a disk in them."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.adapters.bounded import search_path
from hosted_setup.model.messages import _
from hosted_setup.ports.disk_tools import SECTOR, Ends, Partition, PartitionTable, Signature
from hosted_setup.ports.problems import BUNDLE, COLLECT, TableRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPE: Final = "8DA63339-0007-60C0-C436-083AC8230908"  # Linux reserved: nobody offers to make a file system there
_ATTRIBUTES: Final = "GUID:63"  # nothing mounts it by itself


class UtilLinux:
    """Implements `ports.disk_tools.DiskTools`."""

    def table(self, ends: Ends) -> PartitionTable | None:
        """Read the GPT, by its backup where the first is damaged; None where there is none."""
        with _sparse(ends) as disk:
            done = _run(disk, "sfdisk", "--json")
        if done.returncode or not done.stdout:
            return None
        said = msgspec.json.decode(done.stdout, type=_Sfdisk).partitiontable
        if said.label != "gpt" or said.sectorsize != SECTOR:
            return None
        return PartitionTable(
            said.id.lower(),
            tuple(
                Partition(one.name, one.uuid.lower(), one.start * SECTOR, one.size * SECTOR) for one in said.partitions
            ),
        )

    def with_table(self, ends: Ends, table: PartitionTable) -> Ends:
        """Give the two ends with this GPT and nothing of another table; what else is on them stays."""
        lines = ["label: gpt", f"label-id: {table.uuid}", "unit: sectors", ""]
        for one in table.partitions:
            place = f"start={one.start // SECTOR}, size={one.size // SECTOR}, type={_TYPE}"
            lines.append(f'{place}, uuid={one.uuid}, attrs="{_ATTRIBUTES}", name="{one.name}"')
        with _sparse(ends) as disk:
            done = _run(
                disk, "sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe=never", say="\n".join(lines)
            )
            if done.returncode:
                where = _("a disk of {size} bytes", size=ends.size)
                raise TableRefused(where, why=done.stderr.strip(), hint=_(COLLECT), command=BUNDLE)
            return Ends(
                os.pread(disk, len(ends.head), 0), os.pread(disk, len(ends.tail), ends.size - len(ends.tail)), ends.size
            )

    def signatures(self, ends: Ends) -> tuple[Signature, ...]:
        """Find every signature of a file system, a RAID, a volume manager or a partition table."""
        with _sparse(ends) as disk:
            done = _run(disk, "wipefs", "--json", "--no-act")
        if not done.stdout:
            return ()
        found = msgspec.json.decode(done.stdout, type=_Wipefs).signatures
        return tuple(Signature(one.type, int(one.offset, 16), one.label or one.uuid or "") for one in found)


class _SfdiskPartition(msgspec.Struct):
    start: int
    size: int
    uuid: str = ""
    name: str = ""


class _SfdiskTable(msgspec.Struct):
    label: str
    sectorsize: int
    id: str = ""
    partitions: list[_SfdiskPartition] = []


class _Sfdisk(msgspec.Struct):
    partitiontable: _SfdiskTable


class _WipefsSignature(msgspec.Struct):
    offset: str
    type: str
    uuid: str | None
    label: str | None


class _Wipefs(msgspec.Struct):
    signatures: list[_WipefsSignature]


@contextmanager
def _sparse(ends: Ends) -> Iterator[int]:
    """Give a file in memory, of the disk's size, of which nothing but the two ends takes room."""
    disk = os.memfd_create("disk")
    try:
        os.ftruncate(disk, ends.size)
        os.pwrite(disk, ends.head, 0)
        os.pwrite(disk, ends.tail, ends.size - len(ends.tail))
        yield disk
    finally:
        os.close(disk)


def _run(disk: int, *command: str, say: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, f"/dev/fd/{disk}"],
        input=say,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        pass_fds=(disk,),
        env={"LC_ALL": "C.UTF-8", "PATH": search_path()},
    )
