"""What `hosted-engine storage discover` finds, whatever kind of storage: shown as tables and given as JSON.

Each kind of thing is a struct; its members are what the JSON says, and `docs/storage-discovery.md` tells their meaning.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import msgspec

from hosted_setup.interview.dialect import Told, encode, told_of
from hosted_setup.model.messages import N_, _
from hosted_setup.model.values import GIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hosted_setup.model.problem import Problem

VERSION: Final = 1
"""Raised when a program that reads the JSON would have to be changed."""

_WIDTH: Final = 80
_NARROWEST: Final = 20  # the last column, which is folded


class Row(msgspec.Struct, frozen=True):
    """A line of a table; the last cell is folded, and each of `below` stands on lines of its own."""

    cells: tuple[str, ...]
    below: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that was found. `unfit` tells why it cannot be taken, and is empty for what can be."""

    unfit: tuple[Told, ...] = ()
    headings: ClassVar[tuple[str, ...]]

    def row(self) -> Row:
        """Give its line."""
        raise NotImplementedError

    def within(self) -> tuple[Found, ...]:
        """Give what was found in it."""
        return ()

    def failed(self) -> tuple[Told, ...]:
        """Give what kept from looking into it."""
        return ()

    def verdict(self, words: str) -> str:
        """Give the words, and the codes of what speaks against it."""
        return " ".join([words, *(f"({one.code})" for one in self.unfit)]).strip()


class Place(Found, frozen=True, kw_only=True, tag="place"):
    """Whatever a back end offers that is none of the others: `answer` is what to answer."""

    answer: str
    description: str = ""
    headings: ClassVar = (N_("ANSWER"), N_("WHAT IT IS"))

    def row(self) -> Row:
        """Give its line."""
        return Row((self.answer, self.verdict(self.description)))


class Export(Found, frozen=True, kw_only=True, tag="export"):
    """A directory that an NFS server exports; without `clients`: to everybody, or to whom is not known."""

    answer: str
    clients: tuple[str, ...]
    headings: ClassVar = (N_("EXPORT"), N_("FOR"))

    def row(self) -> Row:
        """Give its line."""
        return Row((self.answer, self.verdict(", ".join(self.clients) or "*")))


class Volume(Found, frozen=True, kw_only=True, tag="volume"):
    """A volume of a GlusterFS pool; `replica` counts the copies, 0 where they are none that a VM could use.

    `missing` are the options that it lacks, with the values that they ought to have.
    """

    answer: str
    uuid: str
    started: bool
    replica: int
    bricks: tuple[str, ...]
    missing: dict[str, str]
    headings: ClassVar = (N_("VOLUME"), N_("COPIES"), N_("STATE"), N_("MISSING OPTIONS"))

    def row(self) -> Row:
        """Give its line."""
        missing = " ".join(f"{name}={value}" for name, value in self.missing.items())
        state = _("started") if self.started else _("stopped")
        return Row((self.answer, str(self.replica or "-"), state, self.verdict(missing)))


class Content(msgspec.Struct, frozen=True):
    """What somebody has put on a LUN: its kind (see `domain/lun_contents.py`), and its name."""

    kind: str
    name: str
    told: str


class Lun(Found, frozen=True, kw_only=True, tag="lun"):
    """A LUN: `answer` is its identifier (WWID) or, where it has none, its path; sizes in bytes.

    `number` is null for a LUN of this host's kernel, `path` for one that an initiator in user space reaches.
    """

    answer: str
    number: int | None
    path: str | None
    size: int
    block: int
    vendor: str
    product: str
    serial: str
    read_only: bool
    paths_up: int
    paths: int
    contents: tuple[Content, ...]
    headings: ClassVar = (N_("LUN"), N_("GIB"), N_("PATHS"), N_("FREE TO TAKE"))

    def row(self) -> Row:
        """Give its line."""
        cells = (
            self.answer, f"{self.size / GIB:.1f}", f"{self.paths_up}/{self.paths}",
            self.verdict(_("no") if self.unfit else _("yes")),
        )  # fmt: skip
        place = _("LUN {number}", number=self.number) if self.path is None else self.path
        disk = f"{self.vendor} {self.product}".strip()
        serial = _("serial {serial}", serial=self.serial) if self.serial else ""
        about = ", ".join(one for one in (place, disk, serial) if one)
        on_it = ", ".join(one.told for one in self.contents)
        return Row(cells, (about, _("on it: {what}", what=on_it)) if on_it else (about,))


class Portal(msgspec.Struct, frozen=True):
    """Where a target is reached; `group` is the tag of its target portal group."""

    address: str
    port: int
    group: int


class Target(Found, frozen=True, kw_only=True, tag="target"):
    """An iSCSI target: its portals, and its LUNs if it let us look."""

    answer: str
    portals: tuple[Portal, ...]
    luns: tuple[Lun, ...]
    headings: ClassVar = (N_("TARGET"), "")

    def row(self) -> Row:
        """Give its line."""
        places = (f"[{one.address}]" if ":" in one.address else one.address for one in self.portals)
        at = zip(places, self.portals, strict=True)
        told = (_("{place}, portal group {group}", place=f"{place}:{one.port}", group=one.group) for place, one in at)
        return Row((self.answer, self.verdict("")), tuple(told))

    def failed(self) -> tuple[Told, ...]:
        """Give why its LUNs are not known."""
        return self.unfit

    def within(self) -> tuple[Found, ...]:
        """Give its LUNs."""
        return self.luns


AnyFound = Place | Export | Volume | Lun | Target


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What the JSON is: what was found, what is to be said of that, and what kept from looking further."""

    kind: str
    found: tuple[AnyFound, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[Told, ...] = ()
    v: Literal[1] = 1


def told(*problems: Problem | None) -> tuple[Told, ...]:
    """Give problems as data."""
    return tuple(one for problem in problems if problem is not None for one in told_of(problem))


def as_json(discovery: Discovery, fit: Callable[[str], str]) -> str:
    """Give it as one JSON object on a line; every text goes through `fit`, which masks secrets."""
    return encode(discovery, fit).decode()


def schema() -> dict[str, Any]:
    """Give the JSON Schema of what `as_json` gives."""
    made = msgspec.json.schema(Discovery)
    made["$defs"]["Discovery"]["required"].append("v")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hosted-engine:storage-discovery:{VERSION}",
        "title": "What hosted-engine storage discover --json gives",
        **made,
    }


def table(found: Iterable[Found], width: int = _WIDTH) -> Iterator[str]:
    """Give the lines of tables, one for all that is of the same kind and stands together."""
    for headings, group in groupby(found, key=lambda one: one.headings):
        ones = tuple(group)
        if any(one.within() for one in ones):
            for one in ones:
                yield from _table(headings, [one.row()], width)
                yield from (f"  {line}" for line in table(one.within(), width - 2))
        else:
            yield from _table(headings, [one.row() for one in ones], width)


def _table(headings: Sequence[str], rows: Sequence[Row], width: int) -> Iterator[str]:
    lines = [tuple(map(_, headings)), *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings) - 1)]
    left = max(width - sum(widths) - 2 * len(widths), _NARROWEST)
    for cells, below in zip(lines, ((), *(row.below for row in rows)), strict=True):
        first, *more = _folded(cells[-1], left) or [""]
        ahead = "".join(f"{cell:<{size}}  " for cell, size in zip(cells[:-1], widths, strict=True))
        yield f"{ahead}{first}".rstrip()
        yield from (f"{'':{len(ahead)}}{line}" for line in more)
        yield from (f"    {line}" for text in below for line in _folded(text, width - 4))


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
