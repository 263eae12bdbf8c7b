"""Secrets through a descriptor and from a program, for a new run and for a resume; each way that fails is told."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.interview.secrets import MOST
from hosted_setup.testing.behaviour import RESTORE_FAILS
from hosted_setup.testing.portrait import changes, portrait
from tests.flow.program import ADMIN, ROOT, SECRETS, Done, Program

if TYPE_CHECKING:
    from collections.abc import Callable

LINES: Final = SECRETS.partition("\n")[2]


def passing(descriptor: int) -> int:
    """Make a descriptor look like one that a shell has passed."""
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes no keyword
    return descriptor


def passed(text: str) -> int:
    """Give a descriptor to read `text` from."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return passing(reading)


def deploy(program: Program, *arguments: str) -> Done:
    return program("deploy", f"--config-append={program.inputs.answers}", *arguments)


@pytest.fixture
def helper(tmp_path: Path) -> Callable[[str], str]:
    """Give the command that runs a program of ours."""

    def write(code: str) -> str:
        path = tmp_path / "helper with blank.py"
        path.write_text(f"import os, sys\n{code}\n")
        return f"{sys.executable} '{path}'"

    return write


def printing(program: Program) -> str:
    return f"sys.stdout.write(open({str(program.inputs.secrets)!r}).read())"


@pytest.mark.parametrize("text", [LINES, SECRETS])
def test_a_descriptor(program: Program, text: str) -> None:
    number = passed(text)
    done = deploy(program, f"--secret-fd={number}")
    assert done.code == 0, done.out
    assert f"********  (--secret-fd={number}:" in done.out
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_program(program: Program, helper: Callable[[str], str], capfd: pytest.CaptureFixture[str]) -> None:
    command = helper(f"sys.stderr.write('asking the vault'); {printing(program)}")
    done = deploy(program, f"--secret-command={command}")
    assert done.code == 0, done.out
    assert "********  (--secret-command:" in done.out
    assert capfd.readouterr().err == "asking the vault"


def test_a_program_inherits_no_secret_and_no_input(
    program: Program, helper: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_ENGINE_SECRET_ADMIN_PASSWORD", ADMIN)
    check = (
        "bad = 'HOSTED_ENGINE_SECRET_ADMIN_PASSWORD' in os.environ or sys.stdin.read(); sys.exit(7) if bad else None"
    )
    done = deploy(program, f"--secret-command={helper(f'{check}; {printing(program)}')}")
    assert done.code == 0, done.out


def fail(program: Program, source: str) -> None:
    """Leave a run that failed in the restore."""
    guest = program.world.behaviour.guest
    good, guest.restore = guest.restore, RESTORE_FAILS
    assert deploy(program, f"--restore-from-file={program.inputs.archive}", source).code == 4
    guest.restore = good


def test_a_resume_asks_the_same_program_again(program: Program, helper: Callable[[str], str]) -> None:
    fail(program, f"--secret-command={helper(printing(program))}")
    done = program("deploy", "--resume")
    assert done.code == 0, done.out


def test_a_resume_needs_the_descriptor_again(program: Program) -> None:
    fail(program, f"--secret-fd={passed(LINES)}")
    before = portrait(program.world)
    refused = program("deploy", "--resume")
    assert refused.code == 2
    assert "The run began with --secret-fd, which cannot be read again" in refused.out
    assert refused.out.count("HE-ANSWERS-MISSING") == 2
    assert changes(before, portrait(program.world)) == {}
    done = program("deploy", "--resume", f"--secret-fd={passed(LINES)}")
    assert done.code == 0, done.out


def test_the_later_source_wins(program: Program) -> None:
    number = passed(f"OVEHOSTED_ENGINE/adminPassword=str:{ADMIN}\n")
    done = program.deploy(f"--secret-fd={number}")
    assert done.code == 0, done.out
    assert f"********  (--secret-fd={number}:1)" in done.out
    assert f"********  ({program.inputs.secrets}:3)" in done.out


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (b"x" * (MOST + 1), "HE-SECRETS-SOURCE", f"more than {MOST} bytes"),
        (b"\xff\xfe", "HE-SECRETS-SOURCE", "not UTF-8"),
        (f"adminPassword {ROOT}\n".encode(), "HE-ANSWERS-SYNTAX", "FAMILY/name=type:value"),
        (f"OVEHOSTED_ENGINE/adminPasswort=str:{ROOT}\n".encode(), "HE-ANSWERS-KEY", "OVEHOSTED_ENGINE/adminPassword?"),
        (b"OVEHOSTED_ENGINE/adminPassword=str:\n", "HE-ANSWERS-VALUE", "must not be empty"),
    ],
)
def test_what_a_descriptor_must_not_give(program: Program, text: bytes, code: str, words: str) -> None:
    file = program.inputs.folder / "stream"
    file.write_bytes(text)
    number = passing(os.open(file, os.O_RDONLY))
    before = portrait(program.world)
    done = deploy(program, f"--secret-fd={number}")
    assert done.code == 2
    assert code in done.out
    assert words in done.out
    assert ROOT not in done.out
    assert "hosted-engine deploy --help" in done.out
    assert changes(before, portrait(program.world)) == {}


def test_a_descriptor_of_our_own_is_not_read(program: Program) -> None:
    own = os.open(program.inputs.secrets, os.O_RDONLY)
    done = deploy(program, f"--secret-fd={own}")
    assert done.code == 2
    assert "HE-SECRETS-SOURCE" in done.out
    assert "no such descriptor was passed" in done.out
    os.close(own)


def test_a_descriptor_that_never_ends(program: Program) -> None:
    reading, writing = os.pipe()
    done = deploy(program, f"--secret-fd={passing(reading)}", "--timeout-factor=0.01")
    os.close(writing)
    assert done.code == 2
    assert "it does not end within 0.6 s" in done.out


@pytest.mark.parametrize("number", ["1", "2", "-1", "x"])
def test_a_descriptor_that_cannot_be_meant(program: Program, number: str) -> None:
    done = deploy(program, f"--secret-fd={number}")
    assert done.code == 2
    assert "argument --secret-fd" in done.out


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sys.exit(3)", "ended with 3"),
        ("os.kill(os.getpid(), 9)", "ended with -9"),
        ("import time; time.sleep(60)", "does not end within 0.6 s"),
        ("os.close(1); import time; time.sleep(60)", "does not end within 0.6 s"),
        (f"sys.stdout.write('x' * {MOST + 1})", f"more than {MOST} bytes"),
    ],
)
def test_a_program_that_gives_none(program: Program, helper: Callable[[str], str], code: str, words: str) -> None:
    quick = ("--timeout-factor=0.01",) if "sleep" in code else ()
    before = portrait(program.world)
    done = deploy(program, f"--secret-command={helper(code)}", *quick)
    assert done.code == 2
    assert "HE-SECRETS-SOURCE" in done.out
    assert words in done.out
    assert changes(before, portrait(program.world)) == {}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/nowhere/helper x", "/nowhere/helper: No such file or directory"),
        ("'unclosed", "cannot be split into words"),
        (" ", "it is empty"),
    ],
)
def test_a_command_that_cannot_be_started(program: Program, command: str, words: str) -> None:
    done = deploy(program, f"--secret-command={command}")
    assert done.code == 2
    assert "HE-SECRETS-SOURCE" in done.out
    assert words in done.out
