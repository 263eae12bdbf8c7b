"""A small flow whose world is a folder of files, for the tests of the pipeline. Long: it is all of one flow."""

from __future__ import annotations

import errno
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hosted_setup.interview.frontend import Confirm, Decline
from hosted_setup.model.events import Event
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.flow import Flow
from hosted_setup.pipeline.journal import Journal, Past
from hosted_setup.pipeline.plan import Item
from hosted_setup.pipeline.runner import Runner
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import Step, check, step, step_of
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host, Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hosted_setup.interview.frontend import Review
    from hosted_setup.pipeline.journal import AnyRecord, Record

RUN = "20260102030405-abcdef"


class Recorder:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def texts(self) -> str:
        return "\n".join(str(event) for event in self.events)


class SteppedClock:
    """Moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


def make_host(root: Path, *, timeout_factor: float = 1.0) -> Host:
    """Give a host that is a folder; the ports the pipeline does not use are not there."""
    no = cast("Any", None)
    return Host(
        paths=Paths(root),
        run_id=RUN,
        hypervisor=no,
        images=no,
        trees=no,
        mounts=no,
        disk_tools=no,
        initiator=no,
        sessions=no,
        luns=no,
        gluster=no,
        machine=no,
        network=no,
        names=no,
        guests=no,
        engines=no,
        shells=no,
        clock=SteppedClock(),
        reporter=Recorder(),
        timeout_factor=timeout_factor,
    )


def world(host: Host) -> Path:
    """Give the folder the small flow changes."""
    folder = host.paths.root / "world"
    folder.mkdir(exist_ok=True)
    return folder


def made(host: Host) -> set[str]:
    """Tell what is in the world."""
    return {path.name for path in world(host).iterdir()}


class Refused(Problem):
    """A check of the small flow refused."""

    code = "TEST-REFUSED"
    title = "Refused"


class Broken(Problem):
    """A step of the small flow failed."""

    code = "TEST-BROKEN"
    title = "Broken"
    exit_code = ExitCode.FAILED


class Killed(BaseException):
    """Stands for the end of the process in a unit test; the crash tests send the real signal."""


@dataclass(frozen=True)
class Request:
    """What the caller asks for: the words name what goes wrong."""

    trouble: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What was found at the start."""

    size: int

    def effects(self) -> tuple[str, ...]:
        return (f"{self.size} things are destroyed",)


@section("Names")
class Names:
    """The question."""

    first: str = ask("First", key="TEST/first", default="one")


@dataclass(frozen=True)
class First:
    """A product."""

    name: str


@dataclass(frozen=True)
class Second:
    """A product."""

    name: str


@dataclass(frozen=True)
class Pointer:
    """The commit."""

    name: str


@dataclass(frozen=True)
class Goal:
    """The goal."""

    word: str


@dataclass(frozen=True)
class RemoveMade(Undo, name="test.made"):
    """Removes a file of the small world; `stuck` cannot be removed."""

    file: str

    def apply(self, host: Host) -> None:
        if (world(host) / "stuck").exists():
            message = f"{self.file} is stuck"
            raise OSError(message)
        (world(host) / self.file).unlink(missing_ok=True)

    def describe(self) -> str:
        return self.file


@step(Stage.SETUP, "Look")
def look(request: Request, host: Host) -> Facts:
    _trouble(request, "look")
    return Facts(7)


@check("Size")
def size(request: Request, facts: Facts) -> None:
    _refuse(request, "size")


@check("Name")
def name(request: Request, names: Names) -> None:
    _refuse(request, "name")


def _present(product: First, host: Host) -> bool:
    return (world(host) / product.name).exists()


@step(Stage.TRANSACTION, "Make the first", holds=_present)
def make_first(request: Request, names: Names, facts: Facts, host: Host, undo: UndoLog) -> First:
    undo.before(RemoveMade(names.first))
    (world(host) / names.first).touch()
    undo.before(RemoveMade("beside"))
    (world(host) / "beside").touch()
    _trouble(request, "first")
    return First(names.first)


