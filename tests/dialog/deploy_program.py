"""`hosted-engine` over a pretended world, for tests that take its terminal away.

The first argument is the folder of the world; the rest is the command line. As long as there is a file `hold` beside
the world the run waits after its first change. SIGNAL_AT_ONCE is the number of a signal that comes as
soon as the work goes on in another process, SIGNAL_BEFORE that of one that comes while that is awaited. With
THREAD_HANGS a look at the host does not end.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hosted_setup import cli
from hosted_setup.adapters import background
from hosted_setup.pipeline.journal import Intent, Record
from hosted_setup.pipeline.session import new_run_id
from hosted_setup.testing.world import World

if TYPE_CHECKING:
    import argparse

    from hosted_setup.model.events import Reporter
    from hosted_setup.ports.host import Host


class App(cli.RealApp):
    """The program, wired to the pretended world in `folder`."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        super().__init__(options)
        self._world = World.reopen(folder)
        self._hold = folder.with_name("hold")

    def host(self, run_id: str, reporter: Reporter) -> Host:
        return self._world.host(run_id, reporter, self._options.timeout_factor)

    def now_id(self) -> str:
        return new_run_id(self._world.clock.now())

    def detach(self, output: Path) -> int | None:
        if "THREAD_HANGS" in os.environ:
            vars(background)["_THREADS_WITHIN"] = 0.1
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        if "SIGNAL_BEFORE" in os.environ:
            number = int(os.environ["SIGNAL_BEFORE"])
            threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        other = super().detach(output)
        if other and "SIGNAL_AT_ONCE" in os.environ:
            os.kill(os.getpid(), int(os.environ["SIGNAL_AT_ONCE"]))
        return other

    def observe(self, when: str, record: Record) -> None:
        while when == "before" and isinstance(record, Intent) and record.number and self._hold.exists():
            time.sleep(0.01)


def main(folder: str, *arguments: str) -> int:
    """Call the program; give its exit code."""
    world = Path(folder)
    vars(cli)["RealApp"] = lambda options: App(options, world)
    return cli.main([arguments[0], f"--root={world / 'host'}", *arguments[1:]])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
