"""Every way a run can end: exit code, last record, what is left. Long: there are that many ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from hosted_setup.model.events import Failed, Info
from hosted_setup.model.problem import Aborted, ExitCode, Interrupted, Problem
from hosted_setup.pipeline.journal import End, Head, Journal, Past, RunLock, RunLocked
from hosted_setup.pipeline.runner import RunOutdated
from hosted_setup.pipeline.session import (
    NothingUnfinished,
    RunCommitted,
    RunUnfinished,
    Session,
    abort,
    clean_up,
    new_run_id,
    refuse_if_unfinished,
    request_of,
)
from tests.unit.pipeline.kit import (
    FLOW,
    Killed,
    Recorder,
    Request,
    ScriptedAsker,
    items,
    made,
    make_host,
    recorded,
    world,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.host import Host

RESUME, ABORT = "hosted-engine deploy --resume", "hosted-engine deploy --abort"
START = "hosted-engine deploy"
EVERYTHING = {"one", "beside", "second"}


@dataclass
class Watcher:
    """Notes what it is told."""

    failed: list[Path] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    def failing(self, journal: Path) -> None:
        self.failed.append(journal)

    def log_traceback(self, text: str) -> str:
        self.tracebacks.append(text)
        return "/var/log/the.log"


@dataclass
class Leaving(ScriptedAsker):
    """An operator who leaves at the question."""

    word: BaseException = field(default_factory=Aborted)

    def ask(self, *_: object, **__: object) -> object:
        raise self.word


def start(host: Host, *trouble: str, asker: ScriptedAsker | None = None, undo: bool = False) -> ExitCode:
    session = Session(FLOW, host, Watcher(), undo_failures=undo)
    return session.start(items(), Request(trouble), asker or ScriptedAsker(), ("/secrets", "/answers"))


def resume(host: Host) -> ExitCode:
    return Session(FLOW, host, Watcher(), undo_failures=False).resume(items(), ScriptedAsker())


def outcome(host: Host) -> str | None:
    return Past(recorded(host)).outcome


def said(host: Host) -> str:
    events = cast("Recorder", host.reporter).events
    return "\n".join(event.text for event in events if isinstance(event, Info))


def shown(host: Host) -> list[Problem]:
    events = cast("Recorder", host.reporter).events
    return [event.problem for event in events if isinstance(event, Failed)]


def test_done(host: Host) -> None:
    assert start(host) is ExitCode.DONE
    assert outcome(host) == "done"
    assert made(host) == EVERYTHING


def test_the_head_names_the_run_and_the_sources_of_its_secrets(host: Host) -> None:
    start(host)
    assert recorded(host)[0] == Head(
        run=host.run_id,
        flow="small",
        format=1,
        begun="2026-01-02T03:04:05+00:00",
        request=msgspec.Raw(b'{"trouble":[]}'),
        sources=("/secrets", "/answers"),
    )


@pytest.mark.parametrize("undo", [False, True])
def test_refused_by_a_check(host: Host, undo: bool) -> None:  # noqa: FBT001 - a parameter
    assert start(host, "size", undo=undo) is ExitCode.REFUSED
    assert outcome(host) == "refused"
    assert made(host) == set()


def test_not_confirmed(host: Host) -> None:
    assert start(host, asker=ScriptedAsker(yes=False)) is ExitCode.INTERRUPTED
    assert outcome(host) == "interrupted"
    assert "nothing was changed" in said(host)


@pytest.mark.parametrize("word", [Aborted(), KeyboardInterrupt(), Interrupted("SIGTERM")])
def test_the_operator_leaves_at_a_question(host: Host, word: BaseException) -> None:
    assert start(host, asker=Leaving(word=word)) is ExitCode.INTERRUPTED
    assert outcome(host) == "interrupted"
    assert made(host) == set()


def test_failed_and_kept(host: Host) -> None:
    assert start(host, "second:problem") is ExitCode.UNFINISHED
    assert outcome(host) is None
    assert made(host) == EVERYTHING
    assert [problem.code for problem in shown(host)] == ["TEST-BROKEN"]
    assert RESUME in said(host)
    assert ABORT in said(host)


def test_failed_and_undone(host: Host) -> None:
    assert start(host, "second:problem", undo=True) is ExitCode.FAILED
    assert outcome(host) == "failed"
    assert made(host) == set()
    assert RESUME not in said(host)


def test_logs_are_collected_before_anything_is_undone(host: Host) -> None:
    there: list[set[str]] = []

    class Looking(Watcher):
        def failing(self, journal: Path) -> None:
            assert journal == host.run_dir / "journal.jsonl"
            there.append(made(host))

    session = Session(FLOW, host, Looking(), undo_failures=True)
    session.start(items(), Request(("second:problem",)), ScriptedAsker())
    assert there == [EVERYTHING]


def test_no_logs_are_collected_when_nothing_was_changed(host: Host) -> None:
    watcher = Watcher()
    Session(FLOW, host, watcher, undo_failures=True).start(items(), Request(("look:problem",)), ScriptedAsker())
    assert watcher.failed == []


def test_a_bug_is_one_problem_with_the_traceback_in_the_log(host: Host) -> None:
    watcher = Watcher()
    session = Session(FLOW, host, watcher, undo_failures=False)
    assert session.start(items(), Request(("first:bug",)), ScriptedAsker()) is ExitCode.UNFINISHED
    (problem,) = shown(host)
    assert (problem.code, problem.where, problem.why) == ("HE-BUG", "/var/log/the.log", "by naught")
    assert problem.command == "hosted-engine support-bundle"
    assert "ZeroDivisionError: by naught" in watcher.tracebacks[0]


@pytest.mark.parametrize(
    ("trouble", "code", "where", "command"),
    [
        ("full", "HE-NO-SPACE", "/a place", START),  # the run is taken back: there is nothing to resume
        ("denied", "HE-SYSTEM", "/a place", "ls -ld '/a place'"),
        ("lost", "HE-SYSTEM", "", "hosted-engine support-bundle"),
    ],
)
def test_what_the_system_refuses_is_no_bug(host: Host, trouble: str, code: str, where: str, command: str) -> None:
    watcher = Watcher()
    session = Session(FLOW, host, watcher, undo_failures=True)
    assert session.start(items(), Request((f"first:{trouble}",)), ScriptedAsker()) is ExitCode.FAILED
    (problem,) = shown(host)
    assert (problem.code, problem.where, problem.command) == (code, where, command)
    assert "Traceback" in watcher.tracebacks[0]
    assert made(host) == set()


def test_interrupted_in_the_middle_and_kept(host: Host) -> None:
    assert start(host, "second:interrupt") is ExitCode.INTERRUPTED
    assert outcome(host) is None
    assert made(host) == EVERYTHING
    assert RESUME in said(host)
    assert ABORT in said(host)


def test_interrupted_in_the_middle_and_undone(host: Host) -> None:
    assert start(host, "second:interrupt", undo=True) is ExitCode.INTERRUPTED
    assert outcome(host) == "interrupted"
    assert made(host) == set()


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize(
    ("trouble", "code"), [("close:problem", ExitCode.UNFINISHED), ("close:interrupt", ExitCode.INTERRUPTED)]
)
def test_after_the_commit_the_way_is_forward_only(host: Host, trouble: str, code: ExitCode, undo: bool) -> None:  # noqa: FBT001 - a parameter
    assert start(host, trouble, undo=undo) is code
    assert outcome(host) is None
    assert made(host) == EVERYTHING
    assert "forward only" in said(host)
    assert ABORT not in said(host)
    with pytest.raises(RunCommitted) as caught:
        abort(host)
    assert (caught.value.code, caught.value.exit_code) == ("HE-RUN-COMMITTED", ExitCode.UNFINISHED)
    assert caught.value.command == RESUME
    assert made(host) == EVERYTHING


def test_an_undo_that_fails_leaves_the_run_unfinished(host: Host) -> None:
    (world(host) / "stuck").touch()
    assert start(host, "first:problem", undo=True) is ExitCode.UNFINISHED
    assert outcome(host) is None
    assert [problem.problems().__next__().code for problem in shown(host)] == ["TEST-BROKEN", "HE-UNDO"]
    (world(host) / "stuck").unlink()
    assert abort(host) is ExitCode.DONE
    assert made(host) == set()


def test_a_killed_run_refuses_a_second_one_naming_both_ways(host: Host, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        start(host, "second:kill")
    with pytest.raises(RunUnfinished) as caught:
        start(make_host(tmp_path))
    assert (caught.value.code, caught.value.exit_code) == ("HE-RUN-UNFINISHED", ExitCode.UNFINISHED)
    assert RESUME in caught.value.hint
    assert ABORT in caught.value.hint
    assert made(host) == EVERYTHING


def test_a_committed_run_names_only_the_way_on(host: Host) -> None:
    start(host, "close:problem")
    with pytest.raises(RunUnfinished) as caught:
        refuse_if_unfinished(host.paths.runs)
    assert RESUME in caught.value.hint
    assert ABORT not in caught.value.hint


def test_a_run_at_work_refuses_every_other(host: Host) -> None:
    lock = RunLock(host.paths.runs)
    for attempt in (start, resume, abort, lambda one: clean_up(one, one.run_dir / "journal.jsonl")):
        with pytest.raises(RunLocked):
            attempt(host)
    lock.release()


def test_resume_sees_a_failed_run_through(host: Host) -> None:
    with pytest.raises(Killed):
        run_killed(host)
    assert resume(host) is ExitCode.DONE
    assert outcome(host) == "done"
    assert made(host) == EVERYTHING


def run_killed(host: Host) -> None:
    """Leave a run whose process died while it closed; its request asks for no trouble."""

    def observe(when: str, record: object) -> None:
        if when == "before" and getattr(record, "step", "").endswith("close"):
            raise Killed

    session = Session(FLOW, host, Watcher(), undo_failures=False, observe=observe)
    session.start(items(), Request(), ScriptedAsker())


def test_abort_takes_everything_back(host: Host) -> None:
    start(host, "second:problem")
    assert abort(host) is ExitCode.DONE
    assert outcome(host) == "aborted"
    assert made(host) == set()
    assert "undone" in said(host)


def test_nothing_to_resume_or_to_abort(host: Host) -> None:
    start(host)
    for attempt in (resume, abort):
        with pytest.raises(NothingUnfinished) as caught:
            attempt(host)
        assert (caught.value.code, caught.value.exit_code) == ("HE-RUN-NONE", ExitCode.USAGE)
        assert caught.value.command == "hosted-engine deploy"


def test_cleanup_takes_a_finished_run_back(host: Host) -> None:
    start(host)
    assert clean_up(host, host.run_dir / "journal.jsonl") is ExitCode.DONE
    assert outcome(host) == "cleaned"
    assert made(host) == set()


def test_a_new_run_may_begin_after_any_end(host: Host, tmp_path: Path) -> None:
    start(host, "size")
    refuse_if_unfinished(host.paths.runs)


def test_a_journal_of_another_format_is_not_resumed(host: Host) -> None:
    host.run_dir.mkdir(parents=True)
    with Journal(host.run_dir / "journal.jsonl") as journal:
        journal.append(Head(host.run_id, "small", 99, "", msgspec.Raw(b"{}")))
    with pytest.raises(RunOutdated) as caught:
        resume(host)
    assert caught.value.command == ABORT


def test_a_request_that_cannot_be_read_is_not_resumed() -> None:
    past = Past([Head("run", "small", 1, "", msgspec.Raw(b'{"trouble":"of another type"}'))])
    with pytest.raises(RunOutdated):
        request_of(past, Request)


def test_run_ids_sort_by_time_and_differ(host: Host) -> None:
    now = host.clock.now()
    first, second = new_run_id(now), new_run_id(now)
    assert first.startswith("20260102030405-")
    assert first != second


def test_the_end_is_the_last_record_of_every_ended_run(host: Host) -> None:
    start(host)
    assert recorded(host)[-1] == End("done")
