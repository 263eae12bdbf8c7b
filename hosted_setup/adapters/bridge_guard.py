"""The guard: takes the bridge back unless it is told in time to keep it.

    python -m hosted_setup.adapters.bridge_guard FOLDER SECONDS

It belongs to no session and no terminal, so it outlives whoever started it, and it knows at once when they die: its
standard input ends. Everything it needs is loaded before it says `armed`. It is told `keep` or `undo` and says what
became of it; it writes to `bridge-guard.log` in the run's folder.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
from pyroute2 import IPRoute

from hosted_setup.adapters.netlink_bridge import RECORD, exclusive, restore
from hosted_setup.adapters.readable import readable
from hosted_setup.ports.network import BridgeChange

LOG: Final = "bridge-guard.log"
ARMED, KEEP, KEPT, UNDO, UNDONE = "armed", "keep", "kept", "undo", "undone"


def main(folder: Path, seconds: float) -> None:
    """See the module."""
    if os.fork():
        return
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)  # the last thing that may happen is that the host stays cut off
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    with exclusive(folder), IPRoute() as netlink:
        change = msgspec.json.decode((folder / RECORD).read_bytes(), type=BridgeChange)
        _say(ARMED)
        reason = _wait(seconds)
        if reason == KEEP:
            _say(KEPT)
            return
        _log(f"taking {change.bridge} back: {reason}")
        done = restore(netlink, change)
        _log("done" if done else "it was not there")
        _say(UNDONE)


def _wait(seconds: float) -> str:
    if not readable(sys.stdin.fileno(), seconds):
        return f"not kept within {seconds:g} s"
    word = os.read(sys.stdin.fileno(), 64).decode().strip()
    return word or "the installer has ended"


def _say(word: str) -> None:
    try:
        os.write(sys.stdout.fileno(), f"{word}\n".encode())
    except BrokenPipeError:
        _log(f"nobody heard: {word}")


def _log(text: str) -> None:
    os.write(sys.stderr.fileno(), f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
