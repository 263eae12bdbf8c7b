"""What the interview's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.model.problem import Problem
from tests.unit.interview.sections import Backup, Facts

if TYPE_CHECKING:
    from pathlib import Path


class Files:
    """Writes answer files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, body: str, name: str = "answers.conf", *, layer: str = "default", mode: int = 0o600) -> Path:
        """Write one with `body` below a section; the first line of the body is line 2."""
        return self.raw(f"[environment:{layer}]\n{body}\n", name, mode=mode)

    def raw(self, text: str, name: str = "answers.conf", *, mode: int = 0o600) -> Path:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def products() -> dict[type[Any], Any]:
    return {Facts: Facts(memory=16000), Backup: Backup()}


def told(problems: tuple[Problem, ...] | list[Problem]) -> list[tuple[str, str]]:
    """Give code and place of each."""
    return [(problem.code, problem.where.rpartition("/")[2]) for problem in problems]
