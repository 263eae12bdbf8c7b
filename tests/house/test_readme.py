"""README.md: every command in it is run by something, and this file says by what."""

import re

import pytest

from tests.house.conftest import ROOT, Run

README = (ROOT / "README.md").read_text()

BY_THE_GATE = {"make test": "make --no-print-directory test", "make check": "make --no-print-directory check"}
"""What `.ci/run` runs, as it says it."""

ELSEWHERE = {
    "make demo": "tests/house/test_demo.py",
    "make demo-clean": "tests/house/test_demo.py",
    "make setup": "Makefile",  # the first step of `make check`
}
"""What another test, or a target that the gate runs, runs: the file that has to name it."""

HERE = {
    "make help": ({0}, "demo-clean"),
    "hosted-engine --help": ({0}, "deploy"),
    "hosted-engine --deploy --help": ({0}, "--restore-from-file"),
    "hosted-engine --deploy --restore-from-file=backup/file --config-append=answers.conf": ({2, 3}, "HE-"),
    "hosted-engine deploy --plan": ({0}, "Engine VM"),
    "hosted-engine deploy --resume": ({2}, "HE-RUN-NONE"),
    "hosted-engine deploy --abort": ({2}, "HE-RUN-NONE"),
    "hosted-engine cleanup": ({0}, ""),
    "hosted-engine support-bundle": ({0}, ""),
    "hosted-engine storage discover fc": ({0}, ""),
}
"""What is run here, on a host where nothing is deployed: exit codes that may come, and a text that has to."""

IN_WORDS = {"hosted-engine", "hosted-engine COMMAND", "hosted-engine --COMMAND", ".venv/bin/hosted-engine"}
"""What stands in a sentence and is no command."""


def commands() -> set[str]:
    """Give the lines of the shell blocks, and what stands in a sentence and begins like one of our commands."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    found = {line.strip() for block in blocks for line in block.splitlines() if line.strip()}
    sentences = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    found |= {
        re.sub(r"\s+", " ", text) for text in re.findall(r"`((?:make|hosted-engine|\.venv/bin)\b[^`]*)`", sentences)
    }
    return found - IN_WORDS


def test_every_command_is_run_by_something() -> None:
    assert commands() == set(BY_THE_GATE) | set(ELSEWHERE) | set(HERE)


def test_the_gate_runs_what_it_should() -> None:
    gate = (ROOT / ".ci" / "run").read_text().splitlines()
    assert set(BY_THE_GATE.values()) <= set(gate)


@pytest.mark.parametrize("command", sorted(ELSEWHERE))
def test_the_other_place_runs_it(command: str) -> None:
    target = command.removeprefix("make ")
    assert re.search(rf"\b{target}\b", (ROOT / ELSEWHERE[command]).read_text())


@pytest.mark.parametrize("command", sorted(HERE))
def test_it_runs(command: str, run: Run) -> None:
    codes, text = HERE[command]
    done = run(*command.split(), cwd=ROOT if command.startswith("make") else run.root)
    said = done.stdout + done.stderr
    assert done.returncode in codes, said
    assert text in said
    assert "Traceback" not in said


def test_the_first_two_commands_are_the_demo_and_the_tests() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert [block.strip() for block in blocks[:2]] == ["make demo", "make test"]


def test_it_says_what_it_is_not() -> None:
    text = re.sub(r"[\s*]+", " ", README)
    for phrase in ("compatible with", "mark of its owner", "not affiliated", "is not oVirt"):
        assert phrase in text
