"""Programs that may hang with a server: run to their end, or killed in time with all that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
from threading import Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

DIES_WITHIN: Final = 2.0
"""Seconds that a killed program may take to end; one that the kernel holds (state D) dies whenever it is let go."""


def search_path() -> str:
    """Give where programs are looked for: the system's own, too, which a user's PATH may leave out."""
    return f"{os.environ.get('PATH', os.defpath)}:/sbin:/usr/sbin"


def run_within(within: float, command: Sequence[str]) -> tuple[int, str]:
    """Run a program, found on `search_path`: its exit code, and what it says on its standard error.

    Raises:
        TimeoutError: it has not ended within so many seconds, and was killed; by then DIES_WITHIN may have passed, too.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace", env={"LC_ALL": "C.UTF-8", "PATH": search_path()}, start_new_session=True,
    )  # fmt: skip
    try:
        said = process.communicate(timeout=within)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its helpers too
        if process.stderr:
            process.stderr.close()  # what has left the group may hold it open for ever
        reaper = Thread(target=process.wait, daemon=True)
        reaper.start()
        reaper.join(DIES_WITHIN)
        raise TimeoutError from None
    return process.returncode, said
