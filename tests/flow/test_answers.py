"""`hosted-engine answers`: files are shown, checked and converted as a deploy would read them."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Final

import pytest
from jsonschema import Draft202012Validator

from tests.flow.program import ADMIN, Program

if TYPE_CHECKING:
    from pathlib import Path

FQDN, VCPUS, CENTER = "OVEHOSTED_NETWORK/fqdn", "OVEHOSTED_VM/vmVCpus", "OVEHOSTED_ENGINE/datacenterName"
PASSWORD: Final = "OVEHOSTED_ENGINE/adminPassword"


@pytest.fixture
def folder(program: Program) -> Path:
    return program.inputs.folder


def write(path: Path, *lines: str, mode: int = 0o600) -> str:
    path.write_text("\n".join([*lines, ""]))
    path.chmod(mode)
    return str(path)


def test_show(program: Program, folder: Path) -> None:
    first = write(
        folder / "a.conf", "[environment:override]", f"{VCPUS}=int:2", "[environment:default]", f"{CENTER}=str:",
        f"{PASSWORD}=str:{ADMIN}", "OVEHOSTED_VM/vmBoot=str:disk", "OVEHOSTED_VM/cdromUUID=str:x",
        "OVEHOSTED_VM/rootSshPubkey=str:x", "OVEHOSTED_ENGINE/clusterName=str:A",
    )  # fmt: skip
    later = write(
        folder / "b.conf", "[environment:default]", f"{VCPUS}=int:4", "OVEHOSTED_ENGINE/clusterName=none:None",
        f"{FQDN}=str:e.example.com", "OVEHOSTED_VM/rootSshPubkey=str:",
    )  # fmt: skip
    done = program("answers", "show", first, later)
    for line in (
        f"    2  ({first}:2, override)  wins",
        f"    4  ({later}:2, default)  overruled by {first}:2",
        f"    (empty)  ({first}:4, default)  refused",
        f"    ********  ({first}:5, default)  wins",
        f"    disk  ({first}:6, default)  retired",
        f"    x  ({first}:7, default)  without effect here",
        f"    x  ({first}:8, default)  overruled by {later}:5",
        f"    (empty)  ({later}:5, default)  wins",
        f"    A  ({first}:9, default)  taken back",
        f"    (none)  ({later}:3, default)  takes the answer back",
        f"    e.example.com  ({later}:4, default)  wins",
    ):
        assert line in done.out.splitlines(), (line, done.out)
    assert "retired in 2018, ignored: OVEHOSTED_VM/vmBoot" in done.out
    assert ADMIN not in done.out
    assert done.code == 2
    assert done.out.count("HE-ANSWERS-VALUE") == 1


def test_show_as_json(program: Program, folder: Path) -> None:
    file = write(folder / "a.conf", "[environment:init]", f"{VCPUS}=int:2", f"{PASSWORD}=str:{ADMIN}", "A/b=str:x")
    done = program("answers", "show", "--json", file)
    assert done.code == 2
    told = json.loads(done.out)
    shared = {"file": file, "section": "init"}
    assert told["answers"] == [
        {"key": VCPUS, "type": "int", "value": "2", "secret": False, "line": 2, "state": "wins", **shared},
        {"key": PASSWORD, "type": "str", "value": None, "secret": True, "line": 3, "state": "wins", **shared},
        {"key": "A/b", "type": "str", "value": "x", "secret": False, "line": 4, "state": "unknown", **shared},
    ]
    (problem,) = told["problems"]
    assert (problem["code"], problem["where"]) == ("HE-ANSWERS-KEY", f"{file}:4")


def test_lint_of_good_files(program: Program) -> None:
    done = program("answers", "lint", str(program.inputs.answers), str(program.inputs.secrets))
    assert done.code == 0, done.out
    assert "Nothing is wrong. Answers: 5." in done.out
    assert "Not answered here" not in done.out


def test_lint_names_what_is_left_open(program: Program) -> None:
    done = program("answers", "lint", str(program.inputs.answers))
    assert done.code == 0, done.out
    assert f"Not answered here: Password of admin@internal ({PASSWORD})" in done.out


def test_lint_tells_everything_at_once(program: Program, folder: Path) -> None:
    lines = {
        "OVEHOSTED_ENGINE/engineSetupTimeout=int:0": "HE-ANSWERS-VALUE",
        "OVEHOSTED_STORAGE/domainType=str:floppy": "HE-ANSWERS-VALUE",
        f"{CENTER}=bool:True": "HE-ANSWERS-VALUE",  # a deploy takes the word; the schema knows better
        "OVEHOSTED_VM/vmMemSizeMb=int:1": "HE-ANSWERS-KEY",
        "OVEHOSTED_CORE/confirmSettings=bool:no": "HE-ANSWERS-BOOL",
    }
    done = program("answers", "lint", write(folder / "a.conf", "[environment:default]", *lines))
    assert done.code == 2
    for number, code in enumerate(lines.values(), start=2):
        place = f"Where: {folder / 'a.conf'}:{number}"
        before = done.out[: done.out.index(place)]
        assert before.rindex(code) == before.rindex("HE-"), (code, done.out)
    assert "True is not of type 'string'" in done.out


def test_lint_of_what_a_deploy_wrote(program: Program) -> None:
    assert program.deploy(f"--generate-answer={program.inputs.folder / 'written.conf'}").code == 0
    done = program("answers", "lint", str(program.inputs.folder / "written.conf"))
    assert done.code == 0, done.out


def test_the_schema_is_one(program: Program) -> None:
    schema = json.loads(program("answers", "schema").out)
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    assert judge.is_valid({FQDN: "e.example.com", VCPUS: 2, "QUESTION/1/X": "y", "OVEHOSTED_VM/vmBoot": "disk"})
    for bad in ({FQDN: "e"}, {VCPUS: "2"}, {"A/b": 1}, {"HOSTED_ENGINE/firmware": "coreboot"}, {PASSWORD: ""}):
        assert not judge.is_valid(bad), bad
    assert schema["properties"][PASSWORD]["writeOnly"]


def test_an_answer_file_becomes_variables_and_comes_back(program: Program, folder: Path) -> None:
    answers = write(
        folder / "a.conf", "[environment:default]", f"{FQDN}=str:e.example.com", f"{VCPUS}=int:2",
        "OVEHOSTED_STORAGE/storageDomainConnection=str:nas.example.com:/srv/x", f"{PASSWORD}=str:{ADMIN}",
        "OVEHOSTED_VM/cloudinitVMStaticCIDR=str:192.0.2.5/24", "OVEHOSTED_VM/cloudinitVMDNS=str:192.0.2.1,192.0.2.2",
        "OVEHOSTED_CORE/enableKeycloak=bool:False", "OVEHOSTED_STORAGE/iSCSIPortalUser=str:{{ rw }}",
        "HOSTED_ENGINE/firmware=str:uefi", "OVEHOSTED_VM/vmBoot=str:disk", "OVEHOSTED_VM/rootSshPubkey=str:",
    )  # fmt: skip
    there, back = folder / "a.yml", folder / "b.conf"
    done = program("answers", "convert", "--to=ansible", "--output", str(there), answers)
    assert done.code == 0, done.out
    assert f"Written: {there}" in done.out
    assert stat.S_IMODE(there.stat().st_mode) == 0o600
    lines = there.read_text().splitlines()
    for line in (
        'he_fqdn: "e.example.com"', "he_vcpus: 2",
        'he_storage_domain_addr: "nas.example.com"', 'he_storage_domain_path: "/srv/x"',
        "# he_admin_password is secret and not written: give it by ansible-vault",
        'he_vm_ip_addr: "192.0.2.5"', 'he_vm_ip_prefix: "24"', 'he_dns_addr: ["192.0.2.1", "192.0.2.2"]',
        "he_enable_keycloak: false", 'he_iscsi_username: !unsafe "{{ rw }}"', 'he_root_ssh_pubkey: ""',
        "# HOSTED_ENGINE/firmware: not written, the role has no such variable",
        "# OVEHOSTED_VM/vmBoot: not written, retired in 2018",
    ):  # fmt: skip
        assert line in lines, (line, lines)
    assert program("answers", "convert", "--to=otopi", "--output", str(back), str(there)).code == 0
    kept = {line for line in back.read_text().splitlines() if line and line[0] not in "#["}
    gone = {"HOSTED_ENGINE/firmware=str:uefi", "OVEHOSTED_VM/vmBoot=str:disk", f"{PASSWORD}=str:{ADMIN}"}
    assert kept == {line for line in (folder / "a.conf").read_text().splitlines()[1:] if line} - gone
    assert program("answers", "lint", str(back)).code == 0


def test_variables_become_answers(program: Program, folder: Path) -> None:
    file = write(
        folder / "v.yml", "---", "he_fqdn: E.example.com", "he_mem_size_MB: max", "he_vcpus: '4'", "he_gateway: null",
        "he_root_ssh_access: yes", "he_vm_etc_hosts: on", "he_enable_libgfapi: 'no'", "he_appliance: /srv/a.ova",
        f"he_admin_password: '{ADMIN}'", "he_appliance_password: !vault |", "  $ANSIBLE_VAULT;1.1;AES256", "  61",
        "he_storage_domain_addr: nas", "he_use_uefi: true", "he_dns_addr: 192.0.2.1", "he_iscsi_portal_port: 3260",
    )  # fmt: skip
    done = program("answers", "convert", "--to=otopi", file)
    assert done.code == 0, done.out
    assert ADMIN not in done.out
    lines = done.out.splitlines()
    for line in (
        f"{FQDN}=str:e.example.com", f"{VCPUS}=int:4", "OVEHOSTED_VM/rootSshAccess=str:yes",
        "OVEHOSTED_VM/cloudinitVMETCHOSTS=bool:True", "OVEHOSTED_ENGINE/enableLibgfapi=bool:False",
        "OVEHOSTED_VM/ovfArchive=str:/srv/a.ova", "OVEHOSTED_VM/cloudinitVMDNS=str:192.0.2.1",
        "OVEHOSTED_STORAGE/iSCSIPortalPort=str:3260", "# he_use_uefi: not written, no answer says the same",
        f"# {PASSWORD} is secret and not written: give it with --secrets-file or HOSTED_ENGINE_SECRET_ADMIN_PASSWORD",
        "# he_mem_size_MB: max is not written, without an answer what is there is measured",
        "# he_enable_libgfapi: written, OVEHOSTED_ENGINE/enableLibgfapi has no effect in hosted-engine deploy",
        "# he_storage_domain_addr: not written without he_storage_domain_path",
    ):  # fmt: skip
        assert line in lines, (line, done.out)
    assert not any("gateway" in line for line in lines)


@pytest.mark.parametrize("name", ["he_admin_password", "he_db_password"])
def test_variables_with_secrets_must_be_private(program: Program, folder: Path, name: str) -> None:
    file = write(folder / "v.yml", f"{name}: '{ADMIN}'", mode=0o640)
    done = program("answers", "convert", "--to=otopi", file)
    assert done.code == 2
    assert "HE-SECRETS-MODE" in done.out
    assert f"Where: {file}:1" in done.out
    assert ADMIN not in done.out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("he_fqdn: &a x\nhe_gateway: *a", 2),
        ("he_fqdn: a\nhe_fqdn: b", 2),
        (f"he_fqdn: {'[' * 9}{']' * 9}", 1),
        ("he_fqdn: [", 2),
        ("he_fqdn: 'x", 2),
        ("a: b: c", 1),
        ("[environment:default]", 1),
        ("? [a]\n: b", 1),
        ("---\na: b\n---\na: b", 3),
        ("he_fqdn: {a: b}", 1),
        ("he_fqdn: !!python/object:os.system x", 1),
        ("he_fqdn: |\n  a\n  b", 1),
        ("he_fqdn: \x07", 1),
    ],
)
def test_yaml_that_is_not_taken(program: Program, folder: Path, text: str, line: int) -> None:
    file = write(folder / "v.yml", *text.split("\n"))
    done = program("answers", "convert", "--to=otopi", file)
    assert done.code == 2, done.out
    assert done.out.count("HE-VARIABLES-SYNTAX") == 1, done.out
    assert f"Where: {file}:{line}" in done.out, done.out


def test_an_empty_file_is_no_mistake(program: Program, folder: Path) -> None:
    done = program("answers", "convert", "--to=otopi", write(folder / "v.yml", "# nothing"))
    assert done.code == 0
    assert done.out.splitlines()[-1] == "[environment:default]"


def test_a_wrong_answer_file_is_not_converted(program: Program, folder: Path) -> None:
    file = write(folder / "a.conf", "[environment:default]", f"{VCPUS}=str:many", "A/b=str:x")
    target = folder / "a.yml"
    done = program("answers", "convert", "--to=ansible", "--output", str(target), file)
    assert done.code == 2
    assert "HE-ANSWERS-VALUE" in done.out
    assert "HE-ANSWERS-KEY" in done.out
    assert not target.exists()


def test_a_folder_that_is_not_there(program: Program, folder: Path) -> None:
    target = folder / "none" / "a.yml"
    done = program("answers", "convert", "--to=ansible", "--output", str(target), str(program.inputs.answers))
    assert done.code == 1
    assert "HE-ANSWERS-WRITE" in done.out


def test_an_unknown_key_is_shown_as_such(program: Program, folder: Path) -> None:
    done = program("answers", "show", write(folder / "a.conf", "[environment:default]", "A/b=str:x"))
    assert done.code == 2
    assert f"    x  ({folder / 'a.conf'}:2, default)  unknown" in done.out.splitlines()
