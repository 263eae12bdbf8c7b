"""Long, since every frontend is here: what operators see on a terminal, on a pipe, and when it is gone."""

from __future__ import annotations

import io
import itertools
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.interview.frontend import Preview
from hosted_setup.interview.frontends.screen import Screen
from hosted_setup.interview.frontends.text import bounded, clean, duration, width_of, with_options
from hosted_setup.interview.section_interview import Answered
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.events import Failed, GuestLine, Heading, Info, StepBegun, Summary, Waiting, Warn
from hosted_setup.model.problem import Problem, Problems
from hosted_setup.model.question import questions_of
from hosted_setup.model.secret import Secret
from hosted_setup.ports.problems import NameTaken
from tests.unit.interview.sections import Engine, Vm

if TYPE_CHECKING:
    from hosted_setup.model.events import Event

TERMINAL = {"TERM": "xterm"}


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds as a test sets them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def drawn(*events: Event) -> str:
    out = io.StringIO()
    screen = Screen(out, TERMINAL)
    for event in events:
        screen.emit(event)
    return out.getvalue()


def asked(out: io.StringIO, text: str) -> str:
    Screen(out, TERMINAL).ask(text)
    return out.getvalue()


def test_a_long_prompt_is_folded_on_a_terminal_alone() -> None:
    text = "Root may log in to the engine VM with its password, by key (yes, no, without-password) [yes]"
    assert asked(io.StringIO(), text) == f"          {text}: "
    assert asked(Terminal(), text) == (
        "          Root may log in to the engine VM with its password, by key (yes,\n"
        "            no, without-password) [yes]: "
    )


@pytest.mark.parametrize("word", ["x" * 59, "x" * 66, "x" * 200])
def test_no_word_of_a_prompt_is_broken_and_a_reply_has_room(word: str) -> None:
    text = f"SSH public key for root [{word}]"
    *above, last = asked(Terminal(), text).split("\n")
    assert " ".join(row.strip() for row in (*above, last)) == f"{text}:"
    assert last.endswith("]: ")
    assert len(last) < 80 or len(word) == 200


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Heading("Environment setup"), "[ INFO  ] Stage: Environment setup\n"),
        (StepBegun("Create the disk", 3, 19), "[ INFO  ] Create the disk (3/19)\n"),
        (Info("The engine VM is down."), "[ INFO  ] The engine VM is down.\n"),
        (Info(""), "[ INFO  ] \n"),
        (Info("one\ntwo"), "[ INFO  ] one\n          two\n"),
        (Warn("Look"), "[WARNING] Look\n"),
        (GuestLine("Preparing to restore:"), "          |- Preparing to restore:\n"),
        (GuestLine("10%\r20%\r\n"), "          |- 10%\n          |- 20%\n"),
        (GuestLine("\x1b[2J\x1b]0;title\x07a\x1b[31mb\x00\x07\x9bmc"), "          |- abc\n"),
        (GuestLine("\u202egnp.exe"), "          |- gnp.exe\n"),
        (Info("stray \udcff byte"), "[ INFO  ] stray  byte\n"),
        (Summary(("URL: https://e", "CA: 00:11")), "\n          URL: https://e\n          CA: 00:11\n"),
    ],
)
def test_events(event: Event, text: str) -> None:
    assert drawn(event) == text


def test_a_problem_has_each_part_on_its_line() -> None:
    problem = NameTaken("/srv/taken", why="uid 36", where="/var/log/x:7", hint="Choose another.", command="ls /srv")
    assert drawn(Failed(problem)) == (
        "[ ERROR ] HE-NAME-TAKEN: The name is taken\n"
        "          What:  /srv/taken\n"
        "          Why:   uid 36\n"
        "          Where: /var/log/x:7\n"
        "          Next:  Choose another.\n"
        "                 ls /srv\n"
    )


def test_parts_that_are_not_there_are_not_drawn() -> None:
    assert drawn(Failed(NameTaken("x", command="ls"))).endswith("          What:  x\n          Next:  ls\n")


