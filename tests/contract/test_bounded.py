"""Programs that do not end when they are told to: given up in time, whatever of them goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.adapters.bounded import DIES_WITHIN, run_within
from hosted_setup.adapters.kernel_mounts import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

WITHIN: Final = 0.5
IN_TIME: Final = 3 * (WITHIN + DIES_WITHIN)
LONG: Final = "60"
FREEZE: Final = "mount -o loop {disk} /mnt && fsfreeze --freeze /mnt && echo frozen && read _; fsfreeze --unfreeze /mnt"


def test_what_a_program_has_started_may_hold_its_pipe(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        # In a session of its own it is not ended along with its maker.
        run_within(WITHIN, ["sh", "-c", f"setsid sh -c 'echo $$ > {pid}; exec sleep {LONG}'"])
    assert time.monotonic() - begun < IN_TIME
    os.kill(int(pid.read_text()), signal.SIGKILL)  # it was there all the time


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[int]:
    """Give a process in whose mount namespace nothing can be written to /mnt, nor a writer be killed."""
    disk = tmp_path / "disk"
    with disk.open("xb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", disk], check=True)
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", FREEZE.format(disk=disk)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "frozen\n"
        yield holder.pid  # its input ends here, and with it the frost


def test_a_program_that_the_kernel_holds_cannot_be_killed(frozen: int) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError) as given_up:
        run(["nsenter", f"--target={frozen}", "--mount", "touch", "/mnt/file"], WITHIN)
    assert time.monotonic() - begun < IN_TIME
    assert given_up.value.strerror == "nsenter did not end within 0.5 s"
    assert "D" in _states("touch /mnt/file"), "it has died of the signal, so nothing was shown"


def _states(command: str) -> str:
    done = subprocess.run(["ps", "-eww", "-o", "stat=,args="], check=True, capture_output=True, text=True)
    return "".join(line[0] for line in done.stdout.splitlines() if line.endswith(f" {command}"))
