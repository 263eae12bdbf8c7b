"""What the composition root offers to commands: the outside world, wired, made only when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from hosted_setup.model.events import End, Failed, Reporter
from hosted_setup.model.problem import exit_code_of

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.interview.frontend import Frontend
    from hosted_setup.interview.secrets import Stream
    from hosted_setup.model.events import Event
    from hosted_setup.model.problem import ExitCode, Problem
    from hosted_setup.model.secret import Secret
    from hosted_setup.pipeline.journal import Record
    from hosted_setup.ports.host import Host, Paths
    from hosted_setup.registry import Registry


class RunLog(Reporter, Protocol):
    """The log file of one run; secrets are masked in whatever is written."""

    path: str

    def traceback(self, text: str) -> None:
        """Write a traceback."""


@dataclass(frozen=True)
class Both:
    """Logs an event, then shows it: what is shown last before a crash is in the log. Any thread may tell something."""

    frontend: Reporter
    log: Reporter
    _one: RLock = field(default_factory=RLock)

    def emit(self, event: Event) -> None:
        """Pass `event` on."""
        with self._one:
            self.log.emit(event)
            self.frontend.emit(event)


@dataclass
class Switch:
    """Passes events on to whoever is to be told now."""

    to: Reporter

    def emit(self, event: Event) -> None:
        """Pass `event` on."""
        self.to.emit(event)


def refused(reporter: Reporter, problem: Problem) -> ExitCode:
    """Tell why a command ends, and that it does; give its exit code."""
    code = exit_code_of(problem)
    reporter.emit(Failed(problem))
    reporter.emit(End(code))
    return code


class App(Protocol):
    """The program, as a command sees it."""

    @property
    def paths(self) -> Paths:
        """Give the files operators know, under `--root`."""

    @property
    def environment(self) -> dict[str, Secret]:
        """Give the secrets that were in the process's environment; they are no longer."""

    def secrets_of_descriptor(self, number: int) -> Stream:
        """Read the answers that come through a descriptor the caller passed, and close it."""

    def secrets_of_command(self, command: str) -> Stream:
        """Run the caller's program, and give the answers it prints."""

    def registry(self) -> Registry:
        """Give all plugins, third parties' too."""

    def log(self, run_id: str) -> RunLog:
        """Open the log of a run."""

    def frontend(self, dialect: str) -> Frontend:
        """Give the way of talking to the operator; `auto` looks at the terminal."""

    def host(self, run_id: str, reporter: Reporter) -> Host:
        """Connect the outside world."""

    @property
    def fragile(self) -> bool:
        """Tell whether the terminal goes when a connection breaks."""

    @property
    def at_terminal(self) -> bool:
        """Tell whether there is a terminal, whose end would end this process."""

    def detach(self, output: Path) -> int | None:
        """Go on in a process of its own that no terminal can end; gives its pid here, 0 there.

        None where there is no terminal to outlive, or a thread of this process does not end, such as a check that
        hangs: this process goes on. What is printed is added to `output`. Here
        what ends a process (SIGINT, SIGTERM, SIGHUP) is held back until it is let through.
        """

    def redact(self, text: str) -> str:
        """Mask every secret this process has held."""

    def now_id(self) -> str:
        """Give an id for a new run."""

    def observe(self, when: str, record: Record) -> None:
        """Be told before and after each record of a journal; crash tests strike here."""
