"""The version rule of a restore."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.version import Version, VersionNewer, VersionPair, VersionUnreadable, check_versions


@pytest.mark.parametrize(
    ("backup", "installed"),
    [
        ("4.5.6", "4.5.6"),
        ("4.5.4", "4.5.6"),
        ("4.5.6", "4.5.6-1.el9"),
        ("4.5.9", "4.5.10"),
        ("4.5.4_master", "4.5.5"),
        ("4.4.10.7-1.el8", "4.5.6"),
        ("4.3.10", "4.5.6"),
        ("4.3.10.4-1.el7", "4.3.11"),
        ("4.6.0", "4.6.1\n"),
    ],
)
def test_these_are_restored(backup: str, installed: str) -> None:
    check_versions(backup, installed)


@pytest.mark.parametrize(
    ("backup", "installed", "problem"),
    [
        ("4.5.7", "4.5.6", VersionNewer),
        ("4.5.10", "4.5.9", VersionNewer),
        ("4.5.6-2.el9", "4.5.6-1.el9", VersionNewer),
        ("4.3.9", "4.5.6", VersionPair),
        ("4.3.9", "4.3.11", VersionPair),
        ("4.3", "4.3.11", VersionPair),
        ("4.2.8", "4.5.6", VersionPair),
        ("4.6.0", "4.5.6", VersionPair),
        ("4.5.6", "4.6.0", VersionPair),
        ("4.5.6", "4.4.9", VersionPair),
        ("3.6.1", "4.5.6", VersionPair),
        ("14.5.6", "4.5.6", VersionPair),
    ],
)
def test_these_are_refused_naming_both(backup: str, installed: str, problem: type[Exception]) -> None:
    with pytest.raises(problem) as caught:
        check_versions(backup, installed)
    assert backup in str(caught.value)
    assert installed in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "4", "4.", "latest", "v4.5", "4.5 6", "4.5.6\n4.5.7", "4.5$(id)", "9" * 30 + ".1", "4.5" + "x" * 200]
)
def test_these_are_no_versions(text: str) -> None:
    for backup, installed in ((text, "4.5.6"), ("4.5.6", text)):
        with pytest.raises(VersionUnreadable):
            check_versions(backup, installed)


def test_the_order_is_loose() -> None:
    texts = ["4.4.10", "4.5", "4.5.4", "4.5.4_master", "4.5.5", "4.5.6-1.el9", "4.5.6-2.el8", "4.5.10", "4.6"]
    assert [version.text for version in sorted(map(Version, reversed(texts)))] == texts
    assert Version("4.5.6-1") == Version("4.5.6_1")
    assert len({Version("4.5.6-1"), Version("4.5.6_1"), Version("4.5.6")}) == 2


NUMBERS = st.lists(st.integers(0, 999), min_size=2, max_size=5)


@given(NUMBERS, NUMBERS)
def test_plain_versions_order_as_their_numbers(left: list[int], right: list[int]) -> None:
    texts = [".".join(map(str, numbers)) for numbers in (left, right)]
    assert (Version(texts[0]) < Version(texts[1])) == (left < right)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_judged(backup: str, installed: str) -> None:
    try:
        check_versions(backup, installed)
    except (VersionUnreadable, VersionNewer, VersionPair):
        return
