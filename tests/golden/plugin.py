"""Golden files: texts that are compared as a whole; `--regenerate` writes them anew, and git shows what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent


class Golden:
    """Compares texts with the files in `tests/golden`."""

    def __init__(self, *, regenerate: bool) -> None:
        self._regenerate = regenerate

    def check(self, name: str, text: str) -> None:
        """Compare `text` with the golden file `name`; with `--regenerate`, make it that file's content."""
        path = FOLDER / name
        if self._regenerate:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is missing: run this test with --regenerate and look at what it wrote"
        assert text == path.read_text()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Give the golden files."""
    return Golden(regenerate=bool(request.config.getoption("--regenerate")))
