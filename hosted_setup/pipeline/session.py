"""Long, since every way a run ends is here: start, resume, abort, clean up; what it means for host and caller."""

from __future__ import annotations

import secrets
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from hosted_setup.model.events import Failed, Heading, Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Aborted, ExitCode, Interrupted, Problem, Problems, exit_code_of
from hosted_setup.pipeline.checking import nothing
from hosted_setup.pipeline.codec import decode, encode
from hosted_setup.pipeline.flow import OtherFlow
from hosted_setup.pipeline.journal import FORMAT, Answered, End, Head, Journal, Past, RunLock, read_journal, unfinished
from hosted_setup.pipeline.rollback import refuse_harm, roll_back
from hosted_setup.pipeline.runner import Declined, Runner, outdated
from hosted_setup.pipeline.stage import CLEANUP, PRE_TERMINATION, TERMINATION
from hosted_setup.ports.problems import ABORT, BUNDLE, RESUME, START, refused_by_system

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from hosted_setup.pipeline.asker import Asker
    from hosted_setup.pipeline.checking import Ignored
    from hosted_setup.pipeline.flow import Flow
    from hosted_setup.pipeline.journal import Record
    from hosted_setup.pipeline.plan import Item
    from hosted_setup.ports.host import Host

    Observer = Callable[[str, Record], None]

JOURNAL = "journal.jsonl"
T = TypeVar("T")


class RunUnfinished(Problem):
    """An earlier run is unfinished; a new one would build on sand."""

    code = "HE-RUN-UNFINISHED"
    title = "An earlier run on this host is unfinished"
    exit_code = ExitCode.UNFINISHED


class NothingUnfinished(Problem):
    """There is no run to resume or abort."""

    code = "HE-RUN-NONE"
    title = "There is no unfinished run on this host"
    exit_code = ExitCode.USAGE


class RunCommitted(Problem):
    """The commit point is passed: forward only."""

    code = "HE-RUN-COMMITTED"
    title = "The run has passed its commit point; the way is forward only"
    exit_code = ExitCode.UNFINISHED


class Bug(Problem):
    """An exception that nobody foresaw."""

    code = "HE-BUG"
    title = "This is a fault of hosted-engine itself"
    exit_code = ExitCode.FAILED


class Detached(BaseException):
    """Another process goes on with the run: this one lets go of all that is the run's, and may look on."""


class Watch(Protocol):
    """What the surroundings of a run want to know of it."""

    def failing(self, journal: Path) -> None:
        """Be told that the run failed, before anything is undone: logs are collected here."""

    def log_traceback(self, text: str) -> str:
        """Write a traceback to the log; give the log's path."""


def new_run_id(now: datetime) -> str:
    """Give a run id: sorted by time, and unique."""
    return f"{now:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


