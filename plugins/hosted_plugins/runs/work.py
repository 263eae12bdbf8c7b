"""Tells about runs, and takes finished ones back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hosted_plugins.deploy import way_on
from hosted_plugins.pauses import FILE
from hosted_setup.app import Both, refused
from hosted_setup.model.events import End, Failed, Info
from hosted_setup.model.messages import N_, _
from hosted_setup.model.problem import Aborted, ExitCode, Problem, exit_code_of
from hosted_setup.pipeline.event_file import EVENTS, worker_of
from hosted_setup.pipeline.journal import Past, RunLock, RunLocked, read_journal, unfinished
from hosted_setup.pipeline.session import JOURNAL, find_unfinished, refuse_if_unfinished
from hosted_setup.pipeline.session import abort as abort_run
from hosted_setup.pipeline.session import clean_up as clean_up_run
from hosted_setup.ports.problems import ABORT, ATTACH, CONTINUE, RESUME, STATUS

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.app import App
    from hosted_setup.interview.frontend import Frontend


class NotPaused(Problem):
    """No run waits to be told to go on."""

    code = "HE-RUN-NOT-PAUSED"
    title = "The run does not wait in a pause"
    exit_code = ExitCode.USAGE


_SURE: Final = N_("This removes the engine VM and its disk for good. Are you sure?")


def abort(app: App, dialect: str = "auto") -> int:
    """Take the unfinished run back."""
    frontend = app.frontend(dialect)
    app.registry()  # the undo actions of every plugin have to be known
    try:
        path, _ = find_unfinished(app.paths.runs)
        run_id = path.parent.name
        code = abort_run(app.host(run_id, Both(frontend, app.log(run_id))), app.observe)
    except Problem as problem:
        frontend.emit(Failed(problem))
        code = exit_code_of(problem)
    frontend.emit(End(code))
    return code


def status(app: App) -> int:
    """Print what is unfinished; 0 when nothing is, 4 when something is, 5 when it is paused."""
    frontend = app.frontend("auto")
    try:
        found = unfinished(app.paths.runs)
    except Problem as problem:
        frontend.emit(Failed(problem))
        return exit_code_of(problem)
    if found is None:
        frontend.emit(Info(_("No run is unfinished.")))
        if left := way_on(app.paths):
            frontend.emit(Info(_("The last run was left at its questions. Go on there:  {command}", command=left)))
        return ExitCode.DONE
    path, past = found
    worker = worker_of(path.with_name(EVENTS))
    at_work = _("at work now") if _locked(app.paths.runs) else _("not at work")
    if worker is not None:
        at_work += _(", process {worker}", worker=worker)
    frontend.emit(
        Info(
            _(
                "Run {run} is unfinished ({at_work}); steps done: {count}.",
                run=path.parent.name,
                at_work=at_work,
                count=len(past.done),
            )
        )
    )
    if worker is not None:
        frontend.emit(Info(_("See it:  {attach}", attach=ATTACH)))
    if paused := _paused_until(app, path):
        frontend.emit(Info(_("It is paused until {time}. Let it go on:  {command}", time=paused, command=CONTINUE)))
        return ExitCode.PAUSED
    if worker is not None:
        return ExitCode.UNFINISHED
    frontend.emit(Info(_("Go on with it:  {resume}", resume=RESUME)))
    if not past.committed:
        frontend.emit(Info(_("Take it back:  {abort}", abort=ABORT)))
    return ExitCode.UNFINISHED


def proceed(app: App) -> int:
    """Let a paused run go on."""
    frontend = app.frontend("auto")
    try:
        path, _past = find_unfinished(app.paths.runs)
        if not _paused_until(app, path):
            why = _("it is at work, or its process has ended")
            hint = _("See which, and what goes on with it:")
            raise NotPaused(_("run {run}", run=path.parent.name), why=why, hint=hint, command=STATUS)
        path.with_name(FILE).unlink(missing_ok=True)
    except Problem as problem:
        return refused(frontend, problem)
    frontend.emit(Info(_("Run {run} goes on. See it:  {command}", run=path.parent.name, command=ATTACH)))
    return ExitCode.DONE


def clean_up(app: App, dialect: str = "auto", *, sure: bool) -> int:
    """Take every finished run of this host back, the latest first; an unfinished one is refused.

    Unless it is `sure`, somebody has to say yes: an end of input is no yes, and a pipe may say it as a terminal does.
    """
    frontend = app.frontend(dialect)
    if not (sure or frontend.attended):
        frontend = app.frontend("plain")
    code = _cleaned_up(app, frontend, sure=sure)
    frontend.emit(End(code))
    return code


def _cleaned_up(app: App, frontend: Frontend, *, sure: bool) -> int:
    app.registry()  # the undo actions of every plugin have to be known
    try:
        refuse_if_unfinished(app.paths.runs)
        finished = _finished(app.paths.runs)
        if not finished:
            frontend.emit(Info(_("There is nothing to clean up: no deploy has changed this host.")))
            return ExitCode.DONE
        if not sure and not frontend.confirm(_(_SURE), default=False):
            frontend.emit(Info(_("Not confirmed; nothing was removed.")))
            return ExitCode.INTERRUPTED
        codes = [_take_back(app, path, frontend) for path in finished]
    except (Aborted, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Problem as problem:
        frontend.emit(Failed(problem))
        return exit_code_of(problem)
    return max(codes)


def _take_back(app: App, path: Path, frontend: Frontend) -> int:
    run_id = path.parent.name
    return clean_up_run(app.host(run_id, Both(frontend, app.log(run_id))), path, app.observe)


def _finished(runs: Path) -> list[Path]:
    journals = sorted(runs.glob(f"*/{JOURNAL}"), reverse=True)
    return [path for path in journals if Past(list(read_journal(path))).open_intents()]


def _paused_until(app: App, journal: Path) -> str:
    """Give until when the run of this journal waits; nothing where none does, as after its process was killed."""
    file = journal.with_name(FILE)
    return file.read_text().strip() if file.exists() and _locked(app.paths.runs) else ""


def _locked(runs: Path) -> bool:
    try:
        RunLock(runs).release()
    except RunLocked:
        return True
    return False
