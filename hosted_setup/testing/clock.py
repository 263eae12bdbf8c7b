"""A clock on which waiting takes no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

EPOCH: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """Implements `ports.clock.Clock`: `sleep` moves the time, nothing else does."""

    def __init__(self, path: Path) -> None:
        """Keep the time in `path`."""
        self._path = path
        self._lock = Lock()  # checks run side by side

    def now(self) -> datetime:
        """Give the time of day, in UTC."""
        return EPOCH + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Give seconds since the world began."""
        return float(self._path.read_text()) if self._path.exists() else 0.0

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        with self._lock:
            later = self.monotonic() + seconds
            beside = self._path.with_name(f".{self._path.name}")
            beside.write_text(repr(later))
            beside.replace(self._path)
