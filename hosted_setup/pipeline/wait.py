"""Waiting: the one loop that polls, with a deadline and with progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hosted_setup.model.events import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosted_setup.ports.host import Host

T = TypeVar("T")


class DeadlineExceeded(Exception):  # noqa: N818 - callers turn it into the Problem of what they waited for
    """The wait's time is up."""


def wait_until(  # noqa: PLR0913 - each is part of what a wait is
    host: Host,
    probe: Callable[[], T | None],
    *,
    within: float,
    what: str,
    every: float = 0.5,
    typical: float | None = None,
) -> T:
    """Poll `probe` until it gives something other than None, and give that.

    Args:
        host: its clock and reporter are used; its timeout factor scales `within`.
        probe: asked at once, then every `every` seconds.
        within: seconds it may take.
        what: what is waited for, as the operator reads it.
        every: seconds between two probes.
        typical: seconds it usually takes, if known.

    Raises:
        DeadlineExceeded: when the time is up.
    """
    begun = host.clock.monotonic()
    limit = within * host.timeout_factor
    while True:
        found = probe()
        if found is not None:
            return found
        elapsed = host.clock.monotonic() - begun
        if elapsed >= limit:
            raise DeadlineExceeded(what)
        host.reporter.emit(Waiting(what, elapsed, limit, typical))
        host.clock.sleep(every)
