"""What is written in two slots is there whole, before and after, however the writing ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.slots import BLOCK, Patch, Slot, blank, capacity, following, newest

REGION = 8 * BLOCK
SECTOR = 512
CONTENTS = st.binary(max_size=capacity(REGION))
SERIES = st.lists(CONTENTS, min_size=2, max_size=5)


def written(region: bytes, patch: Patch) -> bytes:
    """Give the region after all of a patch."""
    return region[: patch.offset] + patch.data + region[patch.offset + len(patch.data) :]


def after(series: list[bytes]) -> tuple[bytes, Slot]:
    """Give a region on which a series of contents came into force, and the last of them."""
    region = blank(series[0], REGION)
    for content in series[1:]:
        now = newest(region)
        assert now is not None
        region = written(region, following(now, content, REGION))
    last = newest(region)
    assert last is not None
    return region, last


@given(SERIES)
def test_the_last_content_is_in_force(series: list[bytes]) -> None:
    region, last = after(series)
    assert last == Slot(len(series) + 1, series[-1])
    assert len(region) == REGION


@given(SERIES, CONTENTS, st.integers(0, REGION))
def test_a_write_that_ends_anywhere_leaves_the_old_or_the_new(series: list[bytes], new: bytes, end: int) -> None:
    region, old = after(series)
    patch = following(old, new, REGION)
    cut = Patch(patch.offset, patch.data[:end])
    found = newest(written(region, cut))
    assert found in {old, Slot(old.generation + 1, new)}
    if end >= len(patch.data):
        assert found == Slot(old.generation + 1, new)


@given(SERIES, CONTENTS, st.data())
def test_any_mix_of_old_and_new_sectors_is_the_old_or_the_new(
    series: list[bytes], new: bytes, data: st.DataObject
) -> None:
    region, old = after(series)
    patch = following(old, new, REGION)
    before = region[patch.offset : patch.offset + len(patch.data)]
    count = len(patch.data) // SECTOR
    taken = data.draw(st.lists(st.sampled_from("one"), min_size=count, max_size=count))  # old, new, neither
    sources = {"o": before, "n": patch.data, "e": b"\xa5" * len(before)}
    mixed = b"".join(sources[source][number * SECTOR : (number + 1) * SECTOR] for number, source in enumerate(taken))
    assert newest(written(region, Patch(patch.offset, mixed))) in {old, Slot(old.generation + 1, new)}


@given(SERIES, CONTENTS, st.integers(0, REGION - 1), st.integers(1, 255))
def test_a_byte_that_turned_is_never_believed(series: list[bytes], new: bytes, place: int, flip: int) -> None:
    region, old = after(series)
    region = written(region, following(old, new, REGION))
    spoilt = region[:place] + bytes([region[place] ^ flip]) + region[place + 1 :]
    assert newest(spoilt) in {old, Slot(old.generation + 1, new)}


@given(st.binary(max_size=3 * BLOCK))
def test_garbage_is_nothing(garbage: bytes) -> None:
    assert newest(garbage) is None
    assert newest((b"HE-SLOT\x01" + garbage).ljust(REGION, b"\0")) is None


def test_a_slot_in_the_others_place_is_nothing() -> None:
    region = blank(b"mine", REGION)
    half = REGION // 2
    assert newest(region[half:] + region[:half]) is None


def test_what_is_too_long_is_refused() -> None:
    long = bytes(capacity(REGION) + 1)
    with pytest.raises(ValueError, match="more than the"):
        blank(long, REGION)
    with pytest.raises(ValueError, match="more than the"):
        following(Slot(1, b""), long, REGION)
    assert newest(blank(long[1:], REGION)) == Slot(2, long[1:])
