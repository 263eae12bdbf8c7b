"""The harness: two ways of doing the same work, run in alternating pairs, compared by the median of their ratios."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Seconds: TypeAlias = dict[str, float]
"""What one go took, by what was measured."""

Work: TypeAlias = Callable[[], Seconds]


@dataclass(frozen=True)
class Pair:
    """The product's way and the baseline's; `bounds` are the ratios that may not be exceeded."""

    product: Work
    baseline: Work
    bounds: dict[str, float]


@dataclass(frozen=True)
class Benchmark:
    """A named comparison; `prepare` makes the input below a folder and gives the pair, in a context that cleans up."""

    title: str
    prepare: Callable[[Path], AbstractContextManager[Pair]]
    count: int = 5


@dataclass(frozen=True)
class Figure:
    """What came out for one measured thing."""

    name: str
    product: tuple[float, ...]
    baseline: tuple[float, ...]
    bound: float | None

    @property
    def ratio(self) -> float:
        """Give the median of the pairs' ratios; below 1 the product is faster."""
        return statistics.median(a / b for a, b in zip(self.product, self.baseline, strict=True))

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.bound is None or self.ratio <= self.bound

    def __str__(self) -> str:
        """Give one line."""
        ours, theirs = statistics.median(self.product), statistics.median(self.baseline)
        spread = f"{min(self.product):.3f}..{max(self.product):.3f}, {min(self.baseline):.3f}..{max(self.baseline):.3f}"
        verdict = "" if self.bound is None else f", bound {self.bound:g}: {'kept' if self.kept else 'NOT KEPT'}"
        return (
            f"{self.name}: ratio {self.ratio:.3f} (median of {len(self.product)} pairs{verdict}); "
            f"product {ours:.3f} s, baseline {theirs:.3f} s ({spread})"
        )


def compare(pair: Pair, count: int, say: Callable[[str], None] = print) -> list[Figure]:
    """Run `count` pairs, every second one the other way round, after one go of each that does not count."""
    pair.baseline()
    pair.product()
    product: list[Seconds] = []
    baseline: list[Seconds] = []
    for number in range(count):
        first_ours = number % 2 == 0
        for ours in (first_ours, not first_ours):
            (product if ours else baseline).append((pair.product if ours else pair.baseline)())
        say(f"  pair {number + 1}: product {_shown(product[-1])}; baseline {_shown(baseline[-1])}")
    return [
        Figure(name, tuple(go[name] for go in product), tuple(go[name] for go in baseline), pair.bounds.get(name))
        for name in product[0]
        if name in baseline[0]
    ]


def _shown(seconds: Seconds) -> str:
    return ", ".join(f"{name} {value:.3f} s" for name, value in seconds.items())


def timed(work: Callable[[], object]) -> Seconds:
    """Run something and give the time it took."""
    start = time.perf_counter()
    work()
    return {"whole": time.perf_counter() - start}


def command(*words: str | Path) -> Callable[[], object]:
    """Make work of a program: its output is dropped, its failure is ours."""

    def work() -> object:
        return subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    return work


def pipeline(*programs: Sequence[str | Path]) -> Callable[[], object]:
    """Make work of programs whose output flows from one into the next."""

    def work() -> object:
        running: list[subprocess.Popen[bytes]] = []
        for words in programs:
            previous = running[-1].stdout if running else subprocess.DEVNULL
            running.append(subprocess.Popen(words, stdin=previous, stdout=subprocess.PIPE))
        result = running[-1].communicate()[0]
        if any(one.wait() for one in running):
            message = f"{programs} failed"
            raise RuntimeError(message)
        return result

    return work


class FirstLine:
    """Watches for the first whole line in any of the files that `paths` gives, which need not be there yet."""

    def __init__(self, paths: Callable[[], Iterable[Path]]) -> None:
        self._paths = paths
        self._seen = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            with contextlib.suppress(OSError):
                if any(b"\n" in path.read_bytes()[:65536] for path in self._paths()):
                    self._seen = time.perf_counter()
                    return

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()
        self._thread.join()

    def seconds(self, begun: float) -> float:
        """Give the seconds from `begun` to the line.

        Raises:
            RuntimeError: no line came.
        """
        self.stop()
        if not self._seen:
            message = "the guest's console stayed empty"
            raise RuntimeError(message)
        return self._seen - begun
