"""Which texts the tests have met: with `--every-text`, one that none of them has fails the last test of all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.model.messages import TOLD

if TYPE_CHECKING:
    from collections.abc import Callable

NOTES: Final = ".pytest_cache/texts-told"  # a unit test may write there


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option; it makes sense with the whole suite only."""
    parser.addoption("--every-text", action="store_true", help="fail at the end over each text that no test has met")


def pytest_configure(config: pytest.Config) -> None:
    """Have this process, and those it starts, note every text."""
    if config.getoption("--every-text"):
        path = config.rootpath / NOTES
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        os.environ[TOLD] = str(path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what is to come last at the end, or leave it out."""
    last = [item for item in items if item.get_closest_marker("last")]
    items[:] = [item for item in items if item not in last]
    if config.getoption("--every-text"):
        items += last
    elif last:
        config.hook.pytest_deselected(items=last)


@pytest.fixture
def texts_told() -> Callable[[], set[str]]:
    """Give what reads the texts that were told so far."""
    return lambda: {json.loads(line) for line in Path(os.environ[TOLD]).read_text().splitlines()}
