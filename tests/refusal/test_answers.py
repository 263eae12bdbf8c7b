"""Answers that must not be taken: all of them are told at once, each with its line, before anything is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.refusal.told import Refusal, assert_well_told

if TYPE_CHECKING:
    from tests.refusal.site import Site

# The line that is wrong, the code it is refused by, and a word that the message must hold.
BAD: Final[dict[str, tuple[str, str, str]]] = {
    "unknown type": ("OVEHOSTED_VM/emulatedMachine=text:q35", "HE-ANSWERS-TYPE", "multi-str:"),
    "no type": ("OVEHOSTED_VM/emulatedMachine=q35", "HE-ANSWERS-TYPE", "int:"),
    "no number": ("OVEHOSTED_STORAGE/imgSizeGB=int:many", "HE-ANSWERS-TYPE", "whole number"),
    "unknown key": ("OVEHOSTED_VM/vmMemSizeMb=int:4096", "HE-ANSWERS-KEY", "OVEHOSTED_VM/vmMemSizeMB"),
    "unknown key, like none": ("SOME_OTHER/thing=str:x", "HE-ANSWERS-KEY", "Take the line out"),
    "no bool": ("OVEHOSTED_CORE/confirmSettings=bool:no", "HE-ANSWERS-BOOL", "True and False"),
    "out of range": ("OVEHOSTED_STORAGE/imgSizeGB=int:9000", "HE-ANSWERS-VALUE", "not between 1 and 8192"),
    "out of range, below": ("OVEHOSTED_ENGINE/engineSetupTimeout=int:5", "HE-ANSWERS-VALUE", "between 60 and 86400"),
    "no choice": ("HOSTED_ENGINE/firmware=str:coreboot", "HE-ANSWERS-VALUE", "auto, bios, uefi"),
    "no address": ("HOSTED_ENGINE/natSubnet=str:8.8.8.0/24", "HE-ANSWERS-VALUE", "private /24"),
    "no kind of storage": ("OVEHOSTED_STORAGE/domainType=str:floppy", "HE-ANSWERS-VALUE", "localfs"),
    "no line": ("confirmSettings", "HE-ANSWERS-SYNTAX", "FAMILY/name=type:value"),
    "no section": ("[environment:later]", "HE-ANSWERS-SYNTAX", "[environment:enforce]"),
    "twice": ("OVEHOSTED_NETWORK/fqdn=str:other.example.com", "HE-ANSWERS-DUPLICATE", "line 3"),
    "machine dialect": ("DIALOG/dialect=str:machine", "HE-ANSWERS-DIALECT", "replayed"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer(site: Site, case: str) -> None:
    line, code, word = BAD[case]
    site.answer(line)
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (2, [code]), refusal.out
    (told,) = refusal.told
    place = f"{site.answers}:{len(site.answers.read_text().splitlines())}"
    assert told.text("Where") == place
    assert any(word in text for part in told.parts.values() for text in part), refusal.out
    assert told.command == f"sed -n {place.rpartition(':')[2]}p {site.answers}"
    assert_well_told(told)


def test_a_bad_answer_in_the_folder_beside_the_answers(site: Site) -> None:
    beside = site.inputs / "answers.conf.d" / "10-site.conf"
    beside.parent.mkdir()
    beside.write_text("# ours\n[environment:override]\n\nOVEHOSTED_VM/vmVCpus=int:0\n")
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (2, ["HE-ANSWERS-VALUE"]), refusal.out
    assert refusal.told[0].text("Where") == f"{beside}:4"
    assert_well_told(refusal.told[0])


def test_all_that_is_wrong_is_told_at_once(site: Site) -> None:
    line_errors = [line for line, code, _ in BAD.values() if code not in {"HE-ANSWERS-SYNTAX", "HE-ANSWERS-DUPLICATE"}]
    keys = [line.partition("=")[0] for line in line_errors]
    lines = [line for at, line in enumerate(line_errors) if keys.index(keys[at]) == at]
    site.answer(*lines, OVEHOSTED_STORAGE__storageDomainConnection="")
    site.arguments.pop()  # the secrets
    refusal = site.refused()
    assert refusal.exit_code == 2
    told = [one for one in refusal.told if one.code != "HE-ANSWERS-MISSING"]
    assert sorted(one.text("Where") for one in told) == sorted(site.line(line) for line in lines), refusal.out
    missing = " ".join(one.text("What") for one in refusal.told if one.code == "HE-ANSWERS-MISSING")
    for key in (
        "OVEHOSTED_STORAGE/storageDomainConnection",
        "OVEHOSTED_ENGINE/adminPassword",
        "OVEHOSTED_VM/cloudinitRootPwd",
    ):
        assert key in missing
    for one in refusal.told:
        assert_well_told(one)


@pytest.mark.parametrize("case", ["is not there", "is a folder", "is not text", "is too long"])
def test_an_answer_file_that_cannot_be_read(site: Site, case: str) -> None:
    site.answers.unlink()
    if case == "is a folder":
        site.answers.mkdir()
    elif case == "is not text":
        site.answers.write_bytes(b"[environment:default]\n\xff\xfe\n")
    elif case == "is too long":
        site.answers.write_bytes(b"#" * (2 << 20))
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (2, ["HE-ANSWERS-UNREADABLE"]), refusal.out
    assert refusal.told[0].text("Where") == str(site.answers)
    assert_well_told(refusal.told[0])


@pytest.mark.parametrize("case", ["mode", "owner", "link", "a secret among the answers"])
def test_secrets_that_others_can_read(site: Site, case: str) -> None:
    if case == "mode":
        site.secrets.chmod(0o640)
    elif case == "owner":
        site.inside("chown", "1234", site.secrets)
    elif case == "link":
        site.secrets.rename(site.inputs / "elsewhere.conf")
        site.secrets.symlink_to("elsewhere.conf")
    else:
        site.answer("OVEHOSTED_ENGINE/adminPassword=str:canary")
        site.answers.chmod(0o644)
    refusal = site.refused()
    assert refusal.exit_code == 2
    told = next(one for one in refusal.told if one.code == "HE-SECRETS-MODE")
    assert {one.code for one in refusal.told} <= {"HE-SECRETS-MODE", "HE-ANSWERS-MISSING"}, refusal.out
    assert "canary" not in refusal.out
    assert_well_told(told)


def test_a_secret_variable_that_is_misspelt(site: Site) -> None:
    site.environment["HOSTED_ENGINE_SECRET_ADMIN_PASSWD"] = "canary"
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (2, ["HE-ANSWERS-KEY"]), refusal.out
    assert "Did you mean HOSTED_ENGINE_SECRET_ADMIN_PASSWORD?" in refusal.out
    assert "canary" not in refusal.out
    assert_well_told(refusal.told[0])


@pytest.mark.parametrize(
    ("line", "code", "word"),
    [
        ("he_vcpu: 4", "HE-VARIABLES-NAME", "he_vcpus"),
        ("something: 4", "HE-VARIABLES-NAME", "Take the line out"),
        ("he_vcpus: [4]", "HE-VARIABLES-SYNTAX", "it is a list"),
        ("he_fqdn: '{{ name }}'", "HE-VARIABLES-SYNTAX", "only Ansible"),
        ("- he_vcpus: 4", "HE-VARIABLES-SYNTAX", "not a mapping"),
        ("he_vcpus: many", "HE-ANSWERS-VALUE", "whole number"),
    ],
)
def test_variables_that_make_no_answers(site: Site, line: str, code: str, word: str) -> None:
    file = site.inputs / "variables.yml"
    file.write_text(f"---\n{line}\n")
    before = site.inventory()
    words = ("answers", "--root", site.root, "convert", "--to=otopi", "--output", site.inputs / "new.conf", file)
    refusal = Refusal(*site.program(words, site.environment))
    assert site.inventory() == before
    assert (refusal.exit_code, refusal.codes) == (2, [code]), refusal.out
    assert refusal.told[0].text("Where") == f"{file}:2"
    assert word in refusal.out
    assert_well_told(refusal.told[0])


@pytest.mark.parametrize("argument", ["--secret-fd=987", "--secret-command=false"])
def test_a_source_of_secrets_that_gives_none(site: Site, argument: str) -> None:
    site.arguments.append(argument)
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (2, ["HE-SECRETS-SOURCE"]), refusal.out
    assert refusal.told[0].text("Where") == argument.removesuffix("=false")
    assert_well_told(refusal.told[0])
