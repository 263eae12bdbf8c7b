"""Texts come out of the tar as they went in; what is no such tar is told in a sentence."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.conf_archive import packed, unpacked

NAMES = ("vm.conf", "version")


@given(st.dictionaries(st.sampled_from(NAMES), st.text(alphabet=st.characters(codec="utf-8"))))
def test_what_went_in_comes_out(texts: dict[str, str]) -> None:
    assert unpacked(packed(texts), NAMES) == texts
    assert unpacked(packed({**texts, "stray": "x"}), NAMES) == texts


@given(st.binary(min_size=1, max_size=2000))
def test_garbage_is_refused_or_read_as_what_it_is(garbage: bytes) -> None:
    found: dict[str, str] = {}
    with suppress(ValueError):
        found = unpacked(garbage, NAMES)
    assert set(found) <= set(NAMES)


def test_nothing_is_no_tar() -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(b"x" * 600, NAMES)
