"""The version rule of a restore: which backups an installed engine may take in.

The rule is engine-backup's own: the first two components are equal and the backup is not newer, or the pair
of them is in a closed list. Versions are package versions such as `4.5.6`, `4.5.6-1.el9` or `4.5.4_master`.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Final

from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem

_FORM: Final = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}[A-Za-z0-9._~+^-]{0,100}")
_PART: Final = re.compile(r"[0-9]{1,9}|[A-Za-z]+")

PAIRS: Final = frozenset({((4, 3), (4, 5)), ((4, 4), (4, 5))})
"""(backup, installed) that may differ: the later engine upgrades the older one's database."""

_CHOOSE: Final = "hosted-engine deploy --help"
_BACK_UP: Final = "engine-backup --mode=backup --scope=all --file=engine.backup --log=engine-backup.log"

_OLDEST: Final = ((4, 3), (4, 3, 10))
"""A backup of 4.3 must be 4.3.10 at least, whatever takes it in."""


class VersionUnreadable(Problem):
    """A version does not begin with two numbers."""

    code = "HE-VERSION-UNREADABLE"
    title = "A version cannot be read"


class VersionNewer(Problem):
    """The backup comes from a later engine of the same line."""

    code = "HE-VERSION-NEWER"
    title = "The backup is newer than the engine that should take it in"


class VersionPair(Problem):
    """The two lines are no pair that can be restored."""

    code = "HE-VERSION-PAIR"
    title = "A backup of this version cannot be restored into that engine"


@total_ordering
class Version:
    """A package version in loose order: numbers by value, words by letter, numbers after words.

    `4.5.6 < 4.5.6-1.el9 < 4.5.10`; separators do not count, so that `4.5.6-1` and `4.5.6_1` are equal.
    """

    __slots__ = ("_order", "text")

    def __init__(self, text: str) -> None:
        """Read `text`.

        Raises:
            VersionUnreadable: it does not begin with `NUMBER.NUMBER`, or is no version at all.
        """
        self.text = text.strip()
        if not _FORM.fullmatch(self.text):
            why = _("it does not begin with two numbers and a dot between them")
            hint = _("A version looks like 4.5.6 or 4.5.6-1.el9.")
            raise VersionUnreadable(repr(self.text[:80]), why=why, hint=hint, command=_CHOOSE)
        self._order = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in _PART.findall(self.text))

    @property
    def line(self) -> tuple[int, int]:
        """Give X.Y, the first two numbers."""
        return self._order[0][1], self._order[1][1]

    def at_least(self, *numbers: int) -> bool:
        """Tell whether it is `numbers` or later."""
        return self._order >= tuple((1, number, "") for number in numbers)

    def __eq__(self, other: object) -> bool:
        """Compare by order, not by spelling."""
        return isinstance(other, Version) and self._order == other._order

    def __lt__(self, other: Version) -> bool:
        """Compare by loose order."""
        return self._order < other._order

    def __hash__(self) -> int:
        """Hash as equality asks."""
        return hash(self._order)


def check_versions(backup: str, installed: str) -> None:
    """Refuse a restore of `backup` into `installed` that engine-backup would refuse.

    Args:
        backup: the version the archive was written by.
        installed: the version of the engine in the appliance.

    Raises:
        VersionUnreadable: one of them is no version.
        VersionNewer: same line, but the backup is later.
        VersionPair: the lines differ and are no known pair, or the backup is older than any engine takes in.
    """
    old, new = Version(backup), Version(installed)
    names = _("backup {old}, engine {new}", old=old.text, new=new.text)
    line, oldest = _OLDEST
    if old.line == line and not old.at_least(*oldest):
        why = _("a backup of 4.3 is restored from 4.3.10 on")
        hint = _("Update the old engine to 4.3.10 or later and take the backup again:")
        raise VersionPair(names, why=why, hint=hint, command=_BACK_UP)
    if old.line == new.line:
        if old > new:
            why = _("an engine does not know what a later one has put into its database")
            hint = _("Answer OVEHOSTED_VM/ovfArchive with an appliance of version {old} or later; see:", old=old.text)
            raise VersionNewer(names, why=why, hint=hint, command=_CHOOSE)
    elif (old.line, new.line) not in PAIRS:
        pairs = ", ".join(
            _("{older} into {newer}", older=_told(older), newer=_told(newer)) for older, newer in sorted(PAIRS)
        )
        why = _("a backup is restored into an engine of its own X.Y, or {pairs}", pairs=pairs)
        hint = _("Answer OVEHOSTED_VM/ovfArchive with an appliance of version {line}; see:", line=_told(old.line))
        raise VersionPair(names, why=why, hint=hint, command=_CHOOSE)


def _told(line: tuple[int, int]) -> str:
    return f"{line[0]}.{line[1]}"
