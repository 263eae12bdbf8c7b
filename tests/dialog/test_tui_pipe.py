"""The wizard by values, long as the keys are many: they come through a pipe, the screen is an emulated one."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from hosted_setup.interview.frontend import Confirm, Decline, Preview, Reopen
from hosted_setup.interview.frontends.tui import TuiFrontend
from hosted_setup.interview.frontends.tui_ask import Ask, Command
from hosted_setup.interview.frontends.tui_line import Lines
from hosted_setup.interview.frontends.tui_screen import LiveScreen
from hosted_setup.interview.loading import load
from hosted_setup.interview.section_interview import Answered, SectionInterview
from hosted_setup.interview.store import Answers
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.problem import Aborted, Interrupted
from hosted_setup.model.question import Choice, ask, questions_of, section
from tests.dialog.terminal import COLUMNS, ROWS, Emulator
from tests.unit.interview.sections import ALL, Access, Backup, Engine, Facts, Vm

PRODUCTS: dict[type[Any], Any] = {Facts: Facts(memory=16000), Backup: Backup()}
ENVIRONMENT = {"TERM": "xterm", "NO_COLOR": "1"}
CANARY = "kan4r1-Vogel"
UP = "\x1b[A"


class Wizard:
    """The wizard with an operator's keyboard and screen."""

    def __init__(self, keys: PipeInput) -> None:
        self.terminal = Emulator()
        self.keys = keys
        output = Vt100_Output(self.terminal, lambda: Size(ROWS, COLUMNS), term="xterm", enable_cpr=False)
        self.lines = Lines(keys, output, ENVIRONMENT)
        self.frontend = TuiFrontend(LiveScreen(self.terminal, ENVIRONMENT), lambda: self.lines)

    def fill(self, kind: type[Any], keys: str, answers: Answers | None = None) -> SectionInterview:
        interview = SectionInterview(kind, PRODUCTS, answers or load(ALL))
        self.keys.send_text(keys)
        self.frontend.fill(interview)
        return interview

    def when(self, shown: str, act: Callable[[], None]) -> threading.Thread:
        """Act once `shown` is on the screen."""

        def watch() -> None:
            deadline = time.monotonic() + 60
            while not any(shown in row for row in self.terminal.rows()):
                assert time.monotonic() < deadline, self.terminal.rows()
                time.sleep(0.005)
            act()

        thread = threading.Thread(target=watch)
        thread.start()
        return thread


@pytest.fixture
def wizard() -> Iterator[Wizard]:
    with create_pipe_input() as keys:
        yield Wizard(keys)


def test_replies_typed_ahead_answer_one_question_each(wizard: Wizard) -> None:
    interview = wizard.fill(Vm, "4096\r2\rno\r\r")
    assert interview.instance() == Vm(memory=4096, vcpus=2, access=Access.NO, static=None, renew=False, machine="q35")
    assert wizard.terminal.record() == [
        "",
        "          --== ENGINE VM (1/1) ==--",
        "",
        "          Memory size in MB [8000]: 4096",
        "          Number of vCPUs [4]: 2",
        "          SSH access for root (yes, no, without-password) [yes]: no",
        "          Static address []:",
    ]


def test_pasted_lines_are_replies(wizard: Wizard) -> None:
    interview = wizard.fill(Vm, "\x1b[200~4096\r\n2\nno\n\n\x1b[201~")
    assert (interview.instance().memory, interview.instance().access) == (4096, Access.NO)


def test_a_refused_reply_stands_there_to_be_mended(wizard: Wizard) -> None:
    interview = wizard.fill(Vm, "20000\r" + "\x7f" * 5 + "5000\r\r\r\r")
    assert interview.instance().memory == 5000
    assert "[ ERROR ] 20000 MB is more than the host's 16000" in wizard.terminal.record()


def test_back_and_help_by_word(wizard: Wizard) -> None:
    interview = wizard.fill(Vm, "?\rback\r4096\rback\r\r2\r\r\r")
    assert (interview.instance().memory, interview.instance().vcpus) == (4096, 2)
    record = wizard.terminal.record()
    assert "          At least 4096." in record
    assert "[ ERROR ] this is the first question" in record
    assert "          Memory size in MB [4096]:" in record


def test_a_secret_is_asked_twice_and_never_shown(wizard: Wizard) -> None:
    interview = wizard.fill(Engine, f"engine.example.com\r{CANARY}\rother\r{CANARY}\r{CANARY}\r")
    assert interview.instance().password.reveal() == CANARY
    record = "\n".join(wizard.terminal.record())
    assert "the two entries differ" in record
    assert CANARY not in record
    assert "*" not in record


