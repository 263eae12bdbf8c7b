"""Pauses that an operator asks for: the run waits in the middle, until it is told to go on or its time is up.

A pause is a file in the run's folder, as the original's lock file is one: the run waits until it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hosted_plugins.backup import Backup
from hosted_setup.model.question import ask, section

AFTER_RESTORE: Final = "HOSTED_ENGINE/pauseAfterRestore"
AFTER_HOST: Final = "OVEHOSTED_CORE/pauseonRestore"
FILE: Final = "paused"
"""In the run's folder, while the run waits: until when, in words for the operator."""


def _restores(backup: Backup) -> bool:
    return backup.facts is not None


@section("Engine")
class PauseAnswers:
    """Where the run waits for its operator."""

    after_restore: bool = ask(
        "Pause after the backup is restored", key=AFTER_RESTORE, default=False, when=_restores, asked=False,
        help="Before engine-setup runs, with the engine's databases in place; --pause-after=restore says the same.",
    )  # fmt: skip
    after_host: bool = ask(
        "Pause after this host is added", key=AFTER_HOST, default=False, asked=False,
        help="With the engine at work and this host in it; --pause-after=host says the same.",
    )  # fmt: skip


@dataclass(frozen=True)
class Attendance:
    """Who is there for a pause: whether this process was begun at a terminal; in which steps earlier ones ended."""

    terminal: bool
    ended_in: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RestorePaused:
    """The pause after the restore is over, or there was none."""


@dataclass(frozen=True)
class HostPaused:
    """The pause after the host was added is over, or there was none."""