@step(Stage.TRANSACTION, "Make the second")
def make_second(request: Request, first: First, host: Host, undo: UndoLog) -> Second:
    undo.before(RemoveMade("second"))
    (world(host) / "second").touch(exist_ok=False)
    _trouble(request, "second")
    return Second("second")


@step(Stage.TRANSACTION, "Switch", commits=True)
def switch(request: Request, second: Second, host: Host) -> Pointer:
    return Pointer(second.name)


@step(Stage.CLOSING, "Close")
def close(request: Request, pointer: Pointer) -> Goal:
    _trouble(request, "close")
    return Goal("reached")


def _trouble(request: Request, where: str) -> None:
    for word, error in {
        f"{where}:problem": Broken(where),
        f"{where}:bug": ZeroDivisionError("by naught"),
        f"{where}:full": OSError(errno.ENOSPC, "No space left on device", "/a place"),
        f"{where}:denied": PermissionError(errno.EACCES, "Permission denied", "/a place"),
        f"{where}:lost": OSError(errno.EIO, "Input/output error"),
        f"{where}:interrupt": KeyboardInterrupt(),
        f"{where}:kill": Killed(),
    }.items():
        if word in request.trouble:
            raise error


def _refuse(request: Request, what: str) -> None:
    if what in request.trouble:
        raise Refused(what)


FLOW = Flow("small", Goal, Request)
FUNCTIONS: tuple[Callable[..., Any], ...] = (close, switch, make_second, make_first, name, size, look)


def steps() -> tuple[Step, ...]:
    """Give the steps, in no good order."""
    return tuple(step_of(function) for function in FUNCTIONS)


def items() -> tuple[Item, ...]:
    """Give the plan of the small flow."""
    return FLOW.plan(steps())


@dataclass
class ScriptedAsker:
    """Answers."""

    first: str = "one"
    yes: bool = True
    plan: tuple[str, ...] = ()
    effects: tuple[str, ...] | None = None
    asked: list[type[Any]] = field(default_factory=list)
    held: tuple[Problem, ...] = ()

    def ask(
        self,
        section: type[Any],
        products: Mapping[type[Any], Any],
        heard: Callable[[], None],
        *,
        returning: bool = False,
        most: float = math.inf,
    ) -> object | None:
        self.asked.append(section)
        made: object = section(first=self.first)
        return made

    def texts(self, section: type[Any], *, typed: bool) -> tuple[tuple[str, str], ...]:
        return () if typed else (("TEST/first", self.first),)

    def leave_out(self, section: type[Any]) -> None:
        self.asked.remove(section)

    def reopen(self, section: type[Any]) -> bool:
        return False

    def review(self, plan: Sequence[str], effects: Sequence[str], problem: Problem | None = None) -> Review:
        if problem is not None:
            raise problem
        self.plan, self.effects = tuple(plan), tuple(effects)
        return Confirm() if self.yes else Decline()


def journal_of(host: Host, watch: Callable[[str, Record], None] | None = None) -> Journal:
    """Open the run's journal."""
    host.run_dir.mkdir(parents=True, exist_ok=True)
    return Journal(host.run_dir / "journal.jsonl", watch)


def run(
    host: Host,
    *trouble: str,
    asker: ScriptedAsker | None = None,
    watch: Callable[[str, Record], None] | None = None,
    plan: tuple[Item, ...] | None = None,
) -> Mapping[type[Any], Any]:
    """Run the small flow as one process would, from whatever the journal holds."""
    with journal_of(host, watch) as journal:
        runner = Runner(plan or items(), host, journal, asker or ScriptedAsker(), Past(journal.records))
        return runner.run(Request(trouble))


def kinds(records: list[AnyRecord]) -> list[str]:
    """Give the records as words, with the step's function where there is one."""
    return [
        " ".join([type(record).__name__, *([record.step.rpartition(".")[2]] if hasattr(record, "step") else [])])
        for record in records
    ]


def recorded(host: Host) -> list[AnyRecord]:
    """Read the run's journal."""
    with journal_of(host) as journal:
        return journal.records