def test_back_and_help_by_key_at_a_hidden_question(wizard: Wizard) -> None:
    f1, f2 = "\x1bOP", "\x1bOQ"
    interview = wizard.fill(Engine, f"engine.example.com\r{f1}{f2}other.example.com\rback\rback\r")
    assert str(interview.instance().fqdn) == "other.example.com"
    assert interview.instance().password.reveal() == "back"


def test_what_is_wrong_is_told_while_it_is_typed(wizard: Wizard) -> None:
    keys = wizard.keys
    first = wizard.when("not yet: '4x' is not a whole number", lambda: keys.send_text("\x7f\r\r\r\r"))
    wizard.fill(Vm, "4x")
    first.join()
    assert not [row for row in wizard.terminal.record() if "not yet" in row]


def test_the_bar_names_the_keys_and_goes_with_the_question(wizard: Wizard) -> None:
    seen = wizard.when("? help   back   Tab complete   Ctrl-D leave", lambda: wizard.keys.send_text("\r\r\r\r"))
    wizard.fill(Vm, "")
    seen.join()
    assert not [row for row in wizard.terminal.record() if "Ctrl-D" in row]


def test_the_bar_tells_what_is_asked_for_and_where_the_default_is_from(wizard: Wizard) -> None:
    bar: list[str] = []

    def look() -> None:
        bar.extend(row.strip() for row in wizard.terminal.rows()[4:7])
        wizard.keys.send_text("\r\r\r\r")

    seen = wizard.when("Ctrl-D leave", look)
    wizard.fill(Vm, "")
    seen.join()
    assert bar == ["At least 4096.", "Origin of the default: detected", "? help   back   Tab complete   Ctrl-D leave"]


def test_the_arrow_key_brings_the_default_to_be_edited(wizard: Wizard) -> None:
    seen = wizard.when("[8000]: 8000", lambda: wizard.keys.send_text("\x7f\x7f1\r\r\r\r"))
    wizard.keys.send_text(UP)
    assert wizard.fill(Vm, "").instance().memory == 801
    seen.join()


def test_the_arrow_key_brings_what_was_typed_before(wizard: Wizard) -> None:
    keys = wizard.keys
    asked = wizard.when("in MB [6000]:", lambda: keys.send_text(UP * 3))
    seen = wizard.when("in MB [6000]: 5000", lambda: keys.send_text("\r\r\r\r"))
    interview = wizard.fill(Vm, "5000\rback\r20000\r" + "\x15" + "6000\rback\r")
    assert interview.instance().memory == 5000
    asked.join()
    seen.join()


def test_the_arrow_key_brings_no_secret(wizard: Wizard) -> None:
    wizard.fill(Engine, f"engine.example.com\rabc\r{UP}\r{CANARY}\r{CANARY}\r")
    errors = [row for row in wizard.terminal.record() if "ERROR" in row]
    assert errors == ["[ ERROR ] ******** is shorter than 4 characters", "[ ERROR ] an answer is needed"]


@pytest.mark.parametrize(("typed", "becomes"), [("n", "no"), ("w", "without-password")])
def test_words_are_completed(wizard: Wizard, typed: str, becomes: str) -> None:
    assert wizard.fill(Vm, f"\r\r{typed}\t\r\r").instance().access.value == becomes


def test_paths_are_completed(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "engine.ova").touch()
    wizard.keys.send_text(f"{tmp_path}/eng\t\r")
    assert wizard.lines.ask(Ask("Path: ", "", paths=True), str) == f"{tmp_path}/engine.ova"


def test_completions_are_listed(wizard: Wizard) -> None:
    seen = wizard.when("ens4", lambda: wizard.keys.send_text("4\r"))
    wizard.keys.send_text("e\t\t")
    assert wizard.lines.ask(Ask("NIC: ", "", words=("ens3", "ens4", "lo")), str) == "ens4"
    seen.join()


