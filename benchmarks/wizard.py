"""The wizard: how long until the first question stands there, and until a key is shown while a check is at work.

The first against a Python that imports the library that draws it. The second has no baseline but what an operator
takes for "at once": a tenth of a second, for the slowest of the keys.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

from benchmarks.pairs import Benchmark, Pair, Seconds, command, timed

AT_ONCE = 0.1
KEYS = "QRTUVWXYZ"  # of no escape sequence
FIRST, KEY = "first question", "slowest key"


@contextmanager
def _terminal(*words: str | Path) -> Iterator[pexpect.spawn[str]]:
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"}
    program, *arguments = map(str, words)
    child = pexpect.spawn(program, arguments, env=environ, dimensions=(24, 80), encoding="utf-8", timeout=60)
    child.delaybeforesend = None
    try:
        yield child
    finally:
        child.close(force=True)


def _first_question(folder: Path) -> float:
    begun = time.perf_counter()
    program = Path(sys.executable).with_name("hosted-engine")
    # libvirt's own pretended driver: the questions are the program's, nobody else's time is measured
    with _terminal(program, "deploy", f"--root={folder}", "--libvirt-uri=test:///default") as child:
        child.expect_exact("Ctrl-D leave")
        return time.perf_counter() - begun


def _slowest_key() -> float:
    with _terminal(sys.executable, "-m", "benchmarks.slow_question") as child:
        child.expect_exact("note")
        child.send("\r")
        child.expect_exact("checking")
        took = []
        for key in KEYS:
            begun = time.perf_counter()
            child.send(key)
            child.expect_exact(key)
            took.append(time.perf_counter() - begun)
        return max(took)


@contextmanager
def prepare(folder: Path) -> Iterator[Pair]:
    """Both start the same interpreter."""
    bare = command(sys.executable, "-c", "import prompt_toolkit")

    def ours() -> Seconds:
        return {FIRST: _first_question(folder), KEY: _slowest_key()}

    def theirs() -> Seconds:
        return {FIRST: timed(bare)["whole"], KEY: AT_ONCE}

    yield Pair(ours, theirs, bounds={FIRST: 4.0, KEY: 1.0})


BENCHMARK = Benchmark(
    "the wizard's first question against import prompt_toolkit; its slowest key against 0.1 s", prepare
)