@dataclass
class Session:
    """One run in one process.

    `undo_failures` says whether a failed run is taken back at once or kept for a resume; `given` are products that are
    there from the start, beside the request; `ignored` gives the checks whose warnings the operator knows of.
    `settled` is called when nothing is left to ask or to check, before the first change; it may raise `Detached`, which
    passes.
    """

    flow: Flow
    host: Host
    watch: Watch
    undo_failures: bool
    given: tuple[object, ...] = ()
    ignored: Ignored = nothing
    observe: Observer | None = None
    settled: Callable[[], None] = lambda: None

    def start(self, items: tuple[Item, ...], request: object, asker: Asker, sources: tuple[str, ...] = ()) -> ExitCode:
        """Begin a new run and see it through.

        Raises:
            RunUnfinished, RunLocked: nothing was begun.
        """
        lock = RunLock(self.host.paths.runs)
        try:
            refuse_if_unfinished(self.host.paths.runs)
            self.host.run_dir.mkdir(mode=0o700)
            with Journal(self.host.run_dir / JOURNAL, self.observe) as journal:
                begun = self.host.clock.now().isoformat()
                head = Head(self.host.run_id, self.flow.name, FORMAT, begun, encode(request), sources)
                journal.append(head)
                return self._conduct(items, request, asker, journal)
        finally:
            lock.release()

    def resume(self, items: tuple[Item, ...], asker: Asker) -> ExitCode:
        """Go on with the unfinished run from its last completed step."""
        lock = RunLock(self.host.paths.runs)
        try:
            path, past = find_unfinished(self.host.paths.runs)
            request = request_of(past, self.flow.request)
            with Journal(path, self.observe) as journal:
                return self._conduct(items, request, asker, journal)
        finally:
            lock.release()

    def _conduct(self, items: tuple[Item, ...], request: object, asker: Asker, journal: Journal) -> ExitCode:
        past = Past(journal.records)
        try:
            runner = Runner(items, self.host, journal, asker, past, self.ignored, self.settled)
            runner.run(request, *self.given)
        except OtherFlow as other:
            other.answers = tuple(one for one in journal.records if isinstance(one, Answered))
            journal.append(End("left"))
            raise
        except Declined:
            return self._stopped(journal, past, Info(_("Not confirmed; nothing was changed.")))
        except (KeyboardInterrupt, Interrupted, Aborted):
            past = Past(list(read_journal(journal.path)))  # one of its records may not be reckoned with yet
            return self._stopped(journal, past, Info(_("Interrupted by the operator.")))
        except Problem as problem:
            return self._failed(journal, past, problem)
        except OSError as error:
            self.watch.log_traceback(traceback.format_exc())
            return self._failed(journal, past, refused_by_system(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the host must not be left half-changed in silence
            where = self.watch.log_traceback(traceback.format_exc())
            bug = Bug(
                type(error).__name__,
                why=str(error),
                where=where,
                hint=_("Please report it:"),
                command=BUNDLE,
            )
            return self._failed(journal, past, bug)
        _end(self.host, journal, "done")
        return ExitCode.DONE

    def _stopped(self, journal: Journal, past: Past, word: Info) -> ExitCode:
        self.host.reporter.emit(word)
        if not past.intents:
            _end(self.host, journal, "interrupted")
        elif self.undo_failures and not past.committed:
            return take_back(self.host, journal, past, "interrupted", ExitCode.INTERRUPTED)
        else:
            self._name_ways_on(past, resumable=True)
        return ExitCode.INTERRUPTED

    def _failed(self, journal: Journal, past: Past, problem: Problem) -> ExitCode:
        kept = past.committed or not self.undo_failures or exit_code_of(problem) is ExitCode.PAUSED
        if not past.intents or not kept:
            _start_anew(problem)
        self.host.reporter.emit(Failed(problem))
        if not past.intents:
            _end(self.host, journal, "refused")
            return exit_code_of(problem)
        if exit_code_of(problem) is ExitCode.PAUSED:
            return ExitCode.PAUSED
        self.watch.failing(journal.path)
        if kept:
            self._name_ways_on(past, resumable=all(one.command != ABORT for one in problem.problems()))
            return ExitCode.UNFINISHED
        return take_back(self.host, journal, past, "failed", ExitCode.FAILED)

    def _name_ways_on(self, past: Past, *, resumable: bool) -> None:
        if resumable:
            self.host.reporter.emit(Info(_("The run is unfinished. Go on with it:  {resume}", resume=RESUME)))
        else:
            self.host.reporter.emit(Info(_("The run is unfinished, and a resume alone cannot mend it.")))
        if past.committed:
            self.host.reporter.emit(Info(_("Its engine is deployed, the way is forward only.")))
        else:
            self.host.reporter.emit(Info(_("Take it back:  {abort}", abort=ABORT)))


def _start_anew(problem: Problem) -> None:
    """Name the way on that there is when nothing of the run stays, where the problem names another."""
    for one in problem.problems():
        if one.command in (RESUME, ABORT):
            one.hint, one.command = _("Nothing of this run stays. Mend the cause, then start a new one:"), START


def abort(host: Host, observe: Observer | None = None) -> ExitCode:
    """Take the unfinished run back.

    Raises:
        RunLocked, NothingUnfinished, RunCommitted: nothing was done.
    """
    lock = RunLock(host.paths.runs)
    try:
        path, past = find_unfinished(host.paths.runs)
        if past.committed:
            why = _("hosts and users may rely on it already")
            raise RunCommitted(_("its engine is deployed"), why=why, hint=_("Go on with it:"), command=RESUME)
        with Journal(path, observe) as journal:
            return take_back(host, journal, past, "aborted", ExitCode.DONE)
    finally:
        lock.release()


def clean_up(host: Host, path: Path, observe: Observer | None = None) -> ExitCode:
    """Take a finished run back: its journal, at `path`, still knows what undoes each change.

    Raises:
        Problem: nothing was done: another process is at work, or somebody else would be harmed.
    """
    lock = RunLock(host.paths.runs)
    try:
        with Journal(path, observe) as journal:
            past = Past(journal.records)
            refuse_harm(past, host)
            return take_back(host, journal, past, "cleaned", ExitCode.DONE)
    finally:
        lock.release()


def take_back(host: Host, journal: Journal, past: Past, outcome: str, code: ExitCode) -> ExitCode:
    """Undo all that is open and end the run with `outcome`; give `code`, or UNFINISHED when something failed."""
    host.reporter.emit(Heading(_(CLEANUP)))
    try:
        roll_back(journal, past, host)
    except Problems as problems:
        host.reporter.emit(Failed(problems))
        return ExitCode.UNFINISHED
    host.reporter.emit(Info(_("Everything this run had changed on this host is undone.")))
    _end(host, journal, outcome)
    return code


def _end(host: Host, journal: Journal, outcome: str) -> None:
    host.reporter.emit(Heading(_(PRE_TERMINATION)))
    journal.append(End(outcome))
    host.reporter.emit(Heading(_(TERMINATION)))


def ways_on(past: Past) -> str:
    """Name what there is to do with an unfinished run: on, and before its commit point back."""
    way_back = "" if past.committed else _("  or take it back:  {abort}", abort=ABORT)
    return _("Go on with it:  {resume}{way_back}", resume=RESUME, way_back=way_back)


def refuse_if_unfinished(runs: Path) -> None:
    """Refuse a new run while an earlier one is unfinished; both ways on are named.

    Raises:
        RunUnfinished: see above.
    """
    found = unfinished(runs)
    if found is None:
        return
    path, past = found
    detail = _("run {run} ({flow})", run=path.parent.name, flow=past.head.flow if past.head else "?")
    why = _("it has ended without a word, or was kept after a failure; steps done: {count}", count=len(past.done))
    raise RunUnfinished(detail, why=why, where=str(path), hint=ways_on(past), command=RESUME)


def find_unfinished(runs: Path) -> tuple[Path, Past]:
    """Give the unfinished run's journal and what it adds up to.

    Raises:
        NothingUnfinished: there is none.
    """
    found = unfinished(runs)
    if found is None:
        detail, why = (
            _("no journal without an end in {runs}", runs=runs),
            _("each run there has ended, or none was begun"),
        )
        raise NothingUnfinished(detail, why=why, hint=_("Start a new one:"), command=START)
    return found


def request_of(past: Past, kind: type[T]) -> T:
    """Read the request out of a journal's head.

    Raises:
        RunOutdated: when another version wrote it.
    """
    head = past.head
    if head is None or head.format != FORMAT:
        raise outdated(past, _("its journal has another format"))
    try:
        return decode(head.request, kind)
    except msgspec.ValidationError as error:
        raise outdated(past, _("its request cannot be read"), str(error)) from error
