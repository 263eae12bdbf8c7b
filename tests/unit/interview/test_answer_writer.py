"""Written answer files: private, complete, without secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.interview import answer_writer
from hosted_setup.interview.answer_writer import render, write
from hosted_setup.interview.loading import load
from hosted_setup.interview.problems import AnswersWrite
from hosted_setup.interview.section_interview import Answered, SectionInterview
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.problem import ExitCode
from hosted_setup.model.question import questions_of
from hosted_setup.model.secret import Secret
from tests.unit.interview.sections import ALL, PASSWORD, Engine, Local, Vm

if TYPE_CHECKING:
    from collections.abc import Iterator

Products = dict[type[Any], Any]


@pytest.fixture
def answered(products: Products) -> tuple[Answered, ...]:
    vm = SectionInterview(Vm, products, load(ALL))
    engine = SectionInterview(Engine, products, load(ALL))
    for interview, replies in ((vm, ("", "3", "no", "")), (engine, ("engine.example.com", "x1y2", "x1y2"))):
        for text in replies:
            interview.reply(text)
    return (*vm.answered(), *engine.answered())


@pytest.fixture
def wide_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_each_answer_stands_below_its_question(answered: tuple[Answered, ...]) -> None:
    assert render(answered) == (
        "# Answers of hosted-engine. Replay them with --config-append=THIS_FILE.\n"
        "[environment:default]\n"
        "\n# Memory size in MB\nOVEHOSTED_VM/vmMemSizeMB=int:8000\n"
        "\n# Number of vCPUs\nOVEHOSTED_VM/vmVCpus=int:3\n"
        "\n# SSH access for root\nOVEHOSTED_VM/rootSshAccess=str:no\n"
        "\n# Static address\nOVEHOSTED_VM/cloudinitVMStaticCIDR=str:\n"
        "\n# Emulated machine\nOVEHOSTED_VM/emulatedMachine=str:q35\n"
        "\n# Engine FQDN\nOVEHOSTED_NETWORK/fqdn=str:engine.example.com\n"
        "\n# Engine admin password\n"
        "# OVEHOSTED_ENGINE/adminPassword is secret and not written:"
        " give it with --secrets-file or HOSTED_ENGINE_SECRET_ADMIN_PASSWORD\n"
    )


@pytest.mark.usefixtures("wide_umask")
def test_it_is_private_and_replays(answered: tuple[Answered, ...], products: Products, tmp_path: Path) -> None:
    path = tmp_path / "answers.conf"
    write(path, answered)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    answers = load(ALL, files=[path], environment={"HOSTED_ENGINE_SECRET_ADMIN_PASSWORD": Secret("x1y2")})
    assert not answers.problems
    again = [SectionInterview(kind, products, answers) for kind in (Vm, Engine)]
    assert all(one.prompt is None for one in again)
    values = [one.value for interview in again for one in interview.answered()]
    assert values == [one.value for one in answered]


def test_it_is_private_before_anything_is_in_it(
    answered: tuple[Answered, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def look(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))

    monkeypatch.setattr(os, "fsync", look)
    write(tmp_path / "a", answered)
    assert seen[0] == 0o600


def test_a_strict_umask_leaves_the_owner_s_bits(answered: tuple[Answered, ...], tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        write(tmp_path / "a", answered)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_link_in_its_place_is_replaced_not_followed(answered: tuple[Answered, ...], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "a").symlink_to(other)
    write(tmp_path / "a", answered)
    assert other.read_text() == "mine"
    assert not (tmp_path / "a").is_symlink()


def test_a_write_that_fails_leaves_the_old_file(
    answered: tuple[Answered, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")

    def refuse(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(path), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(AnswersWrite) as caught:
        write(tmp_path / "a", answered)
    assert caught.value.why == "No space left on device"
    assert caught.value.exit_code is ExitCode.FAILED
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_fills_up_leaves_nothing(
    answered: tuple[Answered, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(descriptor))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AnswersWrite):
        write(tmp_path / "a", answered)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_there(answered: tuple[Answered, ...], tmp_path: Path) -> None:
    with pytest.raises(AnswersWrite) as caught:
        write(tmp_path / "missing" / "a", answered)
    assert caught.value.where == str(tmp_path / "missing" / "a")


def _answer(kind: type[Any], name: str, value: object) -> Answered:
    (question,) = (one for one in questions_of(kind) if one.name == name)
    return Answered("Title", question, value, Origin(Source.TYPED))


def test_a_secret_is_refused_even_without_its_question() -> None:
    with pytest.raises(TypeError):
        answer_writer.typed(Secret("x1y2"))
    with pytest.raises(TypeError):
        render([_answer(Vm, "machine", Secret("x1y2"))])


def test_what_no_file_can_hold_is_told_in_the_file() -> None:
    assert "# OVEHOSTED_VM/emulatedMachine: not written, it holds control characters\n" in render(
        [_answer(Vm, "machine", "a\x1bb")]
    )


def test_several_lines_stay_several_lines() -> None:
    assert "\nOVEHOSTED_VM/emulatedMachine=multi-str:a\n    b\n" in render([_answer(Vm, "machine", "a\nb")])


def test_a_key_of_two_sections_is_written_once() -> None:
    first, second = (_answer(Local, "path", Path(path)) for path in ("/a", "/b"))
    assert render([first, second]).count(first.question.key) == 1
    assert PASSWORD not in render([first])
