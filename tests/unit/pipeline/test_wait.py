"""Waiting: polls at once, tells progress, ends at the deadline that the factor scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from hosted_setup.model.events import Waiting
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from tests.unit.pipeline.kit import Recorder, SteppedClock, make_host

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.host import Host


def events(host: Host) -> list[object]:
    return list(cast("Recorder", host.reporter).events)


def test_what_is_there_at_once_is_not_waited_for(host: Host) -> None:
    assert wait_until(host, lambda: "here", within=0, what="it") == "here"
    assert host.clock.monotonic() == 0
    assert events(host) == []


def test_false_and_nought_are_found(host: Host) -> None:
    assert wait_until(host, lambda: 0, within=0, what="a number") == 0


def test_it_polls_until_something_is_found(host: Host) -> None:
    answers = iter([None, None, "here"])
    assert wait_until(host, lambda: next(answers), within=60, what="it", every=2, typical=3) == "here"
    assert host.clock.monotonic() == 4
    assert events(host) == [Waiting("it", 0, 60, 3), Waiting("it", 2, 60, 3)]


def test_the_deadline_ends_it(host: Host) -> None:
    with pytest.raises(DeadlineExceeded, match="it"):
        wait_until(host, lambda: None, within=10, what="it", every=3)
    assert host.clock.monotonic() == 12  # asked once more after the last sleep


@pytest.mark.parametrize(("factor", "expected"), [(0.5, 5), (1, 10), (6, 60)])
def test_the_factor_scales_the_deadline(tmp_path: Path, factor: float, expected: float) -> None:
    host = make_host(tmp_path, timeout_factor=factor)
    with pytest.raises(DeadlineExceeded):
        wait_until(host, lambda: None, within=10, what="it", every=1)
    assert cast("SteppedClock", host.clock).elapsed == expected


def test_what_the_probe_raises_ends_the_wait(host: Host) -> None:
    def probe() -> None:
        message = "gone"
        raise LookupError(message)

    with pytest.raises(LookupError):
        wait_until(host, probe, within=10, what="it")
