"""Waiting for something to read, for a time; select(2) would refuse descriptors from 1024 on."""

from __future__ import annotations

import math
import select


def readable(descriptor: int, within: float | None) -> bool:
    """Tell whether there is something to read, or the end, within so many seconds; None waits for ever."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if within is None else math.ceil(1000 * max(0.0, within))))
