"""The set-up: what it finds missing, and what it does about it."""

import os
import sys
from pathlib import Path

import pytest

from tools import prerequisites

LIST = """
# a remark
[host]   # why
alpha
beta     # why
[test]
gamma
beta
"""


def test_groups() -> None:
    assert prerequisites.wanted(LIST, ["test"]) == ["gamma", "beta"]
    assert prerequisites.wanted(LIST, []) == ["alpha", "beta", "gamma"]


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(prerequisites.SetupError, match="unknown group hosts; known: host, test"):
        prerequisites.wanted(LIST, ["hosts"])


def test_what_dpkg_does_not_hold_is_missing() -> None:
    assert prerequisites.missing(["dpkg", "no-such-package", "base-files"]) == ["no-such-package"]


def test_this_machine_has_everything() -> None:
    assert prerequisites.missing(prerequisites.wanted(prerequisites.LIST.read_text(), [])) == []


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for dpkg and apt: nothing is installed, and what is called is written down."""
    calls = tmp_path / "calls"
    for name, code in (("dpkg-query", 1), ("dpkg", 0), ("apt-get", 0)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"{name} $*\" >>{calls}\nexit {code}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    packages = tmp_path / "packages.txt"
    packages.write_text("[test]\ngit\ntmux\n")
    monkeypatch.setattr(prerequisites, "LIST", packages)
    monkeypatch.setattr(sys, "argv", ["prerequisites.py", "--no-venv", "test"])
    return calls


def test_an_ordinary_user_is_told_the_command(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert prerequisites.main() == 2
    assert "sudo apt-get install --yes --no-install-recommends git tmux\n" in capsys.readouterr().err
    assert "apt-get" not in bare_machine.read_text()


def test_root_installs_what_is_missing(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert prerequisites.main() == 0
    programs = [line.split()[0] for line in bare_machine.read_text().splitlines() if line]
    assert programs == ["dpkg-query", "dpkg", "apt-get", "apt-get"]
    assert bare_machine.read_text().endswith("install --yes --no-install-recommends git tmux\n")


def test_a_failing_apt_is_told_with_its_last_lines(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bare_machine.with_name("apt-get").write_text("#!/bin/sh\necho E: no network\nexit 100\n")
    assert prerequisites.main() == 2
    assert "ended with 100:\nE: no network" in capsys.readouterr().err


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["prerequisites.py", "--no-venv"])
    monkeypatch.setattr(prerequisites, "OLDEST", (99, 0))
    assert prerequisites.main() == 2
    assert "Python 99.0 or later is needed" in capsys.readouterr().err
