"""A pretended world with the program in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosted_setup.model import secret
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync nothing: no power fails here, and what a killed process has written is there all the same."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path / "world")


@pytest.fixture
def program(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr(secret, "_known", set())  # a process of its own has heard of no secret yet
    return Program(world, Inputs.make(tmp_path / "inputs"), monkeypatch)
