"""The command line: both forms of a command, common options before and after it, and how whatever ends it is told."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hosted_setup import cli
from hosted_setup.adapters import interrupts
from hosted_setup.command import Command
from hosted_setup.model.problem import Aborted, Interrupted, Problem
from hosted_setup.registry import Registry


class Refused(Problem):
    """A problem that a command lets pass."""

    code = "TEST-CLI"
    title = "Refused"


@dataclass
class Calls:
    """Commands that note how they were called."""

    options: list[argparse.Namespace] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    error: BaseException | None = None

    def commands(self) -> tuple[Command, ...]:
        return tuple(Command(name, f"do {name}", self._arguments, self._run) for name in ("deploy", "run"))

    def _arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--word")
        parser.add_argument("rest", nargs="*")

    def _run(self, options: argparse.Namespace, app: object) -> int:
        assert isinstance(app, cli.RealApp)
        if self.error is not None:
            raise self.error
        self.options.append(options)
        self.roots.append(app.paths.root)
        return 7


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()
    monkeypatch.setattr(Registry, "commands", made.commands)
    monkeypatch.setattr(interrupts, "end_on_signals", lambda: None)
    monkeypatch.delenv("HOSTED_ENGINE_ROOT", raising=False)
    return made


@pytest.mark.parametrize(
    ("line", "root"),
    [
        ("deploy", "/"),
        ("--deploy", "/"),
        ("deploy --root /r", "/r"),
        ("--deploy --root=/r", "/r"),
        ("--root /r deploy", "/r"),
        ("--root /r --deploy", "/r"),
        ("--root deploy run", "deploy"),
        ("--root deploy --deploy", "deploy"),
    ],
)
def test_both_forms_with_common_options_anywhere(calls: Calls, line: str, root: str) -> None:
    assert cli.main(line.split()) == 7
    assert calls.roots == [Path(root).absolute()]


def test_the_environment_names_the_root(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_ENGINE_ROOT", "/from/environment")
    cli.main(["deploy"])
    cli.main(["deploy", "--root", "/option"])
    assert calls.roots == [Path("/from/environment"), Path("/option")]


def test_the_first_command_counts(calls: Calls) -> None:
    cli.main(["run", "deploy", "--word", "deploy"])
    (options,) = calls.options
    assert (options.rest, options.word) == (["deploy"], "deploy")


@pytest.mark.parametrize("factor", ["0.01", "1", "1000"])
def test_deadlines_may_be_scaled(calls: Calls, factor: str) -> None:
    cli.main(["deploy", "--timeout-factor", factor])
    assert calls.options[0].timeout_factor == float(factor)


@pytest.mark.parametrize(
    "line",
    [
        "deploy --timeout-factor 0", "deploy --timeout-factor 1001", "deploy --timeout-factor nan",
        "deploy --timeout-factor x", "deploy --unknown", "deploy --wor x", "unknown", "--unknown",
    ],
)  # fmt: skip
def test_usage_errors(calls: Calls, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(line.split())
    assert end.value.code == 2
    assert "usage: hosted-engine" in capsys.readouterr().err
    assert calls.options == []


def test_nothing_at_all_is_a_usage_error_with_the_help(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "do deploy" in capsys.readouterr().out


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("SIGTERM"), Aborted("end of input")])
def test_an_interrupted_command(calls: Calls, error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    calls.error = error
    assert cli.main(["deploy"]) == 130
    assert "hosted-engine run status" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Refused("so"), 3, "TEST-CLI"),
        (PermissionError(13, "Permission denied", "/var/log/x"), 1, "HE-SYSTEM"),
        (OSError(28, "No space left on device", "/var/log/x"), 1, "HE-NO-SPACE"),
        (OSError(28, "No space left on device", "/var/log/x"), 1, "hosted-engine run status"),  # there may be no run
    ],
)
def test_what_no_command_has_dealt_with(
    calls: Calls, error: Exception, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    calls.error = error
    assert cli.main(["deploy"]) == code
    assert told in capsys.readouterr().out


OPTIONS = [
    ("", ""),
    ("--root=/a/b", " --root=/a/b"),
    ("--root '/a b'", " '--root=/a b'"),
    ("--root=deploy", " --root={here}/deploy"),
    ("--libvirt-uri=qemu:///session --timeout-factor 2", " --libvirt-uri=qemu:///session --timeout-factor=2"),
    ("--root=/ --libvirt-uri=qemu:///system --timeout-factor=1.0", ""),
]


@pytest.mark.parametrize(("given", "again"), OPTIONS)
def test_the_command_to_run_next_carries_the_options_that_were_given(
    calls: Calls, given: str, again: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["deploy", *shlex.split(given)]
    again = again.format(here=Path.cwd())
    calls.error = Refused("so", command="hosted-engine run status")
    cli.main(arguments)
    (told,) = (line for line in capsys.readouterr().out.splitlines() if "run status" in line)
    assert told.endswith(f"hosted-engine run status{again}")
    calls.error = KeyboardInterrupt()
    cli.main(arguments)
    assert capsys.readouterr().err.endswith(f":  hosted-engine run status{again}\n")


def test_a_root_of_the_environment_is_not_repeated(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOSTED_ENGINE_ROOT", "/environment")
    calls.error = KeyboardInterrupt()
    cli.main(["deploy"])
    assert "--root" not in capsys.readouterr().err
