"""A storage path on a file system that hangs, at a real terminal: the question stays, and another path is taken."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"}


@pytest.mark.parametrize("dialect", ["tui", "plain"])
def test_a_path_that_hangs_is_refused_in_its_time_and_another_one_taken(tmp_path: Path, dialect: str) -> None:
    hung, run = tmp_path / "hung", tmp_path / "run"
    hung.mkdir()
    program = [sys.executable, "-m", "tests.dialog.hung_program", hung, run, "--timeout-factor=0.1"]
    child: pexpect.spawn[str] = pexpect.spawn(
        "unshare", ["--mount", *map(str, program), f"--dialect={dialect}"], cwd=str(ROOT), env=ENVIRONMENT,
        encoding="utf-8", dimensions=(24, 200), timeout=60,
    )  # fmt: skip
    child.delaybeforesend = None
    clear = "\x15"  # Ctrl-U: what was refused stands there to be mended, or nothing does
    child.expect_exact("Storage type")
    child.send("\r")
    child.expect_exact("Path of the storage")
    child.send(f"{hung}/storage\r")
    child.expect_exact("[ ERROR ] it cannot be checked: nothing answers within 0.7 s. Does a server hang")
    child.expect_exact("Path of the storage")
    child.send(f"{clear}{hung}/\t")  # nor does completion wait for it
    child.send(f"{clear}{run}/world/storage\r")
    child.expect_exact("Network mode")
    child.sendeof()
    child.expect_exact("Interrupted by the operator.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    (kept,) = run.rglob("answers/answers-*.conf")
    assert f"str:{run}/world/storage\n" in kept.read_text()
