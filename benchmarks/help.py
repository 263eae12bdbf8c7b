"""`hosted-engine --help` against a Python that starts and does nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pairs import Benchmark, Pair, command, timed

GOES = 20  # one start is too short to be measured alone


@contextmanager
def prepare(folder: Path) -> Iterator[Pair]:
    """Both start the same interpreter."""
    del folder
    python = Path(sys.executable)
    ours = command(python.with_name("hosted-engine"), "--help")
    bare = command(python, "-c", "pass")
    yield Pair(
        product=lambda: timed(lambda: [ours() for _ in range(GOES)]),
        baseline=lambda: timed(lambda: [bare() for _ in range(GOES)]),
        bounds={},
    )


BENCHMARK = Benchmark(f"hosted-engine --help against python -c pass ({GOES} starts each)", prepare)
