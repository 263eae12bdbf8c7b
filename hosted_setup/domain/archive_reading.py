"""One pass over the members of a backup archive: each is admitted, digested, and looked into where that is needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.domain import archive_problems as problem
from hosted_setup.domain.archive_files import ProductFiles, read_files
from hosted_setup.domain.archive_texts import TEXT_LIMIT, read_hashes
from hosted_setup.domain.engine_place import OldEngine, read_engine
from hosted_setup.domain.inflate import Buffer, CutShortError, DamagedError, inflated
from hosted_setup.domain.tarheader import Entry, Kind, TarError, escapes, next_entry, shown
from hosted_setup.domain.tarstream import Tape, beside
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ENGINE_DB: Final = "db/engine_backup.db"
DWH_DB: Final = "db/dwh_backup.db"
_HASH_LISTS: Final = {"sha256sum": "sha256", "md5sum": "md5"}  # the first that is there counts
_TEXTS: Final = frozenset({"config", "os_version", "version", *_HASH_LISTS})
_DATABASES: Final = frozenset(
    {ENGINE_DB, DWH_DB, "db/cinderlib_backup.db", "db/keycloak_backup.db", "db/managedblock_backup.db"}
)
_KNOWN: Final = _TEXTS | _DATABASES | {"files", "db/grafana.db"}
# Each name may come once, so this closed list also bounds how many members there can be.
_FOLDERS: Final = frozenset({"", ".", "db"})
_REQUIRED: Final = ("files", "version", "config")
_SMALL: Final = 1 << 16  # bytes of a member that is not worth a second thread


@dataclass(frozen=True)
class _Member:
    """What is kept of a member: size in bytes, digests by algorithm, and the content of a small text."""

    size: int
    digests: dict[str, str]
    text: bytes


class Reading:
    """The members of one archive, as far as they have been read.

    Attributes:
        members: by name, in their order.
        files: what the inner tar of the product's files tells.
        engine: what the engine database's dump tells of the engine.
        expanded: bytes that all members unpack to.
        algorithm: what the checksums that were found right are made with; known after `check`.
    """

    def __init__(self, limit: int) -> None:
        """Begin; the archive may unpack to `limit` bytes."""
        self.members: dict[str, _Member] = {}
        self.files = ProductFiles()
        self.engine = OldEngine()
        self.expanded = 0
        self.algorithm = ""
        self._limit = limit
        self._seen: set[str] = set()
        # What is wrong inside a member is told only if the checksums are right: else they tell the better story.
        self._inside: list[problem.ArchiveProblem] = []

    def text(self, name: str) -> bytes:
        """Give the content of a small text."""
        return self.members[name].text

    def size(self, name: str) -> int:
        """Give the size of a member in bytes; 0 if it is absent."""
        return self.members[name].size if name in self.members else 0

    def take(self, tape: Tape) -> None:
        """Read all members and what follows them.

        Raises:
            ArchiveProblem: a member does not belong into an archive.
            CutShortError: the archive ends too early.
            DamagedError: it does not inflate.
            TarError: it is no tar.
        """
        while entry := next_entry(tape.read):
            name = self._admit(entry)
            if entry.kind is Kind.FILE:
                self.members[name] = self._member(name, entry.size, tape.content(entry))
        tape.finish()

    def _admit(self, entry: Entry) -> str:
        """Give the plain name of a member, unless it must not be there."""
        name = entry.name.removeprefix("./")
        if entry.kind is Kind.DIRECTORY:
            name = name.removesuffix("/")
        self.expanded += entry.size
        told = shown(entry.name)
        if entry.kind is Kind.LINK:
            raise problem.ArchiveLink(told)
        if entry.kind is Kind.DEVICE:
            raise problem.ArchiveDevice(told)
        if escapes(entry.name) or name not in (_FOLDERS if entry.kind is Kind.DIRECTORY else _KNOWN):
            raise problem.ArchivePath(told)
        if name in self._seen:
            raise problem.ArchiveDuplicate(told)
        if self.expanded > self._limit:
            raise problem.ArchiveSize(
                _("{expanded} bytes, and at most {limit} fit", expanded=self.expanded, limit=self._limit)
            )
        if name in _TEXTS and entry.size > TEXT_LIMIT:
            raise problem.ArchiveConfig(
                _("{name} has {size} bytes, and at most {most} are read", name=told, size=entry.size, most=TEXT_LIMIT)
            )
        self._seen.add(name)
        return name

    def _member(self, name: str, size: int, content: Iterator[memoryview]) -> _Member:
        """Digest a member; a big one in a second thread, while this one inflates."""
        # SHA-256 counts when its list is there, and a list may come last.
        algorithms = ("sha256",) if "sha256sum" in self.members else ("sha256", "md5")
        if size <= _SMALL:
            return self._digest(name, iter(list(content)), algorithms)
        return beside(content, lambda chunks: self._digest(name, chunks, algorithms))

    def _digest(self, name: str, chunks: Iterator[Buffer], algorithms: Sequence[str]) -> _Member:
        """Draw all `chunks` through the hashes and through whatever looks into them."""
        hashes = [hashlib.new(algorithm, usedforsecurity=False) for algorithm in algorithms]
        size = 0

        def hashed() -> Iterator[Buffer]:
            nonlocal size
            for chunk in chunks:
                size += len(chunk)
                for one in hashes:
                    one.update(chunk)
                yield chunk

        passing = hashed()
        text = b""
        if name in _TEXTS:
            text = b"".join(passing)
        elif name == "files":
            self._look_into_files(passing)
        elif name in _DATABASES:
            self._look_into_dump(name, passing)
        for _rest in passing:  # what nobody looked at
            pass
        digests = {algorithm: one.hexdigest() for algorithm, one in zip(algorithms, hashes, strict=True)}
        return _Member(size, digests, text)

    def _look_into_files(self, chunks: Iterator[Buffer]) -> None:
        """Read the inner tar."""
        try:
            self.files = read_files(chunks, self._limit)
        except (CutShortError, DamagedError, TarError) as error:
            self._inside.append(problem.ArchiveFiles(str(error)))

    def _look_into_dump(self, name: str, chunks: Iterator[Buffer]) -> None:
        """Make sure that a compressed dump is whole; the engine's tells of the engine."""
        try:
            content = self._within(name, inflated(chunks))
            if name == ENGINE_DB:
                self.engine = read_engine(content)
            for _rest in content:
                pass
        except problem.ArchiveSize as found:
            self._inside.append(found)
        except (CutShortError, DamagedError) as error:
            self._inside.append(problem.ArchiveDamaged(f"{name}: {error}"))

    def _within(self, name: str, chunks: Iterator[Buffer]) -> Iterator[Buffer]:
        """Pass on what a member unpacks to, as long as it is not too much."""
        left = self._limit
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                too_large = _("{name} alone unpacks to more than {limit} bytes", name=name, limit=self._limit)
                raise problem.ArchiveSize(too_large)
            yield chunk

    def check(self) -> None:
        """Check that all of a restorable backup is there and is what its checksums say.

        Raises:
            ArchiveProblem: it is not.
        """
        if not self.size(ENGINE_DB):
            there = ", ".join(self.members) or "nothing"
            raise problem.ArchiveNoEngineDb(
                _("{member} is missing or empty; there is {there}", member=ENGINE_DB, there=there)
            )
        for name in _REQUIRED:
            if not self.size(name):
                raise problem.ArchiveMissingMember(_("{name} is missing or empty", name=name))
        self._check_hashes()
        for found in self._inside:
            raise found

    def _check_hashes(self) -> None:
        """Compare every member with the hash list, and the list with the members."""
        lists = [name for name in _HASH_LISTS if name in self.members]
        if not lists:
            raise problem.ArchiveNoHash(_("there is neither sha256sum nor md5sum"))
        self.algorithm = _HASH_LISTS[lists[0]]
        expected = read_hashes(lists[0], self.algorithm, self.text(lists[0]))
        if absent := expected.keys() - self.members.keys():
            raise problem.ArchiveMissingMember(
                _("{absent}: named in {list}, but not there", absent=_list(absent), list=lists[0])
            )
        if uncovered := self.members.keys() - expected.keys() - _HASH_LISTS.keys():
            raise problem.ArchiveUncovered(_list(uncovered))
        wrong = [name for name, digest in expected.items() if self.members[name].digests[self.algorithm] != digest]
        if wrong:
            raise problem.ArchiveHash(
                _("{wrong}: its checksum is not the one in {list}", wrong=_list(wrong), list=lists[0])
            )


def _list(names: Iterable[str]) -> str:
    """Give some names for a message, not more than fit."""
    ordered = sorted(names)
    told = ", ".join(shown(name) for name in ordered[:5])
    return told if len(ordered) <= 5 else _("{told} and {more} more", told=told, more=len(ordered) - 5)  # noqa: PLR2004  # as above