class Gate:
    """A check that lasts as long as a test wants."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        if text == "slow":
            assert self.open.wait(60)
        return text


def test_ctrl_c_gives_a_check_up(wizard: Wizard) -> None:
    gate = Gate()
    first = wizard.when("checking ...", lambda: wizard.keys.send_text("\x03"))
    second = wizard.when("given up", lambda: wizard.keys.send_text("\x7f" * 4 + "quick\r"))
    wizard.keys.send_text("slow\r")
    assert wizard.lines.ask(Ask("Path: ", ""), gate) == "quick"
    gate.open.set()
    first.join()
    second.join()


def test_keys_are_shown_while_a_check_runs_and_change_the_reply(wizard: Wizard) -> None:
    gate = Gate()
    first = wizard.when("checking ...", lambda: wizard.keys.send_text("r"))
    second = wizard.when("changed while it was checked", lambda: wizard.keys.send_text("\r"))
    wizard.keys.send_text("slow\r")
    assert wizard.lines.ask(Ask("Path: ", ""), gate) == "slowr"
    assert gate.asked == ["slow", "slowr"]
    gate.open.set()
    first.join()
    second.join()


def test_a_slow_check_is_waited_for(wizard: Wizard) -> None:
    gate = Gate()
    seen = wizard.when("checking ...", gate.open.set)
    wizard.keys.send_text("slow\r")
    assert wizard.lines.ask(Ask("Path: ", ""), gate) == "slow"
    seen.join()


def test_what_a_check_raises_is_raised(wizard: Wizard) -> None:
    def broken(_text: str) -> str:
        raise LookupError

    wizard.keys.send_text("x\r")
    with pytest.raises(LookupError):
        wizard.lines.ask(Ask("Path: ", ""), broken)


def test_ctrl_d_leaves_an_empty_line_only(wizard: Wizard) -> None:
    wizard.keys.send_text("ab\x01\x04\r\x04")
    assert wizard.lines.ask(Ask("Path: ", ""), str) == "b"
    with pytest.raises(Aborted):
        wizard.fill(Vm, "")


def test_ctrl_c_passes(wizard: Wizard) -> None:
    with pytest.raises(KeyboardInterrupt):
        wizard.fill(Vm, "4096\r\x03")


def test_a_keyboard_that_is_gone_aborts(wizard: Wizard) -> None:
    wizard.keys.close()
    with pytest.raises(Aborted):
        wizard.frontend.confirm("Remove all?", default=False)


def test_a_signal_ends_the_question_as_its_handler_wants(wizard: Wizard) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        seen = wizard.when("Memory size", lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Interrupted):
            wizard.fill(Vm, "")
        seen.join()
        assert signal.getsignal(signal.SIGTERM) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


def test_commands_are_none_where_nothing_is_behind_them(wizard: Wizard) -> None:
    wizard.keys.send_text("back\r")
    assert wizard.lines.ask(Ask("Sure?", ""), str) == "back"
    wizard.keys.send_text("back\r")
    assert wizard.lines.ask(Ask("Sure?", "", commands=True), str) is Command.BACK


def _disks() -> list[Choice]:
    return [Choice("lun-1", "20 GiB"), Choice("lun-2", "100 GiB"), Choice("lun-3", "1 GiB", unfit="too small")]


def _doubt(_value: str) -> str:
    return "It holds data."


@section("Storage")
class Luns:
    """A pick list, and a warning."""

    lun: str = ask("LUN", key="X/lun", offer=_disks, check=_doubt)


def test_a_pick_list_and_a_warning(wizard: Wizard) -> None:
    interview = wizard.fill(Luns, "3\r" + "\x7f" + "2\rno\rlun-1\ryes\r", Answers())
    assert interview.instance().lun == "lun-1"
    assert wizard.terminal.record()[3:] == [
        "            1) lun-1  20 GiB",
        "            2) lun-2  100 GiB",
        "            3) lun-3  1 GiB  (not to be chosen: too small)",
        "          LUN: 3",
        "[ ERROR ] lun-3 cannot be chosen: too small",
        "          LUN: 2",
        "[WARNING] It holds data.",
        "          Continue with it? (Yes, No)[No]: no",
        "          LUN: lun-1",
        "[WARNING] It holds data.",
        "          Continue with it? (Yes, No)[No]: yes",
    ]


def _one_fits() -> list[Choice]:
    return [Choice("lun-1", "1 GiB", unfit="too small"), Choice("lun-2", "20 GiB")]


@section("Storage")
class OneLun:
    """A pick list of which one will do."""

    lun: str = ask("LUN", key="X/lun", offer=_one_fits)


def test_of_a_pick_list_what_will_do_is_completed(wizard: Wizard) -> None:
    assert wizard.fill(OneLun, "l\t\r", Answers()).instance().lun == "lun-2"
    assert wizard.terminal.record()[-1] == "          LUN: lun-2"


DEFAULT = Origin(Source.DEFAULT)


def preview(*, refused: bool = False) -> Preview:
    fqdn, password = questions_of(Engine)
    long = "/var/lib/exports/" + "engine-" * 10 + "storage"
    answers = (
        Answered("Engine", fqdn, "engine.example.com", Origin(Source.TYPED)),
        Answered("Engine", password, "x", Origin(Source.OPTION)),
        Answered("Local storage", questions_of(Vm)[5], long, Origin(Source.FILE, "/root/answers-of-2026.conf:12")),
    )
    return Preview(answers, ("Create the engine VM",), ("VM HostedEngine is removed",), refused=refused)


def test_the_preview_is_a_table_that_cuts_nothing_off(wizard: Wizard) -> None:
    wizard.frontend.show(preview())
    assert wizard.terminal.record() == [
        "",
        "          --== CONFIGURATION PREVIEW ==--",
        "",
        "Engine",
        "  1  Engine FQDN                engine.example.com         typed",
        "  2  Engine admin password      ********                   option",
        "Local storage",
        "  3  Emulated machine                                      file 1:12",
        f"       /var/lib/exports/{'engine-' * 10}storage"[:80],
        f"       /var/lib/exports/{'engine-' * 10}storage"[80:],
        "     file 1: /root/answers-of-2026.conf",
        "          The run will:",
        "          - Create the engine VM",
        "[WARNING] This run will also do the following:",
        "          - VM HostedEngine is removed",
    ]


LONG = Preview(tuple(Answered(f"Part {one // 9}", questions_of(Vm)[5], str(one), DEFAULT) for one in range(40)))
LAST = "39                         default"


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("\r\r", [0, 9, 27]),
        (" \x1b[6~", [0, 9, 27]),
        ("q", [0, 9, 27]),
        ("\rp\r\r", [0, 9, 0, 9, 27]),
        ("p\x1b[F", [0, 0, 9, 27]),
    ],
)
def test_a_preview_that_is_longer_than_the_screen_is_turned_over(wizard: Wizard, keys: str, shown: list[int]) -> None:
    wizard.keys.send_text(keys)
    wizard.frontend.show(LONG)
    record = wizard.terminal.record()
    assert [line.split()[3] for line in record if re.match(r" +(1|10|28)  ", line)] == [str(one) for one in shown]
    assert record[-1].endswith(LAST)
    assert not [line for line in record if "Page" in line or "Ctrl-D" in line]


def test_of_a_preview_one_sees_a_page_and_how_to_go_on(wizard: Wizard) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.extend(wizard.terminal.rows())
        wizard.keys.send_text("\x04")

    watch = wizard.when("next page", look)
    with pytest.raises(Aborted):
        wizard.frontend.show(LONG)
    watch.join()
    assert seen[1] == "          --== CONFIGURATION PREVIEW ==--"
    assert len(seen) <= ROWS
    assert seen[-2:] == [
        "          Page 1 of 3:",
        " Enter next page   p previous page   q to the end   Ctrl-D leave",
    ]


def test_a_preview_that_nobody_is_asked_about_is_drawn_at_once(wizard: Wizard) -> None:
    wizard.frontend.show(replace(LONG, asked=False))
    assert wizard.terminal.record()[-1].endswith(LAST)


def test_at_the_confirmation_the_preview_can_be_seen_again(wizard: Wizard) -> None:
    wizard.keys.send_text("p\rqyes\r")
    assert wizard.frontend.review(LONG) == Confirm()
    assert "          --== CONFIGURATION PREVIEW ==--" in wizard.terminal.record()


@pytest.mark.parametrize(
    ("keys", "refused", "review"),
    [
        ("\r", False, Confirm()),
        ("perhaps\r9\ryes\r", False, Confirm()),
        ("no\r", False, Decline()),
        ("2\r", False, Reopen(2)),
        ("\ryes\r1\r", True, Reopen(1)),
    ],
)
def test_the_review(wizard: Wizard, keys: str, refused: bool, review: object) -> None:  # noqa: FBT001 - a case
    wizard.keys.send_text(keys)
    assert wizard.frontend.review(preview(refused=refused)) == review


@pytest.mark.parametrize(("keys", "sure"), [("\r", False), ("what\ryes\r", True), ("no\r", False)])
def test_a_confirmation(wizard: Wizard, keys: str, sure: bool) -> None:  # noqa: FBT001 - a case
    wizard.keys.send_text(keys)
    assert wizard.frontend.confirm("Remove all?", default=False) is sure
