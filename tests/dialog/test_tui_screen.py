"""The wizard's screen on an emulated terminal: what stands below, what goes up, what is never lost."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from hosted_setup.interview.frontends.tui_progress import Progress
from hosted_setup.interview.frontends.tui_screen import LiveScreen
from hosted_setup.model.events import Failed, GuestLine, Heading, Info, StepBegun, Waiting
from hosted_setup.ports.problems import NameTaken
from tests.dialog.terminal import Emulator

if TYPE_CHECKING:
    from hosted_setup.model.events import Event

ENVIRONMENT = {"TERM": "xterm", "NO_COLOR": "1"}


class Clock:
    """Seconds as a test sets them."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal() -> Emulator:
    return Emulator()


@pytest.fixture
def screen(terminal: Emulator, clock: Clock) -> LiveScreen:
    return LiveScreen(terminal, ENVIRONMENT, clock)


def show(screen: LiveScreen, *events: Event) -> None:
    for event in events:
        screen.emit(event)


def test_the_work_stands_below_the_finished_lines(terminal: Emulator, screen: LiveScreen, clock: Clock) -> None:
    show(screen, Heading("Transaction setup"), StepBegun("Define the network", 11, 34))
    clock.seconds += 65
    show(screen, StepBegun("Boot the engine VM", 12, 34), Waiting("the engine VM", 0, 900, 40))
    show(screen, *(GuestLine(f"line {number}") for number in range(1, 7)))
    clock.seconds += 7
    screen.tick()
    assert terminal.rows() == [
        "[ INFO  ] Stage: Transaction setup",
        "[ INFO  ] Define the network (11/34)",
        "[ INFO  ] Boot the engine VM (12/34)",
        "          |- line 1",
        "          |- line 2",
        "--- Transaction setup, 01:12 ---",
        "          step 12/34, 00:07: Boot the engine VM",
        "          waiting for the engine VM: 00:07, typically 00:40, at most 15:00",
        "          |- line 3",
        "          |- line 4",
        "          |- line 5",
        "          |- line 6",
    ]
    screen.rest()
    assert terminal.rows()[3:] == [f"          |- line {number}" for number in range(1, 7)]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("the engine VM", "01:10, typically 03:00, at most 30:00"),
        ("the backup to be restored", "01:10, typically 03:00"),
        ("the engine VM to finish its own setup", "01:10"),
    ],
)
def test_a_wait_tells_no_half_of_anything(terminal: Emulator, screen: LiveScreen, what: str, told: str) -> None:
    show(screen, StepBegun("Wait", 1, 2), Waiting(what, 70, 1800, 180))
    assert terminal.rows()[-1] == f"          waiting for {what}: {told}"


def test_nothing_is_lost_and_nothing_is_left_behind(terminal: Emulator, screen: LiveScreen) -> None:
    show(screen, Heading("Transaction setup"))
    for step in range(1, 31):
        show(screen, StepBegun(f"Step {step}", step, 30), Waiting("it", 1, None), GuestLine(f"of {step}\x1b[2J"))
    show(screen, Failed(NameTaken("somebody has it")))
    screen.rest()
    record = terminal.record()
    assert [line for line in record if "Step" in line] == [f"[ INFO  ] Step {one} ({one}/30)" for one in range(1, 31)]
    assert [line for line in record if "|-" in line] == [f"          |- of {one}" for one in range(1, 31)]
    assert not [line for line in record if "---" in line or "waiting" in line]


def test_no_live_lines_before_there_is_work(terminal: Emulator, screen: LiveScreen) -> None:
    show(screen, Heading("Initializing"), Info("Log file: x"))
    screen.tick()
    assert terminal.rows() == ["[ INFO  ] Stage: Initializing", "[ INFO  ] Log file: x"]


def test_a_wait_is_over_when_something_else_is_told(terminal: Emulator, screen: LiveScreen) -> None:
    show(screen, StepBegun("Boot", 1, 2), Waiting("the engine", 1, 2), Info("It answers"))
    assert not [line for line in terminal.rows() if "waiting" in line]


def test_a_narrower_and_lower_terminal_takes_nothing_of_the_record(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Emulator(columns=60, rows=6)
    screen = LiveScreen(terminal, ENVIRONMENT, clock)
    monkeypatch.setattr(screen, "_size", lambda: os.terminal_size((60, 6)))
    show(screen, Heading("Transaction setup"), StepBegun("x" * 200, 1, 2), Waiting("y" * 200, 1, 2))
    show(screen, *(GuestLine(f"{number} " + "z" * 48) for number in range(9)))
    assert len([line for line in terminal.rows() if line]) <= 6
    screen.rest()
    record = "".join(terminal.record())
    assert all(f"|- {number} zzz" in record for number in range(9))


def test_elsewhere_it_is_the_plain_screen() -> None:
    out = io.StringIO()
    screen = LiveScreen(out, ENVIRONMENT)
    show(screen, StepBegun("Boot", 1, 2), Waiting("the engine", 1, 2), GuestLine("a"))
    screen.tick()
    screen.rest()
    assert out.getvalue() == (
        "[ INFO  ] Boot (1/2)\n[ INFO  ] Waiting for the engine: 00:01, at most 00:02\n          |- a\n"
    )


def test_events_are_drawn_in_order(terminal: Emulator, screen: LiveScreen) -> None:
    progress = Progress(screen)
    for number in range(1, 101):
        progress.emit(StepBegun("Boot", number, 100) if number == 50 else Info(str(number)))
    progress.rest()
    progress.emit(Info("afterwards"))
    steps = [f"[ INFO  ] {'Boot (50/100)' if one == 50 else one}" for one in range(1, 101)]
    assert terminal.record() == [*steps, "[ INFO  ] afterwards"]


def test_a_terminal_that_takes_nothing_stops_no_work() -> None:
    taken, go_on = threading.Event(), threading.Event()

    class Stopped(Emulator):
        def write(self, text: str, /) -> int:
            taken.set()
            assert go_on.wait(60)
            return super().write(text)

    terminal = Stopped()
    progress = Progress(LiveScreen(terminal, ENVIRONMENT))
    progress.emit(StepBegun("Boot", 1, 1))
    assert taken.wait(60)
    for number in range(1000):
        progress.emit(Info(str(number)))
    assert terminal.record() == []
    go_on.set()
    progress.rest()
    assert terminal.record()[-1] == "[ INFO  ] 999"


def test_the_time_goes_on_while_nothing_is_told(terminal: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = threading.Semaphore(0)

    class Ticking(LiveScreen):
        def tick(self) -> None:
            super().tick()
            ticks.release()

    monkeypatch.setattr("hosted_setup.interview.frontends.tui_progress._TICK", 0.001)
    progress = Progress(Ticking(terminal, ENVIRONMENT))
    progress.emit(StepBegun("Boot", 1, 2))
    assert all(ticks.acquire(timeout=60) for _ in range(5))
    progress.rest()
