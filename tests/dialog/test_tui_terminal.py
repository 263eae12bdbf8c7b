"""The wizard on a real pseudo-terminal: whatever ends it, the terminal is as it was and what was typed is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from hosted_setup.pipeline.journal import unfinished

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NO_COLOR": "1"}


class Terminal:
    """A wizard at work on a terminal."""

    def __init__(self, folder: Path, *, term: str = "xterm", columns: int = 80, lang: str = "C.UTF-8") -> None:
        self.run = folder / "run"
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "tests.dialog.wizard_program", str(self.run)],
            cwd=str(ROOT),
            env=SETTINGS | {"TERM": term, "LANG": lang},
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(24, columns),
            timeout=60,
            ignore_sighup=True,
        )
        self.child.delaybeforesend = None

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.child.child_fd)

    def answer_two(self) -> None:
        """Come to the third question."""
        self.child.expect_exact("Storage type")
        self.child.expect_exact("Ctrl-D leave")
        self.child.send("\r")
        self.child.expect_exact("Path of the storage")
        self.child.send(f"{self.run}/world/storage\r")
        self.child.expect_exact("Network mode")
        self.child.expect_exact("Ctrl-D leave")

    def end(self) -> int | None:
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus

    def kept(self) -> str:
        """Give the answers that were written."""
        (written,) = self.run.rglob("answers/answers-*.conf")
        return written.read_text()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.child.close(force=True)


@pytest.mark.parametrize("leave", ["Ctrl-C", "Ctrl-D", "SIGTERM", "SIGHUP"])
def test_whatever_ends_it_the_terminal_is_as_it_was(terminal: Terminal, leave: str) -> None:
    before = terminal.modes()
    terminal.answer_two()
    assert terminal.modes() != before
    if leave.startswith("Ctrl"):
        terminal.child.sendcontrol(leave[-1].lower())
    else:
        terminal.child.kill(getattr(signal, leave))
    terminal.child.expect_exact("Answers:")
    terminal.child.expect(pexpect.EOF)
    assert terminal.modes() == before
    assert terminal.end() == 130
    assert f"{terminal.run}/world/storage" in terminal.kept()


def test_a_terminal_that_is_closed_ends_it_and_loses_nothing(terminal: Terminal) -> None:
    terminal.answer_two()
    vars(terminal.child)["ptyproc"].fileobj.close()
    deadline = time.monotonic() + 60
    while terminal.child.isalive():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert terminal.child.exitstatus == 130
    assert f"{terminal.run}/world/storage" in terminal.kept()


def test_a_terminal_that_says_more_than_once_that_it_goes_ends_it_all_the_same(terminal: Terminal) -> None:
    terminal.answer_two()
    while terminal.child.isalive() and not ended(terminal.run):
        terminal.child.kill(signal.SIGHUP)  # tmux and the kernel may both say it
        time.sleep(0.0005)
    assert ended(terminal.run)
    assert f"{terminal.run}/world/storage" in terminal.kept()


def ended(run: Path) -> bool:
    """Tell whether the run has an end: nothing was changed, so nothing is in the way of the next."""
    return unfinished(next(run.rglob("journal.jsonl")).parents[1]) is None


def test_a_resize_draws_the_question_anew(terminal: Terminal) -> None:
    terminal.answer_two()
    terminal.child.send("bridg")
    terminal.child.expect_exact("bridg")
    terminal.child.setwinsize(30, 60)
    terminal.child.expect_exact("[nat]: bridg")
    terminal.child.send("e\r")
    terminal.child.expect_exact("NIC for the management bridge")
    terminal.child.sendcontrol("c")
    assert terminal.end() == 130
    assert "HOSTED_ENGINE/networkMode=str:bridge\n" in terminal.kept()


@pytest.mark.parametrize(("term", "columns"), [("dumb", 80), ("unknown", 80), ("xterm", 30)])
def test_a_lesser_terminal_gets_plain_lines(tmp_path: Path, term: str, columns: int) -> None:
    terminal = Terminal(tmp_path, term=term, columns=columns)
    terminal.child.expect(r"Storage type\s+\[localfs\]: ")  # folded, where the terminal is narrow
    assert terminal.child.getecho()
    terminal.child.sendeof()
    assert terminal.end() == 130


def test_without_utf_8_it_draws_ascii(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, lang="C")
    terminal.answer_two()
    terminal.child.send("/tmp/\xe9\r")
    terminal.child.expect_exact("[ ERROR ] ")
    terminal.child.sendcontrol("c")
    assert terminal.end() == 130


def test_the_library_is_imported_when_the_first_question_is_drawn() -> None:
    looks = "import sys, hosted_setup.interview.frontends.tui; sys.exit('prompt_toolkit' in sys.modules)"
    subprocess.run([sys.executable, "-c", looks], check=True, cwd=ROOT)