def test_every_problem_is_drawn() -> None:
    several: Problem = Problems([NameTaken("a"), NameTaken("b")])
    assert drawn(Failed(several)).count("[ ERROR ] HE-NAME-TAKEN") == 2


def waits(screen: Screen, clock: Clock, what: str, every: float, seconds: float) -> None:
    begun = clock.seconds
    while clock.seconds - begun < seconds:
        screen.emit(Waiting(what, clock.seconds - begun, 900, 180))
        clock.seconds += every


@pytest.mark.parametrize("every", [0.5, 1, 3, 7])
def test_a_wait_on_a_pipe_is_neither_noisy_nor_silent(every: float) -> None:
    clock = Clock()
    times: list[float] = []

    class Out(io.StringIO):
        def write(self, text: str, /) -> int:
            times.append(clock.seconds)
            return super().write(text)

    waits(Screen(Out(), TERMINAL, clock), clock, "the engine", every, 100)
    gaps = [later - before for before, later in itertools.pairwise(times)]
    assert times[0] == 0
    assert max(gaps) <= 10
    assert min(gaps) > 10 - every


def test_a_wait_s_line() -> None:
    out, clock = io.StringIO(), Clock()
    screen = Screen(out, TERMINAL, clock)
    screen.emit(Waiting("the engine", 130, 900, 180))
    screen.emit(Waiting("the guest", 3, 7200))
    assert out.getvalue() == (
        "[ INFO  ] Waiting for the engine: 02:10 of typically 03:00, at most 15:00\n"
        "[ INFO  ] Waiting for the guest: 00:03, at most 2:00:00\n"
    )


def test_other_lines_count_as_news() -> None:
    out, clock = io.StringIO(), Clock()
    screen = Screen(out, TERMINAL, clock)
    for _ in range(100):
        screen.emit(Waiting("the engine", clock.seconds, 900))
        screen.emit(GuestLine("works"))
        clock.seconds += 1
    assert out.getvalue().count("Waiting") == 1


def test_a_wait_on_a_terminal_is_one_live_line() -> None:
    out, clock = Terminal(), Clock()
    screen = Screen(out, TERMINAL, clock)
    screen.emit(Waiting("x" * 200, 1, 900))
    screen.emit(Waiting("the engine", 2, 900))
    screen.emit(Info("done"))
    first, second, rest = out.getvalue().removeprefix("\r").split("\r", 2)
    assert width_of(first) == 79
    assert width_of(second) == 79
    assert second.rstrip().endswith("00:02, at most 15:00")
    cleared, line = rest.split("\r")
    assert cleared == " " * len(second.rstrip())
    assert line == "[ INFO  ] done\n"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("the engine", "02:10 of typically 03:00, at most 15:00"),
        ("the backup to be restored", "02:10 of typically 03:00"),
        ("the engine VM to finish its setup", "02:10"),
    ],
)
def test_a_wait_tells_no_half_of_anything(what: str, told: str) -> None:
    out = Terminal()
    Screen(out, TERMINAL, Clock()).emit(Waiting(what, 130, 900, 180))
    assert out.getvalue() == f"\r[ INFO  ] Waiting for {what}: {told}"


@pytest.mark.parametrize(
    ("environ", "terminal", "coloured"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
        ({"TERM": "xterm"}, False, False),
    ],
)
def test_colours(environ: dict[str, str], terminal: bool, coloured: bool) -> None:  # noqa: FBT001 - a table
    out = Terminal() if terminal else io.StringIO()
    Screen(out, environ).emit(Warn("Look"))
    assert ("\x1b" in out.getvalue()) is coloured
    assert clean(out.getvalue().rstrip("\n")) == "[WARNING] Look"


