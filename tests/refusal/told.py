"""What the program told an operator, taken apart; and whether the command it names exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup import cli
from hosted_setup.adapters import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD: Final = r"(HE-[A-Z0-9-]+): (.+)"
ERROR: Final = r"\[ ERROR \] "
WARNING: Final = r"\[WARNING\] "
INDENT: Final = " " * 10
LABEL: Final = re.compile(r"(What|Why|Where|Next|Else): +(.+)|(?: {7})(.+)")
ON_THE_ENGINE: Final = {"engine-backup"}
"""Programs of the old engine, where the hint sends the operator."""


@dataclass
class Told:
    """One problem as it stands on the screen."""

    code: str
    title: str
    parts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """Give the command to run next: the last line of what stands at `Next`."""
        return self.parts["Next"][-1]

    def text(self, part: str) -> str:
        """Give a part as one line."""
        return " ".join(self.parts.get(part, ()))


@dataclass
class Refusal:
    """How a run that was refused has ended."""

    exit_code: int
    out: str

    @property
    def told(self) -> list[Told]:
        """Give the problems in the order in which they were told."""
        return list(_problems(self.out, ERROR))

    @property
    def warned(self) -> list[Told]:
        """Give the warnings of the checks in the order in which they were told."""
        return list(_problems(self.out, WARNING))

    @property
    def codes(self) -> list[str]:
        """Give their codes."""
        return [one.code for one in self.told]


def _problems(out: str, mark: str) -> Iterator[Told]:
    one: Told | None = None
    part = ""
    for line in out.splitlines():
        head = re.fullmatch(mark + HEAD, line)
        if head or not line.startswith(INDENT):
            if one is not None:
                yield one
            one = Told(head[1], head[2]) if head else None
        elif one is not None and (found := LABEL.fullmatch(line.removeprefix(INDENT))):
            part = found[1] or part
            one.parts.setdefault(part, []).append(found[2] or found[3])
    if one is not None:
        yield one


def assert_well_told(one: Told) -> None:
    """Assert that an operator learns what is wrong, why or where, and a command to run next that exists."""
    assert one.text("What"), one
    assert one.text("Why") or one.text("Where"), one
    assert len(one.parts.get("Next", ())) >= 2, one  # the advice, and the command
    for command in re.split(r" && | \|\| |; ", one.command):
        _assert_exists(shlex.split(command))


def _assert_exists(words: list[str]) -> None:
    program, *rest = words
    if program == "hosted-engine":
        assert _parses(rest), words
    elif program not in ON_THE_ENGINE:
        assert shutil.which(program), words
    if program == "virsh":
        name = next(word for at, word in enumerate(rest) if not word.startswith("-") and rest[at - 1] != "-c")
        subprocess.run(["virsh", "help", name], check=True, capture_output=True)
    if program == "apt-get":
        assert rest[0] == "install", words
        subprocess.run(["dpkg-query", "--status", *rest[1:]], check=True, capture_output=True)


def _parses(arguments: list[str]) -> bool:
    """Tell whether our own parser takes the command, without running it."""
    commands = {name: replace(one, run=lambda *_: 0) for name, one in cli._commands(third_parties=False).items()}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()):
        patch.setattr(cli, "_commands", lambda third_parties: commands)
        patch.setattr(interrupts, "end_on_signals", lambda: None)
        try:
            return cli.main(arguments) == 0
        except SystemExit as end:
            return end.code == 0
