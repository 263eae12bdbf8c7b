"""The harness of the benchmarks: pairs alternate, the ratio is the median of the pairs', inputs are valid."""

import re
import time
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, load
from benchmarks.inputs import backup
from benchmarks.pairs import Figure, FirstLine, Pair, compare
from hosted_setup.domain.archive import read_archive
from tests.house.conftest import ROOT


def test_pairs_alternate_after_a_go_that_does_not_count() -> None:
    goes: list[str] = []
    took = {"ours": 0.0, "theirs": 0.0}

    def work(who: str, seconds: float) -> dict[str, float]:
        goes.append(who)
        took[who] += seconds
        return {"whole": took[who]}

    pair = Pair(product=lambda: work("ours", 1.0), baseline=lambda: work("theirs", 2.0), bounds={"whole": 0.5})
    (figure,) = compare(pair, 3, say=lambda _: None)
    assert goes == ["theirs", "ours", "ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert figure.product == (2.0, 3.0, 4.0)
    assert figure.ratio == 0.5
    assert figure.kept


def test_the_ratio_is_the_pairs_median() -> None:
    figure = Figure("whole", product=(1.0, 4.0, 9.0), baseline=(1.0, 2.0, 3.0), bound=1.9)
    assert figure.ratio == 2.0
    assert not figure.kept
    assert "ratio 2.000 (median of 3 pairs, bound 1.9: NOT KEPT)" in str(figure)


def test_the_archive_is_valid_and_of_the_wanted_size(tmp_path: Path) -> None:
    archive = backup(tmp_path / "x.backup", 8 << 20)
    with archive.open("rb") as stream:
        facts = read_archive(stream, name="x", expanded_limit=1 << 30)
    assert facts.has_dwh
    assert 8 << 20 < facts.expanded < 9 << 20
    assert archive.stat().st_size > 3 << 20


def test_every_benchmark_can_be_loaded_and_is_documented() -> None:
    documented = set(re.findall(r"make bench BENCH=([\w-]+)", (ROOT / "docs" / "performance.md").read_text()))
    assert documented == set(NAMES)
    assert all(load(name).title for name in NAMES)


def test_the_first_whole_line_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    begun = time.perf_counter()
    watch = FirstLine(lambda: [log])
    log.write_bytes(b"Loading")
    time.sleep(0.2)
    written = time.perf_counter() - begun
    log.write_bytes(b"Loading\n")
    time.sleep(0.5)
    assert watch.seconds(begun) >= written


def test_a_silent_console_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stayed empty"):
        FirstLine(lambda: [tmp_path / "log"]).seconds(0)