def test_the_preview() -> None:
    memory, vcpus, *_, machine = questions_of(Vm)
    _, password = questions_of(Engine)
    answers = (
        Answered("Engine VM", memory, 4096, Origin(Source.FILE, "/root/a.conf:12")),
        Answered("Engine VM", vcpus, 4, Origin(Source.DEFAULT)),
        Answered("Engine VM", machine, "", Origin(Source.TYPED)),
        Answered("Engine", password, Secret("x1y2"), Origin(Source.TYPED)),
    )
    out = io.StringIO()
    Screen(out, TERMINAL).preview(Preview(answers, ("Start the engine VM",), ("VM HostedEngine is removed",)))
    assert out.getvalue() == (
        "\n"
        "          --== CONFIGURATION PREVIEW ==--\n"
        "\n"
        "          Engine VM\n"
        "             1 Memory size in MB                       : 4096  (/root/a.conf:12)\n"
        "             2 Number of vCPUs                         : 4  (default)\n"
        "             3 Emulated machine                        : (none)  (typed)\n"
        "          Engine\n"
        "             4 Engine admin password                   : ********  (typed)\n"
        "          The run will:\n"
        "          - Start the engine VM\n"
        "[WARNING] This run will also do the following:\n"
        "          - VM HostedEngine is removed\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hosted-engine deploy", "hosted-engine deploy --root=/r"),
        ("Take it back:  hosted-engine deploy --abort", "Take it back:  hosted-engine deploy --abort --root=/r"),
        (
            "Go on:  hosted-engine deploy --resume  or see:  hosted-engine run status",
            "Go on:  hosted-engine deploy --resume --root=/r  or see:  hosted-engine run status --root=/r",
        ),
        ("hosted-engine deploy --help", "hosted-engine deploy --help"),
        ("the previous hosted-engine VM is removed", "the previous hosted-engine VM is removed"),
        ("ls -ld /var/lib/hosted-engine state", "ls -ld /var/lib/hosted-engine state"),
    ],
)
def test_the_programs_own_commands_carry_the_options(text: str, shown: str) -> None:
    assert with_options(text, "--root=/r") == shown
    assert with_options(text, "") == text


@pytest.mark.parametrize(
    "event",
    [
        Info("See:  hosted-engine run status"),
        Warn("See:  hosted-engine run status"),
        Summary(("  see:   hosted-engine run status",)),
        Failed(NameTaken("HostedEngine", hint="See:  hosted-engine run status  or:", command="virsh list")),
        Failed(NameTaken("HostedEngine", command="hosted-engine run status")),
    ],
)
def test_every_event_with_a_command_carries_the_options(event: Event) -> None:
    out = io.StringIO()
    Screen(out, TERMINAL, options="'--root=/a b'").emit(event)
    assert out.getvalue().count("hosted-engine run status '--root=/a b'") == 1


def test_what_a_guest_says_is_left_as_it_is() -> None:
    out = io.StringIO()
    Screen(out, TERMINAL, options="--root=/r").emit(GuestLine("hosted-engine deploy"))
    assert "--root" not in out.getvalue()


def test_an_output_that_is_gone_does_not_stop_the_work() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(text)

    screen = Screen(Gone(), TERMINAL)
    screen.emit(Info("one"))
    screen.emit(Info("two"))
    closed = io.StringIO()
    screen = Screen(closed, TERMINAL)
    closed.close()
    screen.emit(Info("one"))


def test_what_the_terminal_cannot_write_is_replaced() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Screen(out, TERMINAL).emit(Info("fünf"))
    assert raw.getvalue() == b"[ INFO  ] f?nf\n"


@given(st.text())
def test_clean_text_steers_nothing(text: str) -> None:
    assert not [char for char in clean(text) if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"}]


@given(st.text(), st.integers(0, 100))
def test_bounded_text_fits(text: str, columns: int) -> None:
    assert width_of(bounded(text, columns)) <= columns
    if width_of(text) <= columns:
        assert bounded(text, columns) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (59.9, "00:59"), (61, "01:01"), (3600, "1:00:00")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
