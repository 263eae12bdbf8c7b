"""A program drives a deploy through pipes, in the machine dialect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_setup.testing.world import World
from tests.flow.program import ADMIN, ROOT, Inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE: Final = Path(__file__).resolve().parents[2]
WITHIN: Final = 60.0


class Driver:
    """Speaks with a deploy over a pretended world."""

    def __init__(self, folder: Path) -> None:
        self.world = World.make(folder / "world")
        self.inputs = Inputs.make(folder / "inputs")
        self.told: list[dict[str, Any]] = []
        self.answers = {
            "OVEHOSTED_STORAGE/storageDomainConnection": str(self.world.storage),
            "OVEHOSTED_VM/ovfArchive": str(self.inputs.appliance),
            "OVEHOSTED_NETWORK/fqdn": "engine.example.com",
            "OVEHOSTED_VM/cloudinitRootPwd": ROOT,
            "OVEHOSTED_ENGINE/adminPassword": ADMIN,
        }

    def begin(self, *arguments: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.dialog.deploy_program", self.world.root, "deploy", "--dialect=machine",
             *arguments],
            cwd=TREE, env=dict(os.environ), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def messages(self, process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
        assert process.stdout is not None
        for line in process.stdout:
            self.told.append(json.loads(line))
            yield self.told[-1]

    def drive(self, process: subprocess.Popen[str]) -> int:
        """Answer everything; give the exit code."""
        assert process.stdin is not None
        for message in self.messages(process):
            if message["type"] == "question":
                reply: dict[str, Any] = {"answer": self.answers.get(message["key"])}
            elif message["type"] == "review":
                reply = {"confirm": True}
            else:
                continue
            process.stdin.write(f"{json.dumps(reply)}\n")
            process.stdin.flush()
        return self.end(process)

    def end(self, process: subprocess.Popen[str]) -> int:
        _, errors = process.communicate(timeout=WITHIN)
        assert errors == ""
        return process.returncode


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver(tmp_path)


def test_a_program_deploys(driver: Driver) -> None:
    assert driver.drive(driver.begin()) == 0, driver.told[-5:]
    assert driver.told[-1] == {"type": "end", "v": 1, "code": 0}


def test_a_program_that_goes_away_leaves_the_host_as_it_was(driver: Driver) -> None:
    process = driver.begin()
    assert process.stdin is not None
    for message in driver.messages(process):
        if message["type"] == "question":
            process.stdin.close()
            break
    assert list(driver.messages(process))
    process.stdin = None  # closed
    assert driver.end(process) == 130
    assert driver.told[-1]["code"] == 130


def test_with_nobody_at_the_other_end_all_answers_come_from_files(driver: Driver) -> None:
    given = [f"{key}=str:{text}\n" for key, text in driver.answers.items()]
    process = driver.begin(stdin=subprocess.DEVNULL)
    assert [one["type"] for one in driver.messages(process)][-2:] == ["failed", "end"]
    assert driver.end(process) == 2
    assert {one["code"] for one in driver.told[-2]["problems"]} == {"HE-ANSWERS-MISSING"}
    driver.inputs.secrets.write_text("".join(["[environment:default]\n", *given]))
    process = driver.begin(f"--config-append={driver.inputs.secrets}", stdin=subprocess.DEVNULL)
    asked = [one for one in driver.messages(process) if one["type"] in ("question", "review")]
    assert driver.end(process) == 0, driver.told[-5:]
    assert asked == []
