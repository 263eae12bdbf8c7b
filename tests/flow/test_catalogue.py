"""Under a catalogue that puts every text in brackets: what is told is in them, what programs read is not."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Final

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from prompt_toolkit.input import create_pipe_input

from hosted_plugins.notifications import NotificationAnswers
from hosted_setup.model import messages
from tests.dialog.test_tui_pipe import Wizard
from tools import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flow.program import Done, Program

BRACKETS: Final = re.compile(r"⟦[^⟦⟧]*⟧")


@pytest.fixture(scope="module")
def bracketing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the catalogue; fields stand in a text's translation as they do in the text."""
    folder = tmp_path_factory.mktemp("locale")
    made = Catalog(locale="de")
    for text in {*catalogue.literals(), *(text for text, _what in catalogue.declared())} - {""}:
        made.add(text, f"⟦{text}⟧")
    path = folder / "de" / "LC_MESSAGES" / "hosted-engine.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        write_mo(stream, made)
    return folder


@pytest.fixture(autouse=True)
def _bracketed(bracketing: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the program speak it."""
    monkeypatch.setenv(messages.LOCALE, str(bracketing))
    monkeypatch.setenv("LANGUAGE", "de")
    messages._lookup.cache_clear()
    yield
    messages._lookup.cache_clear()


def outside(text: str) -> str:
    """Give what stands in no brackets."""
    while (shorter := BRACKETS.sub("", text)) != text:
        text = shorter
    return text


MARKS: Final = re.compile(
    r"\[ (?:INFO|ERROR) +\] |\[WARNING\] |HE-[A-Z-]+"  # the marks of lines, and codes
    r"|--root=\S+|^ {16,}\S.*$|\[[\w.]+\]|/\S+"  # commands to copy, a step's name, a path
    r"|^ +\|- .*$"  # the guest's own lines
    r"|^ +[0-9]+ .*$|[0-9]+\) \S+"  # an answer in the preview, a choice
    r"|^ {12}[a-z-]+ +$",  # a check's name
    re.MULTILINE,
)


def plain(text: str) -> str:
    """Give what a text holds of words that are neither in brackets nor a program's."""
    return MARKS.sub("", outside(text))


def checked(done: Done, code: int) -> str:
    """Give what was told, once it is sure that all of it was looked up."""
    assert done.code == code, done.out
    assert not re.findall(r"[A-Za-z]{2,}", plain(done.out)), plain(done.out)
    return done.out


def test_a_deploy_tells_everything_by_the_catalogue(program: Program) -> None:
    shown = checked(program.restore(), 0)
    for line in (
        "[ INFO  ] ⟦Stage: ⟦Setup validation⟧⟧", "--== ⟦CONFIGURATION PREVIEW⟧ ==--", "⟦Number of virtual CPUs⟧ ",
        "          - ⟦Create the network⟧\n", "[ INFO  ] ⟦Restore the backup⟧ (", "⟦Administrator:     admin@internal⟧",
    ):  # fmt: skip
        assert line in shown
    assert re.search(r"^ +[0-9]+ ⟦Memory size in MiB⟧ *: 16384  \(⟦detected⟧\)$", shown, re.MULTILINE)
    assert checked(program("run", "status"), 0)
    assert checked(program("cleanup", "--yes"), 0)


def test_the_plan_and_the_checks_are_told_by_the_catalogue(program: Program) -> None:
    assert "⟦Write the cloud-init seed⟧ [vm.seed.write_seed]" in checked(program.deploy("--plan"), 0)
    assert "memory                        ⟦passed⟧" in checked(program.deploy("--precheck"), 0)


def test_a_refusal_is_told_by_the_catalogue(program: Program) -> None:
    program.answer(
        OVEHOSTED_VM__vmMemSizeMB="int:900000", OVEHOSTED_VM__vmVCpus="int:77",
        OVEHOSTED_STORAGE__storageDomainConnection="str:/nonexistent",
    )  # fmt: skip
    shown = checked(program.deploy(), 3)
    assert "[ ERROR ] HE-MEMORY: ⟦The host has too little free memory⟧\n" in shown
    assert "⟦Why⟧:   ⟦⟦nothing has that name⟧; / is there⟧\n" in shown
    assert checked(program.deploy("--resume"), 2)


def test_a_broken_file_is_told_by_the_catalogue(program: Program) -> None:
    program.inputs.appliance.write_bytes(b"no appliance")
    shown = checked(program.deploy(), 3)
    assert "⟦Next⟧:  ⟦Give an OVA, a gzip'd OVA, a qcow2 image" in shown
    assert "HE-APPLIANCE" in shown


def test_questions_are_asked_by_the_catalogue(program: Program) -> None:
    program.stdin = io.StringIO("\n\n?\nback\nx y\n")
    shown = checked(program("deploy", "--dialect=plain"), 130)
    assert "--== ⟦STORAGE⟧ (1/" in shown
    assert "⟦Storage type⟧ [localfs]: [ ERROR ] ⟦'x y' is not one of: localfs, " in shown
    assert "localfs  ⟦a directory of this host: for one host, or for a trial⟧" in shown


def test_the_wizard_asks_by_the_catalogue() -> None:
    with create_pipe_input() as keys:
        wizard = Wizard(keys)
        seen = wizard.when(
            "⟦? help   back   Tab complete   Ctrl-D leave⟧", lambda: keys.send_text("?\r\r0\r\x7f\r\r\r")
        )
        wizard.fill(NotificationAnswers, "")
        seen.join()
    record = [row.strip() for row in wizard.terminal.record() if row]
    assert record[0] == "--== ⟦NOTIFICATIONS⟧ (1/1) ==--"
    assert "⟦Name or address of the mail server that each host sends its notifications to.⟧" in " ".join(record)
    assert "[ ERROR ] ⟦'0' is not a port, 1 to 65535⟧" in record
    words = plain("\n".join(record)).replace("root@", "").replace("localhost", "")
    assert not re.findall(r"[A-Za-z]{2,}", words), words


@pytest.mark.parametrize("command", ["deploy", "answers", "cleanup", "run", "support-bundle"])
def test_help_is_told_by_the_catalogue(command: str, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    shown = program(command, "--help").out + program("--help").out
    ours = re.sub(r"usage: .*|positional arguments|show this help message and exit", "", outside(shown))  # argparse's
    assert not re.findall(r"[a-z]{2,} [a-z]{2,}", ours), ours
    assert f"  {command} " in shown


def test_what_programs_read_is_as_it_is_in_the_code(program: Program) -> None:
    assert program.restore().code == 0
    texts = {
        str(path.relative_to(program.world.paths.root)): path.read_text(errors="replace")
        for path in program.world.paths.root.rglob("*")
        if path.is_file() and path.suffix not in (".log", ".qcow2")
    }
    events = {name: text for name, text in texts.items() if name.endswith("events.jsonl")}
    assert len(events) == 1
    for name, text in texts.items():
        told = [line for line in text.splitlines() if "⟦" in line and not line.startswith("#")]
        assert name in events or not told, f"{name}: {told[:3]}"
    for line in next(iter(events.values())).splitlines():
        message = json.loads(line)
        for key, value in message.items():
            assert "⟦" not in key
            assert key in ("text", "title", "what", "lines") or "⟦" not in json.dumps(value, ensure_ascii=False), line


def test_the_state_of_an_answer_is_a_word_for_programs(program: Program) -> None:
    answers = str(program.inputs.answers)
    assert "  ⟦wins⟧\n" in program("answers", "show", answers).out
    told = json.loads(program("answers", "show", "--json", answers).out)
    assert {one["state"] for one in told["answers"]} == {"wins"}
