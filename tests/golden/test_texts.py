"""The plan, and the help, as the operator sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hosted_plugins import COMMANDS
from hosted_setup import cli
from hosted_setup.interview import dialect
from hosted_setup.registry import Registry
from hosted_setup.storage import discovery

if TYPE_CHECKING:
    from tests.golden.plugin import Golden


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("HOSTED_ENGINE_ROOT", raising=False)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        code = cli.main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 0
    return capsys.readouterr().out


def test_the_plan_of_a_deploy(golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    golden.check("plan/deploy.txt", shown(capsys, "deploy", "--plan"))


def test_the_schema_of_the_answers(golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    golden.check("../../docs/answers.json", shown(capsys, "answers", "schema"))


def test_the_schema_of_the_machine_dialect(golden: Golden) -> None:
    golden.check("../../docs/machine-dialect.json", json.dumps(dialect.schema(), indent=2) + "\n")


def test_the_schema_of_what_is_discovered(golden: Golden) -> None:
    golden.check("../../docs/storage-discovery.json", json.dumps(discovery.schema(), indent=2) + "\n")


def test_the_help(golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    golden.check("help/hosted-engine.txt", shown(capsys, "--help"))


@pytest.mark.parametrize("name", [command.name for command in Registry(COMMANDS, third_parties=False).commands()])
def test_the_help_of_each_command(name: str, golden: Golden, capsys: pytest.CaptureFixture[str]) -> None:
    golden.check(f"help/{name}.txt", shown(capsys, name, "--help"))
