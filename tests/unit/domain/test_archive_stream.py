"""Backup archives as streams: read once, in little memory, and never anything but a problem when they are wrong."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosted_setup.domain.archive import read_archive
from hosted_setup.domain.tarheader import Kind, TarError, next_entry
from hosted_setup.domain.tarstream import Tape, beside
from hosted_setup.model.problem import Problem
from tests.unit.domain.builders import CONF, PACK, backup, files, hashes, members, tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

MIB = 1 << 20


class Pipe(io.RawIOBase):
    """A stream that cannot seek, hands out odd amounts, and counts."""

    def __init__(self, chunks: Iterator[bytes], most: int = 1 << 16) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""
        self._most = most
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        part, self._rest = self._rest[: min(self._most, len(view))], self._rest[min(self._most, len(view)) :]
        view[: len(part)] = part
        self.given += len(part)
        return len(part)


@pytest.mark.parametrize("most", [1, 7, 511, 4096])
@pytest.mark.parametrize("pack", PACK)
def test_each_byte_is_read_once_from_a_pipe(pack: str, most: int) -> None:
    archive = backup(pack=pack)
    pipe = Pipe(iter([archive]), most)
    facts = read_archive(pipe, name="pipe", expanded_limit=MIB)  # type: ignore[arg-type]
    assert pipe.given == facts.size == len(archive)


def header_of(size: int) -> bytes:
    """Give the header of an engine dump of `size` bytes."""
    header = bytearray(tar([("db/engine_backup.db", b"")])[:512])
    header[124:136] = f"{size:011o}\0".encode()
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header)


def big_backup(times: int, noise: bytes) -> Iterator[bytes]:
    """Give an uncompressed archive with a dump of `times` the noise, made as it is drawn; its hash list comes last."""
    small = members(db__engine_backup=None)
    head = tar(small.items()).rstrip(b"\0")
    yield head + bytes(-len(head) % 512)
    yield header_of(times * len(noise))
    digest = hashlib.sha256()
    for _ in range(times):
        digest.update(noise)
        yield noise
    lines = hashes(small) + f"{digest.hexdigest()}  db/engine_backup.db\n".encode()
    yield tar([("sha256sum", lines)])


def packed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packing = zlib.compressobj(0, wbits=31)
    for chunk in chunks:
        yield packing.compress(chunk)
    yield packing.flush()


def test_memory_and_progress_stay_small_for_a_big_archive() -> None:
    size, noise = 256 * MIB, bytes(range(256)) * 1024
    told: list[int] = []
    tracemalloc.start()
    try:
        pipe = Pipe(packed(big_backup(size // len(noise), noise)))
        facts = read_archive(pipe, name="big", expanded_limit=size + MIB, progress=told.append)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert facts.expanded > size
    assert peak < 8 * MIB
    assert told[-1] == facts.size
    assert told == sorted(set(told))
    assert len(told) <= facts.size // (4 * MIB) + 1


def test_a_header_that_claims_much_costs_nothing() -> None:
    with pytest.raises(Problem, match="HE-ARCHIVE-SIZE"):
        read_archive(io.BytesIO(header_of((1 << 33) - 1)), name="claim", expanded_limit=MIB)


ARCHIVE = backup(pack="none")
END = len(ARCHIVE.rstrip(b"\0")) + -len(ARCHIVE.rstrip(b"\0")) % 512 + 1024


@settings(max_examples=150, deadline=None)
@given(st.integers(0, END - 1))
def test_a_cut_anywhere_is_noticed(cut: int) -> None:
    with pytest.raises(Problem):
        read_archive(io.BytesIO(ARCHIVE[:cut]), name="cut", expanded_limit=MIB)


@pytest.mark.parametrize("pack", ["gzip", "bzip2", "xz"])
def test_a_cut_anywhere_in_a_packed_archive_is_noticed(pack: str) -> None:
    archive = backup(pack=pack)
    for cut in {*range(0, len(archive), 53), *range(len(archive) - 20, len(archive))}:
        with pytest.raises(Problem):
            read_archive(io.BytesIO(archive[:cut]), name="cut", expanded_limit=MIB)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_archive_raises_nothing_but_problems(data: st.DataObject) -> None:
    archive = bytearray(data.draw(st.sampled_from([ARCHIVE, backup(), SMALL])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(archive), END) - 1))
        archive[at : at + 1] = data.draw(st.binary(max_size=3))
    try:
        read_archive(io.BytesIO(archive), name="changed", expanded_limit=MIB)
    except Problem as problem:
        assert problem.where == "changed"  # noqa: PT017  # it may also be harmless


SMALL = backup(members(files=files({CONF: b"ENGINE_FQDN=a.example\n"}, pack="none")), pack="none", lists="md5sum")


def sealed(header: bytes) -> bytes:
    """Give a tar header its right checksum, so that what is behind the checksum is tested."""
    block = bytearray(header.ljust(512, b"\0")[:512])
    block[257:262] = b"ustar"
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


HEADERS = st.tuples(
    st.binary(max_size=100),
    st.sampled_from([b"0", b"S", b"L", b"K", b"x", b"g", b"5", b"1", b"Z"]),
    st.one_of(st.binary(max_size=12), st.integers(0, 8**11 - 1).map(lambda size: f"{size:011o}\0".encode())),
    st.binary(max_size=255),
).map(
    lambda parts: sealed(
        parts[0].ljust(100, b"\0")
        + bytes(24)
        + parts[2].ljust(12, b"\0")
        + bytes(20)
        + parts[1]
        + bytes(100)
        + bytes(8)
        + parts[3]
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(HEADERS, min_size=1, max_size=4), st.binary(max_size=1200))
def test_hostile_headers_are_bounded(blocks: list[bytes], rest: bytes) -> None:
    tape = Tape(iter([*blocks, rest]))
    try:
        while entry := next_entry(tape.read):
            assert entry.stored <= entry.size or entry.pieces is None
            tape.skip(entry.stored + -entry.stored % 512)
    except ValueError:  # TarError and CutShortError
        return


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=200).filter(lambda name: "\0" not in name), st.binary(max_size=2000), max_size=5
    ),
    st.sampled_from([0, 1, 2]),
)
def test_what_tarfile_packs_is_read_as_it_was(content: dict[str, bytes], form: int) -> None:
    names = {name.strip("/") or "x": one for name, one in content.items()}
    form = form if all(name.isascii() and len(name) < 100 for name in names) else 2
    tape = Tape(iter([tar(names.items(), form)]))
    seen = {}
    while entry := next_entry(tape.read):
        assert entry.kind is Kind.FILE
        seen[entry.name] = b"".join(tape.content(entry))
    tape.finish()
    assert seen == names


def test_beside_hands_on_what_goes_wrong_on_either_side() -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        message = "here"
        raise TarError(message)

    def picky(chunks: Iterator[bytes | memoryview]) -> None:
        next(chunks)
        message = "there"
        raise TarError(message)

    with pytest.raises(TarError, match="here"):
        beside(broken(), lambda chunks: sum(map(len, chunks)))
    with pytest.raises(TarError, match="there"):
        beside(iter([b"x"] * 1000), picky)
    assert beside(iter([b"xy"] * 1000), lambda chunks: sum(map(len, chunks))) == 2000
