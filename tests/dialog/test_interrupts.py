"""A signal ends the program wherever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Final

import pytest

PROGRAM: Final = """
import os, sys, time
from hosted_setup.adapters.interrupts import end_on_signals

class Dropped:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(0)

end_on_signals()
try:
    Dropped()
    time.sleep(60)
except BaseException as error:
    print(type(error).__name__, error)
"""
TOLD: Final = {
    signal.SIGINT: "KeyboardInterrupt",
    signal.SIGTERM: "Interrupted SIGTERM",
    signal.SIGHUP: "Interrupted SIGHUP",
}


@pytest.mark.parametrize("number", TOLD, ids=lambda number: number.name)
def test_one_that_comes_where_python_drops_exceptions_is_not_lost(number: signal.Signals) -> None:
    # Tests may run where SIGINT is ignored, which would be inherited.
    command = ["env", "--default-signal=INT", sys.executable, "-c", PROGRAM, str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert (done.stdout.strip(), done.stderr) == (TOLD[number], "")
