"""The plain frontend through a real terminal."""

from __future__ import annotations

import os
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CANARY = "kan4r1-Vogel"


class Dialog:
    """An operator at a terminal of 80 columns."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "tests.dialog.interview_program", "plain", str(out)],
            cwd=str(ROOT),
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"},
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(24, 80),
            timeout=15,
            ignore_sighup=True,
        )
        self.child.delaybeforesend = None
        self.seen = ""
        self.echoes = False  # at the end

    def expect(self, text: str) -> str:
        """Wait for `text`; give what came before it."""
        self.child.expect_exact(text)
        assert isinstance(self.child.before, str)
        self.seen += self.child.before + text
        return self.child.before

    def say(self, prompt: str, reply: str) -> None:
        self.expect(f"          {prompt}: ")
        self.child.sendline(reply)

    def say_hidden(self, prompt: str, reply: str) -> None:
        self.expect(f"          {prompt}: ")
        self.wait_for_no_echo()
        self.child.sendline(reply)

    def wait_for_no_echo(self) -> None:
        deadline = time.monotonic() + 5
        while self.child.getecho():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def hang_up(self) -> int | None:
        """Take the terminal away; give the exit status."""
        vars(self.child)["ptyproc"].fileobj.close()
        deadline = time.monotonic() + 10
        while self.child.isalive() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.child.exitstatus

    def end(self) -> int | None:
        self.child.expect(pexpect.EOF)
        assert isinstance(self.child.before, str)
        self.seen += self.child.before
        self.echoes = self.child.getecho()
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def dialog(tmp_path: Path) -> Iterator[Dialog]:
    dialog = Dialog(tmp_path / "answers.conf")
    yield dialog
    dialog.child.close(force=True)


def vm(dialog: Dialog) -> None:
    dialog.expect("--== ENGINE VM (1/2) ==--")
    dialog.say("Memory size in MB [8000]", "4096")
    dialog.say("Number of vCPUs [4]", "")
    dialog.say("SSH access for root (yes, no, without-password) [yes]", "")
    dialog.say("Static address []", "")


def test_a_whole_dialog(dialog: Dialog) -> None:
    dialog.expect("[ INFO  ] Stage: Environment customization\r\n")
    vm(dialog)
    dialog.expect("--== ENGINE (2/2) ==--")
    dialog.say("Engine FQDN", "engine")
    dialog.expect("[ ERROR ] 'engine' is not a fully qualified domain name\r\n")
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.say_hidden("Engine admin password", CANARY)
    dialog.say_hidden("Engine admin password (again, to be sure)", "other")
    dialog.expect("[ ERROR ] the two entries differ\r\n")
    dialog.say_hidden("Engine admin password", CANARY)
    dialog.say_hidden("Engine admin password (again, to be sure)", CANARY)
    dialog.expect("Memory size in MB                       : 4096  (typed)\r\n")
    dialog.expect("[WARNING] This run will also do the following:\r\n          - VM HostedEngine is removed\r\n")
    dialog.say("Please confirm installation settings (Yes, No)[Yes]", "perhaps")
    dialog.expect("[ ERROR ] 'perhaps' is neither yes nor no\r\n")
    dialog.say("Please confirm installation settings (Yes, No)[Yes]", "")
    assert dialog.end() == 0
    assert "\r[ INFO  ] Waiting for the engine: 00:01 of typically 03:00, at most 15:00" in dialog.seen
    assert dialog.seen.endswith("\r          |- Preparing to restore:\r\n")
    assert "\x1b" not in dialog.seen
    assert CANARY not in dialog.seen
    written = dialog.out.read_text()
    assert "OVEHOSTED_VM/vmMemSizeMB=int:4096\n" in written
    assert CANARY not in written


def test_help_and_back(dialog: Dialog) -> None:
    dialog.say("Memory size in MB [8000]", "back")
    dialog.expect("[ ERROR ] this is the first question\r\n")
    dialog.say("Memory size in MB [8000]", "?")
    dialog.expect("          At least 4096.\r\n")
    dialog.expect("          An empty reply takes the default, which is from: detected.\r\n")
    dialog.say("Memory size in MB [8000]", "5000")
    dialog.say("Number of vCPUs [4]", "back")
    dialog.say("Memory size in MB [5000]", "")
    dialog.say("Number of vCPUs [4]", "?")
    dialog.expect("There is no further help for this question.\r\n")


def test_back_across_sections_keeps_what_was_said(dialog: Dialog) -> None:
    vm(dialog)
    dialog.say("Engine FQDN", "back")
    dialog.expect("--== ENGINE VM (1/2) ==--")
    dialog.say("Static address []", "back")
    dialog.say("SSH access for root (yes, no, without-password) [yes]", "no")
    dialog.say("Static address []", "")
    dialog.expect("--== ENGINE (2/2) ==--")
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.say_hidden("Engine admin password", CANARY)
    dialog.say_hidden("Engine admin password (again, to be sure)", CANARY)
    dialog.expect("SSH access for root                     : no  (typed)\r\n")
    dialog.expect("          The run will:\r\n          - Create the engine VM\r\n")


def test_an_answer_is_changed_by_its_number(dialog: Dialog) -> None:
    vm(dialog)
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.say_hidden("Engine admin password", CANARY)
    dialog.say_hidden("Engine admin password (again, to be sure)", CANARY)
    dialog.expect("1 Memory size in MB                       : 4096  (typed)\r\n")
    dialog.expect("          To change an answer, reply with its number.\r\n")
    dialog.say("Please confirm installation settings (Yes, No)[Yes]", "1")
    dialog.say("Memory size in MB [4096]", "20000")
    dialog.expect("[ ERROR ] 20000 MB is more than the host's 16000\r\n")
    dialog.say("Memory size in MB [4096]", "5000")
    dialog.expect("1 Memory size in MB                       : 5000  (typed)\r\n")
    dialog.say("Please confirm installation settings (Yes, No)[Yes]", "7")
    dialog.say_hidden("Engine admin password (empty keeps it)", "")
    dialog.say("Please confirm installation settings (Yes, No)[Yes]", "yes")
    assert dialog.end() == 0
    assert "OVEHOSTED_VM/vmMemSizeMB=int:5000\n" in dialog.out.read_text()


def test_the_word_back_may_be_a_password(dialog: Dialog) -> None:
    vm(dialog)
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.say_hidden("Engine admin password", "back")
    dialog.say_hidden("Engine admin password (again, to be sure)", "back")
    dialog.say("Please confirm installation settings (Yes, No)[Yes]", "no")
    assert dialog.end() == 1


def test_ctrl_d_leaves(dialog: Dialog) -> None:
    dialog.say("Memory size in MB [8000]", "5000")
    dialog.expect("Number of vCPUs [4]: ")
    dialog.child.sendeof()
    assert dialog.end() == 130
    assert dialog.seen.endswith("\r\n[ INFO  ] Aborted; nothing was changed.\r\n")


@pytest.mark.parametrize("leave", ["eof", "interrupt"])
def test_leaving_a_hidden_question_brings_the_echo_back(dialog: Dialog, leave: str) -> None:
    vm(dialog)
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.expect("Engine admin password: ")
    dialog.wait_for_no_echo()
    dialog.child.sendcontrol("d" if leave == "eof" else "c")
    assert dialog.end() == 130
    assert dialog.echoes


def test_ctrl_c_passes(dialog: Dialog) -> None:
    dialog.expect("Memory size in MB [8000]: ")
    dialog.child.sendintr()
    assert dialog.end() == 130


def test_the_echo_is_on_at_an_open_question_after_a_hidden_one(dialog: Dialog) -> None:
    vm(dialog)
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.say_hidden("Engine admin password", CANARY)
    dialog.say_hidden("Engine admin password (again, to be sure)", CANARY)
    dialog.expect("Please confirm installation settings (Yes, No)[Yes]: ")
    assert dialog.child.getecho()


def test_a_terminal_that_is_gone_ends_the_dialog(dialog: Dialog) -> None:
    dialog.expect("Memory size in MB [8000]: ")
    assert dialog.hang_up() == 130
    assert dialog.out.exists()


def test_a_terminal_that_is_gone_at_a_hidden_question_ends_it_too(dialog: Dialog) -> None:
    vm(dialog)
    dialog.say("Engine FQDN", "engine.example.com")
    dialog.expect("Engine admin password: ")
    dialog.wait_for_no_echo()
    assert dialog.hang_up() == 130


def test_what_is_no_text_is_refused(dialog: Dialog) -> None:
    dialog.expect("Memory size in MB [8000]: ")
    attributes = termios.tcgetattr(dialog.child.child_fd)
    assert attributes[3] & termios.ECHO
    os.write(dialog.child.child_fd, b"\xff\n")
    dialog.expect("[ ERROR ] control characters are not accepted\r\n")
