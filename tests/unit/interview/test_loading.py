"""Answers from several places: which wins, what is refused, what is worth a notice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.interview.loading import Option, load
from hosted_setup.interview.store import Answers
from hosted_setup.model.answer import Recorded
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.secret import Secret
from tests.unit.interview.conftest import Files, told
from tests.unit.interview.sections import ALL, FQDN, MEMORY, OWN, PASSWORD, PATH, VCPUS, Shared

if TYPE_CHECKING:
    from collections.abc import Mapping


def won(answers: Answers, key: str) -> tuple[object, str]:
    given = answers.given[key]
    return given.text, str(given.origin).rpartition("/")[2]


def test_the_later_file_wins(files: Files) -> None:
    first = files(f"{VCPUS}=str:2\n{MEMORY}=str:1", "a.conf")
    later = files(f"{VCPUS}=str:3", "b.conf")
    answers = load(ALL, files=[first, later])
    assert won(answers, VCPUS) == ("3", "b.conf:2")
    assert won(answers, MEMORY) == ("1", "a.conf:3")
    assert not answers.problems
    assert answers.complete


@pytest.mark.parametrize(
    ("lower", "greater"), [("default", "init"), ("init", "override"), ("override", "enforce"), ("default", "enforce")]
)
def test_the_greater_section_wins_whatever_the_file(files: Files, lower: str, greater: str) -> None:
    first = files(f"{VCPUS}=str:2", "a.conf", layer=greater)
    later = files(f"{VCPUS}=str:3", "b.conf", layer=lower)
    assert won(load(ALL, files=[first, later]), VCPUS) == ("2", "a.conf:2")


def test_a_directory_beside_the_file_is_read_sorted(files: Files) -> None:
    path = files(f"{VCPUS}=str:1")
    files(f"{VCPUS}=str:3", "answers.conf.d/20.conf")
    files(f"{VCPUS}=str:2\n{MEMORY}=str:5", "answers.conf.d/10.conf")
    files(f"{VCPUS}=str:9", "answers.conf.d/90.conf~")
    files(f"{VCPUS}=str:9", "answers.conf.d/.90.conf")
    answers = load(ALL, files=[path])
    assert won(answers, VCPUS) == ("3", "20.conf:2")
    assert won(answers, MEMORY) == ("5", "10.conf:3")


@pytest.mark.parametrize(
    ("options", "resumed", "layer", "expected"),
    [
        ((), {}, "default", ("2", "a.conf:2")),
        ((Option(VCPUS, "7", "--vcpus"),), {}, "override", ("7", "--vcpus")),
        ((Option(VCPUS, "7", "--vcpus"),), {}, "enforce", ("2", "a.conf:2")),
        ((), {VCPUS: Recorded("8")}, "default", ("2", "a.conf:2")),
        ((), {VCPUS: Recorded("8", typed=True)}, "enforce", ("8", "resumed")),
    ],
)
def test_options_files_and_resumed(
    files: Files, options: tuple[Option, ...], resumed: Mapping[str, Recorded], layer: str, expected: tuple[str, str]
) -> None:
    path = files(f"{VCPUS}=str:2", "a.conf", layer=layer)
    assert won(load(ALL, files=[path], options=options, resumed=resumed), VCPUS) == expected


def test_what_an_earlier_run_knew_comes_last() -> None:
    assert won(load(ALL, resumed={VCPUS: Recorded("8")}), VCPUS) == ("8", "resumed")


def test_what_an_earlier_version_recorded_is_skipped() -> None:
    answers = load(ALL, resumed={"HOSTED_ENGINE/dropped": Recorded("8")})
    assert not answers.given
    assert not answers.problems


def test_an_option_overruled_is_told(files: Files) -> None:
    path = files(f"{VCPUS}=str:2", "a.conf", layer="enforce")
    (notice,) = load(ALL, files=[path], options=[Option(VCPUS, "7", "--vcpus")]).notices
    assert isinstance(notice, Warn)
    assert "--vcpus is overruled by" in notice.text
    assert "a.conf:2" in notice.text


def test_none_takes_an_answer_back(files: Files) -> None:
    first = files(f"{VCPUS}=str:2\n{MEMORY}=str:4", "a.conf")
    later = files(f"{VCPUS}=none:None", "b.conf")
    answers = load(ALL, files=[first, later], resumed={VCPUS: Recorded("8")})
    assert won(answers, VCPUS) == ("8", "resumed")
    assert VCPUS not in load(ALL, files=[first, later]).given


def test_every_key_has_a_standing(files: Files) -> None:
    path = files(
        f"{VCPUS}=str:2\n{OWN}=str:nat\nOVEHOSTED_VM/cdromUUID=str:x\nOVEHOSTED_VM/vmBoot=str:disk\n"
        "QUESTION/1/CI_DNS=str:x\nDIALOG/autoAcceptDefault=bool:True\nDIALOG/dialect=str:human"
    )
    answers = load(ALL, files=[path])
    assert not answers.problems
    assert set(answers.given) == {VCPUS, OWN}
    assert answers.notices == (
        Info(
            f"{path}: known keys without effect here: OVEHOSTED_VM/cdromUUID, QUESTION/1/CI_DNS, "
            "DIALOG/autoAcceptDefault, DIALOG/dialect"
        ),
        Info(f"{path}: keys that were retired in 2018, ignored: OVEHOSTED_VM/vmBoot"),
    )


def test_all_that_files_say_is_kept(files: Files) -> None:
    first = files("OVEHOSTED_VM/cdromUUID=str:x\nOVEHOSTED_VM/vmBoot=str:disk", "a.conf", layer="override")
    later = files(f"OVEHOSTED_VM/cdromUUID=str:y\n{VCPUS}=int:2\nSOMETHING/else=str:z", "b.conf")
    answers = load(ALL, files=[first, later])
    assert [(one.key, one.text) for one in answers.entries] == [
        ("OVEHOSTED_VM/cdromUUID", "x"), ("OVEHOSTED_VM/vmBoot", "disk"),
        ("OVEHOSTED_VM/cdromUUID", "y"), (VCPUS, "2"), ("SOMETHING/else", "z"),
    ]  # fmt: skip
    assert {key: given.text for key, given in answers.unused.items()} == {"OVEHOSTED_VM/cdromUUID": "x"}


def test_unknown_keys(files: Files) -> None:
    path = files("OVEHOSTED_VM/vmVcpu=str:2\nSOMETHING/else=str:x1y2")
    first, second = load(ALL, files=[path]).problems
    assert told([first, second]) == [("HE-ANSWERS-KEY", "answers.conf:2"), ("HE-ANSWERS-KEY", "answers.conf:3")]
    assert first.hint == f"Did you mean {VCPUS}?"
    assert "x1y2" not in repr(vars(second))


def test_the_machine_dialect_is_refused(files: Files) -> None:
    assert told(load(ALL, files=[files("DIALOG/dialect=str:machine")]).problems) == [
        ("HE-ANSWERS-DIALECT", "answers.conf:2")
    ]


@pytest.mark.parametrize(
    "line",
    [
        f"{VCPUS}=str:4",
        f"{VCPUS}=int:4",
        f"{OWN}=int:4",
        f"{OWN}=multi-str:a\n  b",
        "OVEHOSTED_CORE/renewPKIonRestore=bool:True",
        "OVEHOSTED_CORE/renewPKIonRestore=str:yes",
        "OVEHOSTED_CORE/renewPKIonRestore=str:No",
        "OVEHOSTED_VM/cloudinitVMStaticCIDR=bool:False",
        "OVEHOSTED_VM/cloudinitVMStaticCIDR=str:",
        "OVEHOSTED_VM/rootSshAccess=str:yes",
        "OVEHOSTED_CORE/confirmSettings=bool:True",
    ],
)
def test_the_types_writers_use_are_tolerated(files: Files, line: str) -> None:
    assert not load(ALL, files=[files(line)]).problems


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        (f"{VCPUS}=str:four", ""),
        (f"{VCPUS}=str:", ""),
        (f"{VCPUS}=bool:True", ""),
        (f"{FQDN}=str:engine", ""),
        (f"{PATH}=str:relative", ""),
        (f"{PASSWORD}=str:", ""),
        ("OVEHOSTED_VM/rootSshAccess=bool:True", "accepted: yes, no, without-password"),
        ("OVEHOSTED_CORE/renewPKIonRestore=int:1", "accepted: yes, no"),
        ("OVEHOSTED_CORE/confirmSettings=str:perhaps", "accepted: yes, no"),
    ],
)
def test_a_value_that_no_prompt_would_take(files: Files, line: str, accepted: str) -> None:
    answers = load(ALL, files=[files(line)])
    assert told(answers.problems) == [("HE-ANSWERS-VALUE", "answers.conf:2")]
    assert line.partition("=")[0] in answers.problems[0].detail
    assert accepted in answers.problems[0].why
    assert not answers.given


def test_a_key_with_two_meanings_takes_either(files: Files) -> None:
    path = files(f"{PATH}=int:7")
    assert load(ALL, files=[path]).problems
    assert not load((*ALL, Shared), files=[path]).problems


def test_a_wrong_option_names_the_option() -> None:
    (problem,) = load(ALL, options=[Option(VCPUS, "x", "--vcpus")]).problems
    assert problem.where == "--vcpus"
    assert problem.command == "hosted-engine deploy --help"


def test_everything_wrong_in_all_files_is_told_at_once(files: Files, tmp_path: Path) -> None:
    paths = [
        files(f"{VCPUS}=bool:no\nOVEHOSTED_VM/vmVcpu=str:2", "a.conf"),
        tmp_path / "missing.conf",
        files(f"{FQDN}=str:engine\n{PASSWORD}=str:x1y2", "b.conf", mode=0o644),
        files("what", "c.conf"),
        files(f"{MEMORY}=str:x", "d.conf"),
    ]
    answers = load(ALL, files=paths)
    assert told(answers.problems) == [
        ("HE-ANSWERS-BOOL", "a.conf:2"),
        ("HE-ANSWERS-KEY", "a.conf:3"),
        ("HE-ANSWERS-UNREADABLE", "missing.conf"),
        ("HE-SECRETS-MODE", "b.conf:3"),
        ("HE-ANSWERS-SYNTAX", "c.conf:2"),
        ("HE-ANSWERS-VALUE", "d.conf:2"),
    ]
    assert not answers.complete


def test_a_directory_that_cannot_be_listed(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    path = files(f"{VCPUS}=str:2")
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert told(load(ALL, files=[path]).problems) == [("HE-ANSWERS-UNREADABLE", "answers.conf.d")]


def test_secrets_of_a_private_answer_file(files: Files) -> None:
    answers = load(ALL, files=[files(f"{PASSWORD}=str:x1y2")])
    assert won(answers, PASSWORD) == (Secret("x1y2"), "answers.conf:2")
    assert not answers.problems


def test_a_secret_nobody_asks_for_needs_a_private_file_too(files: Files) -> None:
    path = files("OVEHOSTED_STORAGE/iSCSIPortalPassword=str:x1y2", mode=0o644)
    (problem,) = load(ALL, files=[path]).problems
    assert told([problem]) == [("HE-SECRETS-MODE", "answers.conf:2")]
    assert problem.command == f"chmod 600 {path}"


def test_without_secrets_any_mode_is_fine(files: Files) -> None:
    path = files(f"{VCPUS}=str:2\n{PASSWORD}=none:None", mode=0o644)
    assert not load(ALL, files=[path]).problems


def test_the_secrets_file_is_read_last_and_is_always_private(files: Files) -> None:
    path = files(f"{VCPUS}=str:2\n{PASSWORD}=str:x1y2", "a.conf")
    private = files(f"{VCPUS}=str:3\n{PASSWORD}=str:z3w4", "s.conf")
    answers = load(ALL, files=[path], secrets_file=private)
    assert won(answers, PASSWORD) == (Secret("z3w4"), "s.conf:3")
    private = files(f"{VCPUS}=str:3", "s.conf", mode=0o640)
    assert told(load(ALL, secrets_file=private).problems) == [("HE-SECRETS-MODE", "s.conf")]


def test_the_environment_beats_files_and_an_option_beats_it(files: Files) -> None:
    path = files(f"{PASSWORD}=str:x1y2")
    environment = {"HOSTED_ENGINE_SECRET_ADMIN_PASSWORD": Secret("z3w4")}
    answers = load(ALL, files=[path], environment=environment)
    assert won(answers, PASSWORD) == (Secret("z3w4"), "HOSTED_ENGINE_SECRET_ADMIN_PASSWORD")
    options = [Option(PASSWORD, "o5p6", "--password")]
    answers = load(ALL, files=[path], environment=environment, options=options)
    assert won(answers, PASSWORD) == (Secret("o5p6"), "--password")


def test_a_misspelt_variable_is_refused() -> None:
    (problem,) = load(ALL, environment={"HOSTED_ENGINE_SECRET_ADMIN_PASWORD": Secret("x1y2")}).problems
    assert told([problem]) == [("HE-ANSWERS-KEY", "HOSTED_ENGINE_SECRET_ADMIN_PASWORD")]
    assert "HOSTED_ENGINE_SECRET_ADMIN_PASSWORD" in problem.hint


def test_a_variable_like_none_is_refused_naming_those_there_are() -> None:
    (problem,) = load(ALL, environment={"ZZZ": Secret("x1y2")}).problems
    assert problem.code == "HE-ANSWERS-KEY"
    assert problem.hint.startswith("Known: HOSTED_ENGINE_SECRET_ADMIN_PASSWORD")
