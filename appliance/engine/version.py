"""Which backups this engine takes."""

from __future__ import annotations

import re

# Lines (backup, installed) that may differ in X.Y. A closed list: every pair is a promise that was tried.
PAIRS = {((4, 4), (4, 5))}
OLDEST_4_3 = "4.3.10"
_FORM = re.compile(r"\d+\.\d+(?:[.\-+~_][A-Za-z0-9.\-+~_]*)?")


def is_version(text: str) -> bool:
    """Tell whether the text is a version at all."""
    return _FORM.fullmatch(text) is not None


def _tokens(version: str) -> list[tuple[int, int, str]]:
    """Split for comparison: numbers as numbers, and a number above a word."""
    return [
        (1, int(word), "") if word.isdigit() else (0, 0, word) for word in re.findall(r"\d+|[a-z]+", version.lower())
    ]


def _line(version: str) -> tuple[int, int]:
    major, minor = re.findall(r"\d+", version)[:2]
    return int(major), int(minor)


def restorable(backup: str, installed: str) -> bool:
    """Apply the rule: same X.Y and not newer, or a pair of the list; never a 4.3 before 4.3.10."""
    if not is_version(backup):
        return False
    lines = (_line(backup), _line(installed))
    if lines[0] == (4, 3) and _tokens(backup) < _tokens(OLDEST_4_3):
        return False
    return lines in PAIRS or (lines[0] == lines[1] and _tokens(backup) <= _tokens(installed))
