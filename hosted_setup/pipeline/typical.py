"""How long waits usually take: measured in earlier runs of this host, told in the next."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.model.events import End, Event, Reporter, Waiting
from hosted_setup.model.problem import ExitCode
from hosted_setup.pipeline.event_file import EVENTS, Follower

if TYPE_CHECKING:
    from pathlib import Path

_RUNS: Final = 5
_LARGEST: Final = 8 << 20
"""Bytes: a longer file of events is left out, so that a run begins at once."""


class Typical:
    """Passes events on to `reporter`; a wait that does not know how long it usually takes is told.

    Args:
        reporter: takes the events.
        runs: the folder of runs; the latest that came to a good end are looked at, when the first wait begins.
    """

    def __init__(self, reporter: Reporter, runs: Path) -> None:
        """See the class."""
        self._reporter = reporter
        self._runs = runs

    def emit(self, event: Event) -> None:
        """Pass `event` on."""
        if isinstance(event, Waiting) and event.typical is None:
            event = msgspec.structs.replace(event, typical=self._seconds.get(event.kind))
        self._reporter.emit(event)

    @cached_property
    def _seconds(self) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        latest = sorted(self._runs.glob(f"*/{EVENTS}"), reverse=True)
        fit = (path for path in latest if path.stat().st_size <= _LARGEST)
        for measured in islice(filter(None, map(_measured, fit)), _RUNS):
            for kind, seconds in measured.items():
                found.setdefault(kind, []).append(seconds)
        return {kind: median(seconds) for kind, seconds in found.items()}


def _measured(path: Path) -> dict[str, float]:
    """Give the seconds each wait of a run took; none unless it came to a good end."""
    messages = Follower(path).news() or ()
    if not messages or messages[-1] != End(ExitCode.DONE):
        return {}
    return {one.kind: one.elapsed for one in messages if isinstance(one, Waiting)}
