"""Functions called with their parameters looked up by type, and the catalogue of problems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hosted_setup.interview import problems
from hosted_setup.model.lookup import call_with, needs_of
from hosted_setup.model.problem import Problem

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "answer-files.md"


@dataclass(frozen=True)
class Width:
    """A product."""

    columns: int


@dataclass(frozen=True)
class Height:
    """Another."""

    rows: int


def area(times: int, width: Width, height: Height) -> int:
    return times * width.columns * height.rows


def test_parameters_are_found_by_type() -> None:
    assert needs_of(area, 1) == (Width, Height)
    assert call_with(area, {Height: Height(3), Width: Width(2)}, 10) == 60
    assert call_with(lambda: 7, {}) == 7


def test_a_missing_product_is_named() -> None:
    with pytest.raises(TypeError, match="area asks for Height, which nothing has given yet"):
        call_with(area, {Width: Width(2)}, 1)


def test_a_bare_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="no annotation on width"):
        call_with(lambda width: width, {})


def test_every_problem_is_documented() -> None:
    text = DOCUMENT.read_text()
    codes = {code for code, one in Problem.registry.items() if one.__module__ == problems.__name__}
    assert len(codes) == 12
    assert not [code for code in codes if f"`{code}`" not in text]
