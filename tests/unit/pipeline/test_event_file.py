"""The file of a run's events, written and read; and what it teaches about waits."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from hosted_setup.model.events import End, Event, Info, Waiting
from hosted_setup.pipeline.event_file import EVENTS, EventFile, Follower, worker_of
from hosted_setup.pipeline.typical import Typical
from hosted_setup.testing.world import Recorder


def plain(text: str) -> str:
    return text


def written(path: Path, *events: Event) -> Path:
    file = EventFile(path, plain)
    for event in events:
        file.emit(event)
    file.close()
    return path


def test_any_number_reads_what_is_written_until_nothing_more_can_come(tmp_path: Path) -> None:
    path = tmp_path / EVENTS
    file = EventFile(path, lambda text: text.replace("s3cret", "********"))
    file.sign(os.getpid())
    readers = Follower(path), Follower(path)
    for reader in readers:
        assert reader.news() is not None
        assert reader.news() == ()
        assert reader.worker == os.getpid()
    file.emit(Info("the word is s3cret"))
    for reader in readers:
        assert reader.news() == (Info("the word is ********"),)
    assert worker_of(path) == os.getpid()
    file.emit(End(0))
    file.close()
    for reader in readers:
        assert reader.news() == (End(0),)
        assert reader.news() is None
    assert worker_of(path) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_end_is_cut_and_what_is_no_event_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / EVENTS, Info("one"))
    with path.open("ab") as stream:
        stream.write(b'{"type":"dance","v":1}\nrubbish\n{"type":"info"')
    file = EventFile(path, plain)
    assert file.begins == path.stat().st_size
    file.emit(Info("two"))
    file.close()
    assert Follower(path).news() == (Info("one"), Info("two"))
    assert Follower(path, file.begins).news() == (Info("two"),)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / EVENTS).symlink_to(tmp_path / "elsewhere")
    with suppress(OSError):
        EventFile(tmp_path / EVENTS, plain)
    assert not (tmp_path / "elsewhere").exists()


def test_a_wait_is_told_how_long_it_took_in_earlier_runs_that_came_to_a_good_end(tmp_path: Path) -> None:
    waits = {"1": (40.0, 0), "2": (60.0, 0), "3": (900.0, 4), "4": (50.0, 0)}
    for run, (seconds, code) in waits.items():
        (tmp_path / run).mkdir()
        events = (Waiting("the engine", 1.0), Waiting("the engine", seconds), Waiting("the disk, 9 %", 2.0), End(code))
        written(tmp_path / run / EVENTS, *events)
    seen = Recorder()
    typical = Typical(seen, tmp_path)
    for event in (Waiting("the engine", 0.5, 900.0), Waiting("the disk, 50 %", 1.0), Waiting("the moon", 1.0)):
        typical.emit(event)
    typical.emit(Waiting("the engine", 1.0, None, 7.0))
    assert [one.typical for one in seen.events if isinstance(one, Waiting)] == [50.0, 2.0, None, 7.0]


def test_the_lines_are_the_machine_dialect(tmp_path: Path) -> None:
    path = written(tmp_path / EVENTS, Info("one"))
    assert json.loads(path.read_text()) == {"type": "info", "text": "one", "v": 1}
