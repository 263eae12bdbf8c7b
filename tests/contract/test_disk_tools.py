"""Partition tables on the two ends of a disk: written whole, read by the other one when one is torn, seen by others."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.domain.block_layout import DISK, METADATA, place, room_for, system_partitions
from hosted_setup.model.values import GIB, MIB
from hosted_setup.ports.disk_tools import ENDS, SECTOR, Ends, Partition, PartitionTable
from hosted_setup.ports.problems import TableRefused

TOOLS: Final = UtilLinux()
SIZE: Final = 40 * GIB + 5 * SECTOR  # not a whole number of MiB
LUN: Final = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"
UUIDS: Final = (
    "8d0e6c0f-2a4a-4f7e-9a3e-000000000001",
    "8d0e6c0f-2a4a-4f7e-9a3e-000000000002",
    "8d0e6c0f-2a4a-4f7e-9a3e-000000000003",
)
FIRST, SECOND = "8d0e6c0f-2a4a-4f7e-9a3e-0000000000a1", "8d0e6c0f-2a4a-4f7e-9a3e-0000000000a2"
QUICK: Final = settings(max_examples=60, deadline=None)


def empty(size: int = SIZE) -> Ends:
    return Ends(bytes(ENDS), bytes(ENDS), size)


def with_disk(table: PartitionTable, volume: str, size: int) -> PartitionTable:
    start = place(table.partitions, SIZE, size)
    assert start is not None
    return replace(table, partitions=(*table.partitions, Partition(DISK, volume, start, size)))


ONE: Final = with_disk(PartitionTable(LUN, system_partitions(UUIDS)), FIRST, room_for(10 * GIB))
TWO: Final = with_disk(ONE, SECOND, room_for(20 * GIB))
OLD: Final = TOOLS.with_table(empty(), ONE)
NEW: Final = TOOLS.with_table(OLD, TWO)


def test_what_is_written_is_read() -> None:
    assert TOOLS.table(OLD) == ONE
    assert TOOLS.table(NEW) == TWO
    assert [one.uuid for one in TWO.partitions if one.name == DISK] == [FIRST, SECOND]
    assert TWO.partitions[0].name == METADATA
    assert not any(one.start % MIB or one.size % MIB for one in TWO.partitions)


def test_a_partition_can_be_taken_away() -> None:
    assert TOOLS.table(TOOLS.with_table(NEW, ONE)) == ONE


def test_no_room_is_taken_in_memory_for_a_disk_of_a_hundred_tebibytes() -> None:
    ends = TOOLS.with_table(empty(100 << 40), PartitionTable(LUN, system_partitions(UUIDS)))
    assert TOOLS.table(ends) == PartitionTable(LUN, system_partitions(UUIDS))


@QUICK
@given(st.integers(0, 2 * ENDS // SECTOR), st.booleans())
@example(ENDS // SECTOR, True)  # noqa: FBT003 - where the head begins
def test_a_table_whose_writing_ended_anywhere_is_the_old_or_the_new(sectors: int, garbled: bool) -> None:  # noqa: FBT001
    """The tail is written first, then the head but its first sector; where it ended, a sector may hold anything."""
    first = OLD.head[:SECTOR]
    assert NEW.head[:SECTOR] == first
    old, new = OLD.tail + OLD.head[SECTOR:], NEW.tail + NEW.head[SECTOR:]
    end = min(sectors * SECTOR, len(new) - SECTOR)
    middle = b"\xa5" * SECTOR if garbled else b""
    torn = new[:end] + middle + old[end + len(middle) :]
    found = TOOLS.table(Ends(first + torn[ENDS:], torn[:ENDS], SIZE))
    assert found in {ONE, TWO}


@QUICK
@given(st.booleans(), st.lists(st.sampled_from("one"), min_size=40, max_size=40))
def test_any_mix_of_sectors_at_one_end_is_the_old_or_the_new(head: bool, taken: list[str]) -> None:  # noqa: FBT001
    old, new = (OLD.head, NEW.head) if head else (OLD.tail[::-1], NEW.tail[::-1])
    sources = {"o": old, "n": new, "e": b"\xa5" * ENDS}
    assert OLD.head[:SECTOR] == NEW.head[:SECTOR], "the protective MBR says nothing of partitions"
    taken[0] = "o" if head else taken[0]
    mixed = b"".join(sources[one][at * SECTOR : (at + 1) * SECTOR] for at, one in enumerate(taken))
    # head last: the tail is new by then; tail first: the head is old
    torn = (
        Ends(mixed + old[len(mixed) :], NEW.tail, SIZE)
        if head
        else Ends(OLD.head, (mixed + old[len(mixed) :])[::-1], SIZE)
    )
    assert TOOLS.table(torn) in {ONE, TWO}


@QUICK
@given(st.binary(max_size=4096), st.binary(max_size=4096))
def test_garbage_is_no_table(head: bytes, tail: bytes) -> None:
    for start in (b"", bytes(510) + b"\x55\xaaEFI PART"):
        ends = Ends((start + head).ljust(ENDS, b"\0"), tail.rjust(ENDS, b"\0"), SIZE)
        assert TOOLS.table(ends) is None
        TOOLS.signatures(ends)


def test_another_kind_of_table_is_none_of_ours() -> None:
    mbr = bytes(446) + b"\x80\0\0\0\x83\0\0\0" + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little") + bytes(48)
    ends = Ends((mbr + b"\x55\xaa").ljust(ENDS, b"\0"), bytes(ENDS), SIZE)
    assert TOOLS.table(ends) is None
    assert [one.kind for one in TOOLS.signatures(ends)] == ["dos"]


def test_a_table_that_cannot_be_is_refused() -> None:
    beyond = PartitionTable(LUN, (Partition("he-disk", FIRST, SIZE, MIB),))
    with pytest.raises(TableRefused) as refused:
        TOOLS.with_table(empty(), beyond)
    assert refused.value.code == "HE-LUN-TABLE"
    assert refused.value.why


def test_a_blank_disk_bears_no_signature() -> None:
    assert TOOLS.signatures(empty()) == ()


@pytest.mark.parametrize("command", [("mkfs.ext4", "-q", "-F"), ("mkswap",)])
def test_what_others_made_is_found(command: tuple[str, ...]) -> None:
    disk = os.memfd_create("disk")
    os.ftruncate(disk, 64 * MIB)
    subprocess.run([*command, f"/dev/fd/{disk}"], check=True, capture_output=True, pass_fds=(disk,))
    ends = Ends(os.pread(disk, ENDS, 0), os.pread(disk, ENDS, 63 * MIB), 64 * MIB)
    os.close(disk)
    kind = {"mkfs.ext4": "ext4", "mkswap": "swap"}[command[0]]
    assert kind in {one.kind for one in TOOLS.signatures(ends)}
