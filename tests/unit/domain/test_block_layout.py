"""Where things lie on a LUN: apart from one another, in whole MiB, and found again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.block_layout import largest_gap, place, room_for, smallest, system_partitions
from hosted_setup.model.values import GIB, MIB
from hosted_setup.ports.disk_tools import ENDS, Partition

SYSTEM = system_partitions(("a", "b", "c"))


@given(st.integers(30 * MIB, 4 * GIB), st.lists(st.tuples(st.booleans(), st.integers(1, 900)), max_size=20))
def test_partitions_never_overlap_nor_touch_the_ends(size: int, wishes: list[tuple[bool, int]]) -> None:
    partitions = SYSTEM
    for keep, mebibytes in wishes:
        room = largest_gap(partitions, size)
        start = place(partitions, size, mebibytes * MIB)
        assert (start is None) == (mebibytes * MIB > room)
        if start is not None:
            partitions += (Partition("he-disk", str(len(partitions)), start, mebibytes * MIB),)
        if not keep:
            partitions = SYSTEM + partitions[len(SYSTEM) + 1 :]
    inside = sorted(partitions, key=lambda one: one.start)
    assert inside[0].start >= ENDS
    assert inside[-1].end <= size - ENDS
    assert all(one.end <= other.start for one, other in pairwise(inside))
    assert not any(one.start % MIB for one in inside)


def test_a_lun_that_is_just_large_enough_takes_the_disk() -> None:
    least = smallest(25 * GIB)
    assert largest_gap(SYSTEM, least) == room_for(25 * GIB)
    assert largest_gap(SYSTEM, least - MIB) < room_for(25 * GIB)
    assert place(SYSTEM, least, room_for(25 * GIB)) == SYSTEM[-1].end


def test_a_lun_that_is_too_small_has_no_room() -> None:
    assert largest_gap(SYSTEM, SYSTEM[-1].end) == 0
    assert largest_gap((), MIB) == 0


def test_a_qcow2_has_room_to_grow_to_its_whole_size() -> None:
    """What `qemu-img measure -O qcow2 --size` gives as "fully allocated size", by GiB."""
    measured = {1: 1074135040, 25: 26847870976, 1024: 1099679662080, 16 * 1024: 17594870988800}
    for gib, needed in measured.items():
        assert needed <= room_for(gib * GIB) < needed * 1.001 + 2 * MIB
