"""The tar of an OVA: which members it has, where the disk is, and what the manifest says of them.

A plain tar is walked from header to header and the disk is never read; a gzip'd one can only be inflated, and that
ends as soon as the description and the disk's first bytes are known.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from hosted_setup.domain import appliance_problems as problem
from hosted_setup.domain.inflate import CutShortError
from hosted_setup.domain.ovf import OVF_LIMIT, Ovf, read_ovf
from hosted_setup.domain.tarheader import BLOCK, Entry, Kind, escapes, next_entry, shown
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD: Final = 1 << 16
"""First bytes of a member that are kept: enough for a disk's header and for all small texts but the OVF."""

_MEMBERS_LIMIT: Final = 64
_MANIFEST_LINE: Final = re.compile(r"SHA(1|256) ?\(([^()]{1,500})\) ?= ?([0-9A-Fa-f]+)")
_DIGITS: Final[Mapping[str, int]] = {"1": 40, "256": 64}
_META_FORMATS: Final[Mapping[str, str]] = {"COW": "qcow2", "RAW": "raw"}


class Source(Protocol):
    """Bytes that can be read and skipped."""

    @property
    def position(self) -> int | None:
        """Where the next byte is in the file; None if that says nothing."""

    def read(self, count: int) -> bytes:
        """Give exactly the next `count` bytes, or raise CutShortError."""

    def skip(self, count: int) -> None:
        """Leave out the next `count` bytes, or raise CutShortError."""


class SeekingSource:
    """A file whose contents need not be read to be skipped."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read `stream` from where it is."""
        self._stream = stream
        self.position = stream.tell()
        self._end = stream.seek(0, io.SEEK_END)
        stream.seek(self.position)

    def read(self, count: int) -> bytes:
        """Give exactly the next `count` bytes, or raise CutShortError."""
        content = self._stream.read(count)
        self.position += len(content)
        if len(content) < count:
            message = _("it ends at byte {position}", position=self.position)
            raise CutShortError(message)
        return content

    def skip(self, count: int) -> None:
        """Leave out the next `count` bytes, or raise CutShortError."""
        if self.position + count > self._end:
            message = _("it ends at byte {end}, a member at {start}", end=self._end, start=self.position + count)
            raise CutShortError(message)
        self.position = self._stream.seek(count, io.SEEK_CUR)


@dataclass(frozen=True)
class Member:
    """A file in the tar: its size, where it begins in an uncompressed OVA, and its first bytes."""

    size: int
    offset: int | None
    head: bytes


@dataclass
class Contents:
    """What has been seen of an OVA.

    Attributes:
        members: the files, by name without `./`.
        ovf: the description, once it was seen.
        ovf_name: its name.
    """

    members: dict[str, Member] = field(default_factory=dict)
    ovf: Ovf | None = None
    ovf_name: str = ""

    def disk(self) -> tuple[Ovf, Member]:
        """Give the description, and the disk that it names.

        Raises:
            OvaNoOvf: there is no description.
            OvfReference: the disk it names is not there.
            ApplianceDiskFormat: the `.meta` beside it contradicts the OVF.
        """
        if not self.ovf:
            raise problem.OvaNoOvf(_("of its members ({count}) none ends in .ovf", count=len(self.members)))
        if self.ovf.disk not in self.members:
            raise problem.OvfReference(shown(self.ovf.disk))
        self._check_meta(self.ovf)
        return self.ovf, self.members[self.ovf.disk]

    def _check_meta(self, ovf: Ovf) -> None:
        """Compare the format in oVirt's `.meta` with the OVF's."""
        meta = self.members.get(f"{ovf.disk}.meta")
        for line in meta.head.split(b"\n") if meta else ():
            key, _equals, value = line.decode(errors="replace").partition("=")
            if key == "FORMAT" and _META_FORMATS.get(value) != (ovf.disk_format or _META_FORMATS.get(value)):
                detail = _(
                    "the .meta declares {value!a}, the OVF {declared}", value=value[:40], declared=ovf.disk_format
                )
                raise problem.ApplianceDiskFormat(detail)

    def digests(self) -> dict[str, str]:
        """Read the manifest beside the OVF: `ALGORITHM:HEX` by member; empty without one.

        Raises:
            OvaFormat: a line is none that a manifest has.
        """
        manifest = self.members.get(f"{self.ovf_name.removesuffix('.ovf')}.mf")
        folder = self.ovf_name[: self.ovf_name.rfind("/") + 1]
        digests: dict[str, str] = {}
        for line in manifest.head.decode(errors="replace").splitlines() if manifest else ():
            parts = _MANIFEST_LINE.fullmatch(line.strip())
            if parts and len(parts[3]) == _DIGITS[parts[1]]:
                digests[folder + parts[2]] = f"sha{parts[1]}:{parts[3].lower()}"
            elif line.strip():
                raise problem.OvaFormat(_("a line of the manifest is no checksum: {line!a}", line=line[:80]))
        return digests


def walk(source: Source, *, to_the_end: bool) -> Contents:
    """Look at the members of an OVA.

    Args:
        source: its tar.
        to_the_end: also look at what comes after the description and the disk's header.

    Raises:
        OvaProblem: a member does not belong into an OVA.
        ApplianceDiskFormat: the OVF declares a format that cannot be deployed.
        TarError: it is no tar.
        CutShortError: it ends too early.
    """
    contents = Contents()
    names: set[str] = set()
    while entry := next_entry(source.read):
        name = admit(entry, names)
        if entry.kind is not Kind.FILE:
            continue
        offset = source.position
        is_ovf = name.endswith(".ovf")
        head = source.read(min(entry.size, OVF_LIMIT + 1 if is_ovf else HEAD))
        contents.members[name] = Member(entry.size, offset, head)
        if is_ovf:
            _take_ovf(contents, name, head)
        if not to_the_end and contents.ovf and contents.ovf.disk in contents.members:
            break
        source.skip(entry.stored - len(head) + -entry.stored % BLOCK)
    return contents


def admit(entry: Entry, names: set[str]) -> str:
    """Give the plain name of a member, unless it must not be there; and add it to `names`.

    Raises:
        OvaProblem: it must not be there.
    """
    name = entry.name.removeprefix("./").rstrip("/")
    told = shown(entry.name)
    if entry.kind is Kind.LINK:
        raise problem.OvaLink(told)
    if entry.kind is Kind.DEVICE:
        raise problem.OvaDevice(told)
    if escapes(entry.name):
        raise problem.OvaPath(told)
    if name in names:
        raise problem.OvaDuplicate(told)
    if len(names) >= _MEMBERS_LIMIT:
        raise problem.OvaTooMany(_("there are more than {most}", most=_MEMBERS_LIMIT))
    if entry.pieces is not None:
        raise problem.OvaFormat(_("{told} is stored with holes, and cannot be read in place", told=told))
    names.add(name)
    return name


def _take_ovf(contents: Contents, name: str, content: bytes) -> None:
    """Read the one description."""
    if contents.ovf:
        raise problem.OvaOvfs(_("{ovf_name} and {name}", ovf_name=shown(contents.ovf_name), name=shown(name)))
    contents.ovf, contents.ovf_name = read_ovf(name, content), name
