"""The system's clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `ports.clock.Clock`."""

    def now(self) -> datetime:
        """Give the time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds since some fixed point."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)
