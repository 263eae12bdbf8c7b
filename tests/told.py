"""Which texts the tests have met: with `--every-text`, one that none of them has makes the run a failed one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

from hosted_setup.model.messages import TOLD
from tests.workers import is_worker
from tools.catalogue import literals

NOTES: Final = ".pytest_cache/texts-told"  # a unit test may write there
UNTOLD: Final = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option; it makes sense with the whole suite only."""
    parser.addoption("--every-text", action="store_true", help="fail at the end over each text that no test has met")


def pytest_configure(config: pytest.Config) -> None:
    """Have this process, and those it starts, note every text."""
    if config.getoption("--every-text") and not is_worker(config):
        path = config.rootpath / NOTES
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        os.environ[TOLD] = str(path)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail over what was not told; a run that has failed already had tests that may have told it."""
    if not session.config.getoption("--every-text") or is_worker(session.config) or session.exitstatus:
        return
    told = {json.loads(line) for line in Path(os.environ[TOLD]).read_text().splitlines()}
    untold = [f"{at[0].path}:{at[0].line}: {text!r}" for text, at in literals().items() if text not in told]
    session.config.stash[UNTOLD] = sorted(untold)
    if untold:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name them."""
    for place in config.stash.get(UNTOLD, []):
        terminalreporter.write_line(f"no test has told {place}", red=True)
