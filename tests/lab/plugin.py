"""The laboratory as pytest fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def lab() -> Iterator[Laboratory]:
    """Give the laboratory that the tests of this run share; each uses names and folders of its own."""
    with Laboratory() as laboratory:
        yield laboratory
