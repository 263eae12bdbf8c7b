"""What a disk carries, told from copies of its two ends: no device is opened, so any disk will do that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

ENDS: Final = 1 << 20
"""Bytes of a disk's head and of its tail that hold all of its tables and, but for data, all that marks it as used."""

SECTOR: Final = 512
"""Bytes of a logical sector: the only size that partition tables are written for."""


@dataclass(frozen=True)
class Ends:
    """Copies of the first and last bytes of a disk of `size` bytes: `ENDS` of each, or all where it has fewer."""

    head: bytes
    tail: bytes
    size: int


@dataclass(frozen=True)
class Partition:
    """A named partition; `start` and `size` in bytes, `uuid` its unique GUID."""

    name: str
    uuid: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """Give the first byte behind it."""
        return self.start + self.size


@dataclass(frozen=True)
class PartitionTable:
    """A GPT: the disk's GUID and its partitions in the order of their numbers."""

    uuid: str
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class Signature:
    """A magic string that a tool knows: the tool's word for the kind, the byte it lies at, and a name or UUID."""

    kind: str
    offset: int
    label: str = ""


class DiskTools(Protocol):
    """Reads and writes tables on copies; changes nothing else."""

    def table(self, ends: Ends) -> PartitionTable | None:
        """Read the GPT, by its backup where the first is damaged; None where there is none."""

    def with_table(self, ends: Ends, table: PartitionTable) -> Ends:
        """Give the two ends with this GPT and nothing of another table; what else is on them stays.

        Raises:
            TableRefused: the table cannot be on that disk.
        """

    def signatures(self, ends: Ends) -> tuple[Signature, ...]:
        """Find every signature of a file system, a RAID, a volume manager or a partition table."""
