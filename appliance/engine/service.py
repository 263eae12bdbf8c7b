"""The engine service as seen by the tools."""

from __future__ import annotations

import fcntl
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

from . import paths

NAME = "ovirt-engine"


def booted() -> bool:
    """Tell whether there is a service manager to ask: not in a chroot, not for a tree under a prefix."""
    return not paths.PREFIX and Path("/run/systemd/system").is_dir()


def _lock_path() -> Path:
    return paths.RUN / "engine.lock"


def hold_lock() -> IO[str] | None:
    """Take the lock that a running engine holds for its whole life; nothing when another one has it."""
    paths.RUN.mkdir(parents=True, exist_ok=True)
    handle = _lock_path().open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def active() -> bool:
    """Tell whether an engine is running, or about to be started again by its service manager."""
    with suppress(FileNotFoundError), _lock_path().open("r") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return booted() and _systemctl("is-active", "--quiet", NAME).returncode == 0


def stop() -> None:
    """Stop the engine and wait until it is gone."""
    if booted():
        _systemctl("stop", NAME)


def start() -> str | None:
    """Start the engine now and at every boot; return what went wrong, if anything did."""
    _systemctl("enable", "--quiet", NAME)
    done = _systemctl("restart", NAME)
    return None if done.returncode == 0 else done.stderr.strip() or "the service did not start"


def disable() -> None:
    """Stop the engine and do not start it again."""
    if booted():
        _systemctl("disable", "--now", "--quiet", NAME)


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    environment |= {key: value for key, value in os.environ.items() if key.startswith("DBUS_")}
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, env=environment)
