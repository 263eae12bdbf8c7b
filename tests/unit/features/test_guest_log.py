"""What the guest says, and what the installer makes of it; a guest is not to be trusted to speak well."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import uuid4

import pytest

from hosted_plugins.bootstrap import GuestLog
from hosted_plugins.vm import EngineVm
from hosted_setup.model.events import GuestLine
from hosted_setup.model.problem import Problem
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.testing.world import Recorder, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path / "world")


def heard(world: World, *lines: str, seen: int = 0) -> tuple[GuestLog, list[str]]:
    """Give a log of these lines, and those that were shown."""
    host = world.host("run")
    path = world.root / "guest.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    domain = StorageDomain(str(uuid4()), DirectoryHome(world.root, 0, 0))
    log = GuestLog(host, EngineVm("uuid", 1, str(world.root / "guest.sock"), str(path), domain), seen)
    log.pump()
    events = cast("Recorder", host.reporter).events
    return log, [event.text for event in events if isinstance(event, GuestLine)]


def test_output_is_shown_and_events_are_not(world: World) -> None:
    log, shown = heard(world, "|- one", 'HE_GUEST {"event": "hello"}', "noise", "|- two")
    assert shown == ["one", "two"]
    assert log.seen == 4


def test_what_was_seen_before_a_resume_is_not_shown_again(world: World) -> None:
    assert heard(world, "|- one", "|- two", "|- three", seen=2)[1] == ["three"]


@pytest.mark.parametrize("line", ["{", '"text"', "[]", "7", '{"no": "event"}', '{"event": 7}'])
def test_events_that_are_none_are_passed_over(world: World, line: str) -> None:
    log, _ = heard(world, f"HE_GUEST {line}", 'HE_GUEST {"event": "ready", "ca": "x"}')
    assert log.event("ready") == {"event": "ready", "ca": "x"}
    assert log.event("hello") is None


def test_the_last_event_of_a_name_counts(world: World) -> None:
    log, _ = heard(world, 'HE_GUEST {"event": "ask", "what": "a"}', 'HE_GUEST {"event": "ask", "what": "b"}')
    assert log.event("ask") == {"event": "ask", "what": "b"}


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (("|- HE_X_SUCCESS",), True),
        (("|- HE_X_FAIL",), False),
        (("|- HE_X",), None),
        (("HE_X_SUCCESS",), None),
        (("|- HE_X_SUCCESSFULLY",), None),
        ((), None),
    ],
)
def test_an_outcome_is_a_line_of_its_own(world: World, lines: tuple[str, ...], outcome: bool | None) -> None:  # noqa: FBT001 - expected
    assert heard(world, *lines)[0].outcome("HE_X") is outcome


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), ""),
        (("|- Restoring", "|- "), "Restoring"),
        (("|- FATAL: no space", "|- Rolling back", "|- HE_X_FAIL"), "FATAL: no space"),
        (("|- one", "|- engine-backup ended with 1", "|- HE_X_FAIL"), "one"),
    ],
)
def test_the_reason_is_the_last_line_that_speaks_of_an_error(world: World, lines: tuple[str, ...], why: str) -> None:
    assert heard(world, *lines)[0].last_error() == why


def test_a_guest_that_stops_without_a_word_is_told_so(world: World) -> None:
    with pytest.raises(Problem) as caught:
        heard(world)[0].wait_for("hello", within=1.0, what="the engine VM to boot")
    problem = caught.value
    assert (problem.code, problem.detail, problem.why) == (
        "HE-GUEST-STOPPED", "libvirt says: gone", "its console may tell",
    )  # fmt: skip
