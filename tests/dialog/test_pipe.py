"""The plain and the replay frontend without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.messages import TOLD
from tests.unit.interview.sections import FQDN, PASSWORD, VCPUS

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
CANARY = "kan4r1-Vogel"
VARIABLE = "HOSTED_ENGINE_SECRET_ADMIN_PASSWORD"


def hold(
    kind: str, out: Path, *files: Path, replies: str = "", environ: Mapping[str, str] | None = None, code: int = 0
) -> str:
    """Hold an interview; give everything it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.dialog.interview_program", kind, str(out), *map(str, files)],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", TOLD) if name in os.environ}
        | {"LANG": "C.UTF-8", **(environ or {})},
        input=replies,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    return done.stdout


def answers(path: Path, *lines: str, mode: int = 0o600) -> Path:
    path.write_text("\n".join(["[environment:default]", *lines, ""]))
    path.chmod(mode)
    return path


def test_replies_through_a_pipe(tmp_path: Path) -> None:
    replies = f"4096\n\n\n\nengine.example.com\n{CANARY}\n{CANARY}\nyes\n"
    shown = hold("plain", tmp_path / "out", replies=replies)
    assert "          Engine admin password: " in shown
    assert "[ INFO  ] Waiting for the engine: 00:00" in shown
    assert "\r" not in shown
    assert "\x1b" not in shown
    assert CANARY not in shown
    assert CANARY not in (tmp_path / "out").read_text()


def test_the_end_of_the_replies_is_an_abort(tmp_path: Path) -> None:
    assert "Aborted" in hold("plain", tmp_path / "out", replies="4096\n", code=130)


def test_a_written_file_replays(tmp_path: Path) -> None:
    replies = f"4096\n\n\n\nengine.example.com\n{CANARY}\n{CANARY}\nyes\n"
    hold("plain", tmp_path / "first", replies=replies)
    shown = hold("replay", tmp_path / "second", tmp_path / "first", environ={VARIABLE: CANARY})
    assert f"({tmp_path}/first:4)" not in shown
    assert f"({tmp_path}/first:5)" in shown
    assert CANARY not in shown
    assert (tmp_path / "second").read_text() == (tmp_path / "first").read_text()


def test_replay_never_reads(tmp_path: Path) -> None:
    read, write = os.pipe()  # nothing is ever written: a program that reads it waits for good
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.dialog.interview_program", "replay", str(tmp_path / "out")],
            cwd=ROOT,
            stdin=read,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        os.close(read)
        os.close(write)
    assert done.returncode == 2
    assert done.stdout.count("[ ERROR ] HE-ANSWERS-MISSING: ") == 1
    assert f"          What:  Engine admin password ({PASSWORD})\n" in done.stdout


def test_wrong_and_missing_answers_are_all_told(tmp_path: Path) -> None:
    path = answers(tmp_path / "a.conf", f"{VCPUS}=str:four", "OVEHOSTED_VM/vmVcpu=str:2")
    shown = hold("replay", tmp_path / "out", path, code=2)
    codes = [line.split()[3].rstrip(":") for line in shown.splitlines() if line.startswith("[ ERROR ]")]
    assert codes == ["HE-ANSWERS-KEY", "HE-ANSWERS-VALUE", "HE-ANSWERS-MISSING"]
    assert f"          Where: {path}:2\n" in shown
    assert f"          Where: {path}:3\n" in shown
    assert f"                 sed -n 3p {path}\n" in shown


def secret_in_a_public_file(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", f"{PASSWORD}=str:{CANARY}", mode=0o644), {}, "HE-SECRETS-MODE"


def secret_without_its_type(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", f"{PASSWORD}={CANARY}"), {}, "HE-ANSWERS-TYPE"


def secret_of_another_type(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", f"{PASSWORD}=bool:{CANARY}"), {}, "HE-ANSWERS-BOOL"


def secret_under_a_wrong_key(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", f"{PASSWORD}s=str:{CANARY}"), {}, "HE-ANSWERS-KEY"


def secret_without_a_key(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", CANARY), {}, "HE-ANSWERS-SYNTAX"


def secret_twice(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", *[f"{PASSWORD}=str:{CANARY}"] * 2), {}, "HE-ANSWERS-DUPLICATE"


def secret_with_a_control_character(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a", f"{PASSWORD}=str:{CANARY}\x07"), {}, "HE-ANSWERS-SYNTAX"


def secret_of_a_wrong_variable(root: Path) -> tuple[Path, dict[str, str], str]:
    return answers(root / "a"), {f"{VARIABLE}S": CANARY}, "HE-ANSWERS-KEY"


@pytest.mark.parametrize(
    "make",
    [
        secret_in_a_public_file,
        secret_without_its_type,
        secret_of_another_type,
        secret_under_a_wrong_key,
        secret_without_a_key,
        secret_twice,
        secret_with_a_control_character,
        secret_of_a_wrong_variable,
    ],
)
def test_no_mistake_shows_the_secret(tmp_path: Path, make: object) -> None:
    assert callable(make)
    path, environ, code = make(tmp_path)
    out = tmp_path / "out"
    shown = hold("replay", out, path, environ=environ, code=2)
    assert code in shown
    assert CANARY not in shown
    assert CANARY not in out.read_text()


@pytest.mark.parametrize("source", ["file", "environment"])
def test_a_secret_from_elsewhere_is_shown_nowhere(tmp_path: Path, source: str) -> None:
    secret = [f"{PASSWORD}=str:{CANARY}"] if source == "file" else []
    path = answers(tmp_path / "a.conf", f"{FQDN}=str:engine.example.com", *secret)
    environ = {VARIABLE: CANARY} if source == "environment" else {}
    shown = hold("replay", tmp_path / "out", path, environ=environ)
    assert "Engine admin password                   : ********" in shown
    assert CANARY not in shown
    assert CANARY not in (tmp_path / "out").read_text()
