"""Shows a run that another process works on: here after the confirmation, elsewhere by `--attach` and `--follow`."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hosted_setup.app import refused
from hosted_setup.interview.dialect import Working
from hosted_setup.model.events import End, Event, Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Interrupted, Problem
from hosted_setup.pipeline.event_file import EVENTS, Follower
from hosted_setup.pipeline.journal import Past, read_journal
from hosted_setup.pipeline.session import JOURNAL, ways_on
from hosted_setup.ports.problems import FOLLOW, RESUME, START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hosted_setup.app import App
    from hosted_setup.interview.frontend import Frontend

_EVERY: Final = 0.1


class WorkerLost(Problem):
    """The process that worked on a run was killed, or the machine was."""

    code = "HE-RUN-LOST"
    title = "The process that worked on the run is gone"
    exit_code = ExitCode.UNFINISHED


class NothingToShow(Problem):
    """No run has come as far as to change this host."""

    code = "HE-RUN-UNSEEN"
    title = "There is no run to show"
    exit_code = ExitCode.USAGE


def attach(app: App, dialect: str) -> int:
    """Show the latest run from its beginning to its end; Ctrl-C interrupts the run, the terminal's end does not."""
    frontend = app.frontend(dialect)
    try:
        path = _latest(app)
    except Problem as problem:
        return refused(frontend, problem)
    frontend.emit(
        Info(_("Run {run}. Ctrl-C interrupts it; only look at it:  {follow}", run=path.parent.name, follow=FOLLOW))
    )
    return view(Follower(path), frontend)


def follow(app: App, dialect: str) -> int:
    """Show the latest run, for scripts: plain lines, unless they want the machine dialect; Ctrl-C ends the look."""
    frontend = app.frontend("machine" if dialect == "machine" else "lines")
    try:
        return _shown(Follower(_latest(app)), frontend)
    except Problem as problem:
        return refused(frontend, problem)


def view(follower: Follower, frontend: Frontend) -> int:
    """Show events until no more will come; give the run's exit code, or that of an end of this process alone."""
    try:
        with _passing_on(follower):
            return _shown(follower, frontend)
    except Problem as problem:
        return refused(frontend, problem)
    except Interrupted:  # the terminal is gone; the run is not
        return ExitCode.INTERRUPTED


def _shown(follower: Follower, frontend: Frontend) -> int:
    end: End | None = None
    while (news := follower.news()) is not None:
        for message in news:
            if isinstance(message, Working):
                end = None  # of an earlier process; this one has resumed its run
            elif isinstance(message, End):
                end = message
            elif isinstance(message, Event):
                frontend.emit(message)
        if not news:
            time.sleep(_EVERY)
    if end is None:
        raise _unseen_or_lost(follower.path)
    frontend.emit(end)
    return end.code


@contextmanager
def _passing_on(follower: Follower) -> Iterator[None]:
    """Send what ends a run to the process that works on it, instead of ending here."""

    def pass_on(number: int, _frame: object) -> None:
        follower.pass_on(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*before, signal.SIGHUP))  # see App.detach
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _latest(app: App) -> Path:
    found = sorted(app.paths.runs.glob(f"*/{EVENTS}"))
    if not found:
        raise _unseen(_("none in {runs} has got beyond its questions", runs=app.paths.runs))
    return found[-1]


def _unseen(detail: str) -> NothingToShow:
    why = _("there is something to see from the confirmation on")
    return NothingToShow(detail, why=why, hint=_("Start one:"), command=START)


def _unseen_or_lost(path: Path) -> Problem:
    run, past = path.parent.name, Past(list(read_journal(path.with_name(JOURNAL))))
    if past.outcome is not None and not past.intents:
        return _unseen(_("run {run} has ended ({outcome}) before it changed anything", run=run, outcome=past.outcome))
    return WorkerLost(
        _("run {run}; steps done: {count}", run=run, count=len(past.done)),
        why=_("it was killed, or this machine went down"), where=str(path), hint=ways_on(past), command=RESUME,
    )  # fmt: skip
