"""Validation of an archive against `gzip -dc ARCHIVE | sha256sum`, which hashes as much and checks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.inputs import backup
from benchmarks.pairs import Benchmark, Pair, pipeline, timed
from hosted_setup.domain.archive import read_archive

SIZE = 1 << 30
LIMIT = 64 << 30


@contextmanager
def prepare(folder: Path) -> Iterator[Pair]:
    """Make an archive that is half incompressible, as a compressed dump among text is."""
    archive = backup(folder / "engine.backup", SIZE)

    def read() -> object:
        with archive.open("rb", buffering=0) as stream:
            return read_archive(stream, name=str(archive), expanded_limit=LIMIT)

    hashing = pipeline(["gzip", "-dc", archive], ["sha256sum"])
    yield Pair(product=lambda: timed(read), baseline=lambda: timed(hashing), bounds={})


BENCHMARK = Benchmark("validation of a 1 GiB archive against gzip -dc | sha256sum", prepare)
