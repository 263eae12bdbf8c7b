"""The marker of a storage domain: what was written is read, and nothing else ever is."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.domain_mark import FORMAT, LIMIT, DomainMark, engine_id

MARK = DomainMark("5d000000-0000-4000-8000-000000000001", "hosted_storage", "20260102030405-abcdef")
NAMED = replace(MARK, engine=engine_id(b"a CA"))
MARKS = st.builds(
    DomainMark,
    st.uuids().map(str),
    st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    st.from_regex(r"[0-9]{14}-[0-9a-f]{6}", fullmatch=True),
    st.sampled_from(["", engine_id(b"one"), engine_id(b"another")]),
)
SECTOR = 64  # smaller than any disk's, so that a mark has several


def test_the_text() -> None:
    text = (
        f"FORMAT={FORMAT}\nSDUUID=5d000000-0000-4000-8000-000000000001\nNAME=hosted_storage\n"
        "RUN=20260102030405-abcdef\n"
    )
    assert MARK.encode().decode() == f"{text}SHA256={hashlib.sha256(text.encode()).hexdigest()}\n"
    assert b"\nENGINE=" in NAMED.encode()


@given(MARKS)
def test_what_was_written_is_read(mark: DomainMark) -> None:
    assert len(mark.encode()) <= LIMIT
    assert DomainMark.decode(mark.encode()) == mark


@pytest.mark.parametrize("mark", [MARK, NAMED], ids=["unnamed", "named"])
def test_no_beginning_of_a_mark_is_a_mark(mark: DomainMark) -> None:
    for length in range(len(mark.encode())):
        for rest in (b"", b"\0" * (len(mark.encode()) - length)):
            with pytest.raises(ValueError, match=r"marker|checksum"):
                DomainMark.decode(mark.encode()[:length] + rest)


@given(MARKS, MARKS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_mix_of_an_old_and_a_new_mark_is_neither_or_one_of_them(
    old: DomainMark, new: DomainMark, kept: list[bool]
) -> None:
    length = max(len(old.encode()), len(new.encode()))
    pair = [one.encode().ljust(length, b"\0") for one in (old, new)]
    mixed = b"".join(pair[kept[at // SECTOR % 8]][at : at + SECTOR] for at in range(0, length, SECTOR))
    try:
        found = DomainMark.decode(mixed.rstrip(b"\0"))
    except ValueError:
        return
    assert found in (old, new)


@given(MARKS, st.data())
def test_an_edited_mark_is_known_as_one(mark: DomainMark, data: st.DataObject) -> None:
    content = bytearray(mark.encode())
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != content[at]))
    content[at] = byte
    with pytest.raises(ValueError, match=r"marker|checksum"):
        DomainMark.decode(bytes(content))


@given(st.binary(max_size=LIMIT))
def test_garbage_is_no_mark(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"marker|checksum"):
        DomainMark.decode(content)


def test_a_later_format_is_told() -> None:
    text = MARK.encode().decode().replace(f"FORMAT={FORMAT}", "FORMAT=7").partition("SHA256=")[0]
    signed = f"{text}SHA256={hashlib.sha256(text.encode()).hexdigest()}\n"
    with pytest.raises(ValueError, match="its format is 7, this program knows 1"):
        DomainMark.decode(signed.encode())


def test_two_engines_differ() -> None:
    assert engine_id(b"one") != engine_id(b"another")
    assert engine_id(b"one") == engine_id(b"one")
