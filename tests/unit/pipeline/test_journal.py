"""The journal: on disk before the deed, one writer, a torn tail is cut, other damage is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from hosted_setup.model.answer import Recorded
from hosted_setup.model.problem import ExitCode
from hosted_setup.pipeline.journal import (
    Answered,
    AnyRecord,
    Begun,
    Committed,
    Confirmed,
    Done,
    End,
    Head,
    Intent,
    Journal,
    JournalDamaged,
    Past,
    Record,
    Reverted,
    RunLock,
    RunLocked,
    Undone,
    read_journal,
    unfinished,
)

HEAD = Head("run", "flow", 1, "2026-01-02T03:04:05", msgspec.Raw(b"{}"), ("/secrets",))
RECORDS: list[AnyRecord] = [HEAD, Confirmed(), Begun("a", 1), Intent(0, "a", "test.undo", msgspec.Raw(b'{"x":"\\n"}'))]


def write(path: Path, records: list[AnyRecord]) -> None:
    with Journal(path) as journal:
        for record in records:
            journal.append(record)


def test_a_record_is_on_disk_between_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    seen: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(("synced", path.stat().st_size)))

    def watch(when: str, record: Record) -> None:
        seen.append((when, path.stat().st_size))

    with Journal(path, watch) as journal:
        seen.clear()
        journal.append(HEAD)
    size = path.stat().st_size
    assert size > 0
    assert seen == [("before", 0), ("synced", size), ("after", size)]


def test_the_folder_is_synced_when_the_journal_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink()))
    Journal(tmp_path / "journal.jsonl").close()
    assert synced == [tmp_path]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "journal.jsonl", RECORDS)
    assert list(read_journal(tmp_path / "journal.jsonl")) == RECORDS


def test_the_journal_is_private(tmp_path: Path) -> None:
    write(tmp_path / "journal.jsonl", RECORDS)
    assert stat.S_IMODE((tmp_path / "journal.jsonl").stat().st_mode) == 0o600


def test_a_torn_tail_is_cut_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, RECORDS)
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        write(path, [Committed()])
        assert list(read_journal(path)) == [*RECORDS[:-1], Committed()], cut


def test_a_power_cut_anywhere_leaves_the_whole_lines_before_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, RECORDS)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert list(read_journal(path)) == RECORDS[: whole[:cut].count(b"\n")]


def test_a_tail_of_noughts_is_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, RECORDS)
    with path.open("ab") as stream:
        stream.write(bytes(4096))
    assert list(read_journal(path)) == RECORDS


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"record":"unheard"}', b'{"record":"begun","step":"a"}', b"\xff"])
def test_any_other_damage_is_told_with_its_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, RECORDS)
    lines = path.read_bytes().split(b"\n")
    lines[1] = line
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(JournalDamaged) as caught:
        list(read_journal(path))
    assert caught.value.code == "HE-JOURNAL-DAMAGED"
    assert caught.value.where == f"{path}:2"
    assert caught.value.exit_code is ExitCode.UNFINISHED
    assert caught.value.command == "hosted-engine support-bundle"
    assert path.read_bytes() == b"\n".join(lines)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / "runs")
    with pytest.raises(RunLocked) as caught:
        RunLock(tmp_path / "runs")
    assert caught.value.code == "HE-RUN-LOCKED"
    assert caught.value.exit_code is ExitCode.REFUSED
    assert caught.value.command == "hosted-engine run status"
    lock.release()
    RunLock(tmp_path / "runs").release()


def test_the_folder_of_runs_is_private(tmp_path: Path) -> None:
    RunLock(tmp_path / "runs").release()
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700


def test_the_past_adds_up() -> None:
    past = Past(
        [*RECORDS, Answered("s", (("K/a", "1"),)), Done("a", msgspec.Raw(b"1")), Answered("s", (("K/a", "2"),))]
    )
    assert past.head == HEAD
    assert past.answers == {"K/a": Recorded("2", "s")}
    assert past.confirmed
    assert not past.committed
    assert past.done == {"a": msgspec.Raw(b"1")}
    assert past.versions == {"a": 1}
    assert past.outcome is None


def test_intents_are_open_until_undone_the_latest_first() -> None:
    intents = [Intent(number, "a", "u", msgspec.Raw(b"{}")) for number in range(3)]
    past = Past([*intents, Undone(1)])
    assert [intent.number for intent in past.open_intents()] == [2, 0]
    assert past.next_intent == 3


def test_numbers_of_intents_are_never_used_again() -> None:
    assert Past([Intent(0, "a", "u", msgspec.Raw(b"{}")), Undone(0)]).next_intent == 1


def test_a_reverted_step_and_all_after_it_are_to_be_done_again() -> None:
    begun = [record for name in "abc" for record in (Begun(name, 1), Done(name, msgspec.Raw(b"1")))]
    past = Past([*begun, Reverted("b")])
    assert set(past.done) == {"a"}
    assert set(past.versions) == {"a"}
    assert Past([*begun, Committed()]).steps_from("b") == ("b", "c")


def test_the_unfinished_run_is_the_one_without_an_end(tmp_path: Path) -> None:
    runs: dict[str, list[AnyRecord]] = {
        "1-ended": [HEAD, End("done")],
        "2-headless": [],
        "3-open": RECORDS,
        "4-ended": [HEAD, End("aborted")],
    }
    for name, records in runs.items():
        (tmp_path / name).mkdir()
        write(tmp_path / name / "journal.jsonl", records)
    found = unfinished(tmp_path)
    assert found is not None
    assert found[0] == tmp_path / "3-open/journal.jsonl"


def test_ended_runs_are_not_unfinished(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write(tmp_path / "run/journal.jsonl", [HEAD, End("refused")])
    assert unfinished(tmp_path) is None
