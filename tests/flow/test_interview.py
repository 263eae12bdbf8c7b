"""A deploy with an operator: what is wrong is mended at its prompt or in the preview; a killed interview goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hosted_setup.pipeline.journal import Answered, Confirmed
from tests.flow.test_interrupt import Operator, replies, typed

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.pipeline.journal import Record
    from tests.flow.program import Done, Program

VCPUS = "OVEHOSTED_VM/vmVCpus"
MEMORY = "OVEHOSTED_VM/vmMemSizeMB"
CONNECTION = "OVEHOSTED_STORAGE/storageDomainConnection"
ASKED = "Please confirm installation settings (Yes, No)[Yes]: "


class Killed(BaseException):
    """Stands for the end of the process."""


def kept(folder: Path) -> str:
    (found,) = folder.glob("answers-*.conf")
    return found.read_text()


@pytest.fixture
def complete(program: Program) -> str:
    """Give an answer file in which nothing is left open but the secrets; the world is as before."""
    assert program.deploy().code == 0
    text = kept(program.world.paths.state / "answers")
    assert program("cleanup", "--yes").code == 0
    for path in (program.world.paths.state / "answers").iterdir():
        path.unlink()
    return text


def number(complete: str, key: str) -> str:
    """Give the number that the answer has in the preview: the file has them in the same order."""
    keys = re.findall(r"^(?:# )?([A-Z_]+/\w+)(?:=| is secret)", complete, re.MULTILINE)
    return str(keys.index(key) + 1)


def ask(
    program: Program, text: str, *replies: str, left_open: tuple[str, ...] = (), options: tuple[str, ...] = ()
) -> Done:
    """Deploy with the answers of `text` except what is `left_open`, and an operator."""
    lines = [line for line in text.splitlines() if line.partition("=")[0] not in left_open]
    program.inputs.answers.write_text("\n".join(lines) + "\n")
    program.stdin = Operator(list(replies), None)
    return program.deploy("--dialect=plain", *options)


def resume(program: Program, *replies: str) -> Done:
    program.stdin = Operator(list(replies), None)
    return program("deploy", "--resume", "--dialect=plain")


def test_the_headings_are_numbered_through_and_storage_is_the_first(program: Program) -> None:
    done = typed(program, replies(program))
    assert done.code == 0, done.out
    assert re.findall(r"--== (.+) \((\d+)/(\d+)\) ==--", done.out) == [
        ("STORAGE", "1", "6"),
        ("NETWORK", "2", "6"),
        ("ENGINE APPLIANCE", "3", "6"),
        ("ENGINE VM", "4", "6"),
        ("ENGINE", "5", "6"),
        ("NOTIFICATIONS", "6", "6"),
    ]


def test_what_is_asked_only_when_it_is_to_be_changed_has_a_heading_then(program: Program, complete: str) -> None:
    done = ask(program, complete, number(complete, "HOSTED_ENGINE/virtType"), "qemu", "yes")
    assert done.code == 0, done.out
    assert re.findall(r"--== (.+) \((\d+)/(\d+)\) ==--", done.out) == [("VIRTUALISATION", "5", "7")]


def test_the_directory_is_proven_at_its_prompt(program: Program, complete: str) -> None:
    missing = program.world.root / "missing"
    file = program.inputs.appliance
    replies = (str(missing), str(file), "srv", str(program.world.storage), "yes")
    done = ask(program, complete, *replies, left_open=(CONNECTION,))
    assert done.code == 0, done.out
    errors = [line for line in done.out.splitlines() if "[ ERROR ]" in line]
    assert [error.partition("[ ERROR ] ")[2] for error in errors] == [
        f"The storage directory does not exist: {missing}",
        f"The storage directory does not exist: {file}",
        "'srv' is not an absolute path",
    ]
    assert done.out.index("Path of the storage") < done.out.index("Setup validation")


def test_what_is_there_already_is_a_warning(program: Program, complete: str) -> None:
    (program.world.storage / "theirs").touch()
    place = str(program.world.storage)
    done = ask(program, complete, place, "no", place, "yes", "yes", left_open=(CONNECTION,))
    assert done.code == 0, done.out
    assert done.out.count(f"[WARNING] {place} is not empty: theirs") == 2
    assert done.out.count("Continue with it? (Yes, No)[No]: ") == 2
    assert (program.world.storage / "theirs").exists()


def test_storage_reads_as_one_section(program: Program, complete: str) -> None:
    kind = "OVEHOSTED_STORAGE/domainType"
    done = ask(program, complete, "1", str(program.world.storage), "", left_open=(kind, CONNECTION))
    assert done.code == 0, done.out
    assert done.out.count("--== STORAGE (1/") == 1
    assert "            1) localfs  a directory of this host" in done.out


def test_an_answer_is_changed_in_the_preview(program: Program, complete: str) -> None:
    done = ask(program, complete, "2", number(complete, MEMORY), "5000", "999", "yes", left_open=(VCPUS,))
    assert done.code == 0, done.out
    assert "Memory size in MiB [16384]: " in done.out
    assert "[ ERROR ] there is no answer 999" in done.out
    assert done.out.count("CONFIGURATION PREVIEW") == 2
    assert "The run will:\n          - Create the network\n" in done.out
    text = kept(program.world.paths.state / "answers")
    assert f"{MEMORY}=int:5000\n" in text
    assert f"{VCPUS}=int:2\n" in text


def test_problems_of_the_checks_are_mended_in_the_preview(program: Program, complete: str) -> None:
    replies = ("4096", "yes", "yes", "", number(complete, VCPUS), "2", "yes")
    done = ask(program, complete, *replies, left_open=(VCPUS,))
    assert done.code == 0, done.out
    assert done.out.index("HE-CPUS") > done.out.index("CONFIGURATION PREVIEW")
    assert "[ ERROR ] the problems above are still there" in done.out
    assert "[ ERROR ] an answer is needed" in done.out
    assert done.out.count("Number of the answer to change, or No to end the run: ") == 3
    assert done.out.count(ASKED) == 1


def test_a_wrong_appliance_is_asked_again(program: Program, complete: str) -> None:
    broken = program.inputs.folder / "broken.ova"
    broken.write_bytes(b"\0" * 4096)
    path = "OVEHOSTED_VM/ovfArchive"
    text = re.sub(f"^{path}=.*$", f"{path}=str:{broken}", complete, flags=re.MULTILINE)
    done = ask(program, text, str(program.inputs.appliance), "yes")
    assert done.code == 0, done.out
    assert "HE-APPLIANCE" in done.out
    assert f"Path of the engine appliance (OVA or disk image) [{broken}]: " in done.out


class Killing:
    """A watch at which the process ends, after the first record that `is_it`."""

    def __init__(self, kind: type[Record], key: str = "") -> None:
        self._kind = kind
        self._key = key

    def __call__(self, when: str, record: Record) -> None:
        if when != "after" or not isinstance(record, self._kind):
            return
        if not isinstance(record, Answered) or self._key in dict(record.answers):
            raise Killed


def nothing(_when: str, _record: Record) -> None:
    """Watch nothing."""


def test_a_killed_interview_goes_on_with_its_answers(program: Program, complete: str) -> None:
    program.observe = Killing(Answered, VCPUS)
    with pytest.raises(Killed):
        ask(program, complete, "2", left_open=(VCPUS, MEMORY))
    program.observe = nothing
    refused = program.deploy()
    assert (refused.code, "HE-RUN-UNFINISHED" in refused.out) == (4, True)
    done = resume(program, "5000", "yes")
    assert done.code == 0, done.out
    assert "Number of virtual CPUs (" not in done.out
    text = kept(program.world.paths.state / "answers")
    assert f"{VCPUS}=int:2\n" in text
    assert f"{MEMORY}=int:5000\n" in text


def test_the_answer_file_is_written_after_every_answer(program: Program, complete: str) -> None:
    seen: list[bool] = []

    def watch(when: str, record: Record) -> None:
        if isinstance(record, Answered) and when == "before" and MEMORY in dict(record.answers):
            seen.append(f"{VCPUS}=int:2\n" in kept(program.world.paths.state / "answers"))

    program.observe = watch
    ask(program, complete, "2", "5000", "yes", left_open=(VCPUS, MEMORY))
    assert seen == [True]


def test_what_was_typed_over_a_file_is_still_the_answer_on_a_resume(program: Program, complete: str) -> None:
    program.observe = Killing(Confirmed)
    with pytest.raises(Killed):
        ask(program, complete, number(complete, VCPUS), "2", "yes")
    program.observe = nothing
    done = program("deploy", "--resume")
    assert done.code == 0, done.out
    assert f"{VCPUS}=int:2\n" in (program.world.paths.etc / "answers.conf").read_text()
    assert f"{VCPUS}=int:4\n" in program.inputs.answers.read_text()


def test_whoever_leaves_is_told_how_to_go_on_with_the_answers(program: Program, complete: str) -> None:
    left = ask(program, complete, "2", left_open=(VCPUS, MEMORY))
    assert left.code == 130
    (command,) = re.findall(r"Go on where it was left:  hosted-engine (.*)", left.out)
    assert f"--secrets-file={program.inputs.secrets}" in command
    program.stdin = Operator(["5000", "yes"], None)
    done = program(*command.split(), "--dialect=plain")
    assert done.code == 0, done.out
