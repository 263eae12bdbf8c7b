"""`hosted-engine deploy` on a pretended host, for tests that drive it through a terminal.

Arguments: a folder that is not there yet, then those of `deploy`. The work stops at the engine's commit until the file
`go-on` is in the folder, so that a test can look at it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from hosted_setup import cli
from hosted_setup.adapters.interrupts import end_on_signals
from hosted_setup.pipeline.journal import Committed, Record
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, PretendedApp, Program


def main(folder: Path, *arguments: str) -> int:
    """Run it; give the exit code."""

    def stop(when: str, record: Record) -> None:
        deadline = time.monotonic() + 120
        while (when, type(record)) == ("before", Committed) and not (folder / "go-on").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    end_on_signals()
    folder.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        program = Program(World.make(folder / "world"), Inputs.make(folder / "inputs"), patch)
        program.observe = stop
        patch.setattr(cli, "RealApp", lambda options: PretendedApp(options, program))
        return cli.main(["deploy", "--root", str(program.world.paths.root), *arguments])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
