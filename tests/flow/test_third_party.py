"""The back end that `docs/adding-a.md` shows, as somebody else's package: installed by pip, found, deployed onto."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.problem import Problem
from hosted_setup.ports.host import Host
from hosted_setup.storage.discovery import Place
from hosted_setup.testing.portrait import changes, portrait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flow.program import Program

PAGE = Path(__file__).parents[2] / "docs/adding-a.md"
LINES = 60
SETUP = """[metadata]
name = hosted-posixfs
version = 1.0

[options]
py_modules = hosted_posixfs

[options.entry_points]
hosted_setup =
    posixfs = hosted_posixfs
"""


def shown() -> str:
    """Give the page's whole module."""
    chapter = PAGE.read_text().partition("## … storage back end")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)
    return str(code)


@pytest.fixture
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install it, as a package that has nothing to do with ours but the entry point's name."""
    source, target = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "setup.cfg").write_text(SETUP)
    (source / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools"]\n')
    (source / "hosted_posixfs.py").write_text(shown())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--target", target, source], check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    monkeypatch.syspath_prepend(target)
    yield
    Problem.registry.pop("HE-POSIXFS-MISSING", None)
    sys.modules.pop("hosted_posixfs", None)


def test_it_is_short() -> None:
    assert len(shown().splitlines()) <= LINES
    assert len([one for one in ast.parse(shown()).body if isinstance(one, ast.ClassDef)]) == 3


@pytest.mark.usefixtures("_installed")
def test_it_deploys_and_is_taken_back(program: Program) -> None:
    program.answer(OVEHOSTED_STORAGE__domainType="str:posixfs")
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 0, done.out
    (domain,) = program.world.storage.iterdir()
    assert "domainType=posixfs\n" in (domain / "conf/hosted-engine.conf").read_text()
    assert '"local":false' in portrait(program.world)["entity datacenters Default"]
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}


@pytest.mark.usefixtures("_installed")
def test_its_own_problem_refuses(program: Program) -> None:
    missing = program.world.root / "nowhere"
    program.answer(
        OVEHOSTED_STORAGE__domainType="str:posixfs", OVEHOSTED_STORAGE__storageDomainConnection=f"str:{missing}"
    )
    done = program.deploy()
    assert done.code == 3, done.out
    assert "HE-POSIXFS-MISSING" in done.out
    assert f"findmnt -T {missing}" in done.out


def _found(host: Host) -> list[Place]:
    return [Place(answer=str(host.paths.mounts), description="12 TiB free")]


@pytest.mark.usefixtures("_installed")
def test_it_is_discovered_if_it_says_how(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    done = program("storage", "discover", "posixfs")
    assert (done.code, "HE-DISCOVER-KIND" in done.out) == (2, True), done.out
    monkeypatch.setattr(import_module("hosted_posixfs").PosixFs, "discover", staticmethod(_found))
    done = program("storage", "discover", "posixfs")
    assert (done.code, "WHAT IT IS" in done.out) == (0, True), done.out
    assert f"{program.world.paths.mounts}  12 TiB free" in done.out
