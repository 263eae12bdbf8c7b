"""The whole deploy on pretended ports: fresh and with a restore, every kind of appliance, every answer file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.pipeline.journal import Intent, Record
from hosted_setup.storage.layout import LENT
from hosted_setup.testing.initiator import pretended_wwid
from hosted_setup.testing.portrait import changes, portrait
from tests.flow.program import Program
from tests.unit.domain import builders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.golden.plugin import Golden

ANSWERS = Path(__file__).parents[2] / "answers"
NO_FOLDER = {"OVEHOSTED_STORAGE__storageDomainConnection": ""}


def _nfs(program: Program) -> dict[str, str]:
    program.on_mounted_nfs()
    return NO_FOLDER


def _gluster(program: Program) -> dict[str, str]:
    program.on_gluster(tuned={"network.ping-timeout": "42"})
    return NO_FOLDER


def _iscsi(program: Program) -> dict[str, str]:
    return {**NO_FOLDER, "OVEHOSTED_STORAGE__LunID": f"str:{pretended_wwid(program.on_iscsi())}"}


def _fc(program: Program) -> dict[str, str]:
    program.on_fc()
    return NO_FOLDER


STORAGES: Final = {"nfs": _nfs, "glusterfs": _gluster, "iscsi": _iscsi, "fc": _fc}
"""The examples of shared storage: each prepares its world, and gives what the world answers for itself."""

NEXT = ("ssh root@192.168.222.2", "hosted-engine support-bundle", "hosted-engine cleanup")


def picture(program: Program) -> dict[str, str]:
    return portrait(program.world, {program.inputs.folder: "<inputs>"})


def text(program: Program) -> str:
    return "".join(f"=== {name}\n{content}\n" for name, content in picture(program).items())


def test_a_restore_leaves_exactly_this(program: Program, golden: Golden) -> None:
    done = program.restore()
    assert done.code == 0, done.out
    golden.check("flow/restore.txt", text(program))


def test_a_fresh_engine_leaves_exactly_this(program: Program, golden: Golden) -> None:
    done = program.deploy()
    assert done.code == 0, done.out
    golden.check("flow/fresh.txt", text(program))
    assert "|- Restoring engine database" not in done.out


def test_the_summary_tells_all_that_is_needed(program: Program) -> None:
    out = program.restore().out
    assert "Hosted Engine successfully deployed" in out
    told = ("https://engine.example.com/ovirt-engine/", "192.168.222.2", "4.5.6-1")
    for word, text in zip(("Engine", "Address", "Version"), told, strict=True):
        assert f"          {word + ':':19}{text}\n" in out
    assert "admin@internal" in out
    assert "BF:82:FD:7C:10:A1:91:EC:EC:76:F1:7B:5F:62:39:75:34:2C:58:9C:AE:74:29:B6:75:A7:73:85:A1:F2:C1:B2" in out
    assert "ssh-ed25519 SHA256:aEuL2JbxB30iZXVv0dW2492D7a8J7kq3gpT3WKl4Nzc" in out
    for command in NEXT:
        assert command in out


def test_the_guest_is_followed_live_between_the_headings(program: Program) -> None:
    lines = [line.strip() for line in program.restore().out.splitlines()]
    headings = [
        "Initializing", "Environment setup", "Environment customization", "Setup validation", "Transaction setup",
        "Misc configuration", "Transaction commit", "Closing up", "Pre-termination", "Termination",
    ]  # fmt: skip
    order = [
        *(f"[ INFO  ] Stage: {heading}" for heading in headings[:6]),
        "|- Preparing to restore:",
        "|- HE_APPLIANCE_ENGINE_RESTORE_SUCCESS",
        "[ INFO  ] Engine backup successfully restored",
        "|- HE_APPLIANCE_ENGINE_SETUP_SUCCESS",
        *(f"[ INFO  ] Stage: {heading}" for heading in headings[6:]),
    ]
    assert [line for line in lines if line in order] == order


def test_the_preview_shows_origins_and_destructive_effects(program: Program) -> None:
    out = program.restore().out
    assert f"{program.world.storage}  ({program.inputs.answers}:2)" in out
    assert "HostedEngine  (default)" in out
    assert "192.168.222.0/24  (detected)" in out
    assert "the previous hosted-engine VM is removed" in out
    assert "the previous hosted-engine VM is removed" not in Program.deploy(program, "--plan").out


def test_the_name_of_the_engine_comes_from_the_backup(program: Program) -> None:
    program.answer(OVEHOSTED_NETWORK__fqdn="")
    done = program.restore()
    assert done.code == 0, done.out
    assert "engine.example.com  (backup)" in done.out


def appliance_files() -> dict[str, bytes]:
    ova = builders.tar(builders.ova())
    return {
        "plain OVA": ova,
        "OVA in DMTF's layout": builders.tar(builders.dmtf()),
        "gzip'd OVA": gzip.compress(ova),
        "qcow2": builders.qcow2(),
        "raw with BIOS": builders.gpt("21686148-6449-6e6f-744e-656564454649"),
        "raw with UEFI": builders.gpt("c12a7328-f81f-11d2-ba4b-00a0c93ec93b"),
    }


@pytest.mark.parametrize("passes_files", [True, False])
@pytest.mark.parametrize("kind", appliance_files())
def test_every_kind_of_appliance(program: Program, kind: str, passes_files: bool) -> None:  # noqa: FBT001 - a parameter
    program.inputs.appliance.write_bytes(appliance_files()[kind])
    program.world.behaviour.passes_files = passes_files
    done = program.restore()
    assert done.code == 0, done.out
    found = picture(program)
    names = [name.rpartition("/")[2] for name in found if "/images/" in name]
    assert len([name for name in names if name.startswith("<uuid")]) == 2, "a folder with one disk in it"
    assert not [name for name in names if name.startswith((".", "he-")) or name.endswith(".importing")]
    assert ("firmware='efi'" in found["domain HostedEngine"]) == (kind == "raw with UEFI")


def test_files_the_hypervisor_cannot_open_are_copied_and_removed_again(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.world.behaviour.passes_files = False
    archive = program.inputs.archive
    before = (archive.stat().st_mode, archive.stat().st_uid, archive.read_bytes())
    copied: dict[str, int] = {}
    make_file = LocalTree.make_file

    def watched(tree: LocalTree, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        def looked_at() -> Iterator[bytes]:
            name = Path(path).name
            copied.update({} if name not in LENT else {name: (program.world.storage / path).stat().st_mode & 0o777})
            yield from chunks

        make_file(tree, path, mode, looked_at())

    monkeypatch.setattr(LocalTree, "make_file", watched)
    assert program.restore().code == 0
    assert copied == {"he-seed": 0o600, "he-backup": 0o600}, "private from the first byte"
    assert "fdgroup" not in picture(program)["domain HostedEngine"]
    assert (archive.stat().st_mode, archive.stat().st_uid, archive.read_bytes()) == before


@pytest.mark.parametrize("path", sorted(ANSWERS.glob("[!a]*.conf")), ids=lambda path: path.name)  # not additional-host
def test_every_example_answer_file_deploys_as_it_says(program: Program, path: Path) -> None:
    own = STORAGES.get(path.stem, lambda _: {})(program)
    program.answer(OVEHOSTED_NETWORK__fqdn="", **own)  # the later file: what is of this world alone
    program.world.behaviour.neighbours = ("2001:db8::1",)  # the gateway of an example
    text = path.read_text()
    restore = "--restore-from-file" in text
    done = program(
        "deploy", f"--config-append={path}", f"--config-append={program.inputs.answers}",
        f"--secrets-file={program.inputs.secrets}",
        *([f"--restore-from-file={program.inputs.archive}"] if restore else []),
    )  # fmt: skip
    assert done.code == 0, done.out
    assert "without effect" not in done.out
    (written,) = (program.world.paths.state / "answers").glob("*.conf")
    ours = {"OVEHOSTED_CORE/confirmSettings", *answers_in(program.inputs.answers.read_text())}
    expected = {key: value for key, value in answers_in(text).items() if key not in ours}
    assert expected.items() <= answers_in(written.read_text()).items()


def answers_in(text: str) -> dict[str, str]:
    """Give type:value by key."""
    lines = (line.partition("=") for line in text.splitlines() if line[:1].isalpha())
    return {key: value for key, _, value in lines}


def test_there_is_an_example_of_each_way_to_deploy() -> None:
    texts = [path.read_text() for path in ANSWERS.glob("*.conf")]
    for line in (
        "networkMode=str:nat", "networkMode=str:bridge", "StaticCIDR=str:\n", "StaticCIDR=str:192",
        "StaticCIDR=str:2001", "--restore-from-file",
        *(f"domainType=str:{kind}\n" for kind in ("localfs", *STORAGES)),
    ):  # fmt: skip
        assert any(line in text for text in texts), line


def test_the_answers_replay_to_an_equal_deploy(program: Program) -> None:
    assert program.restore().code == 0
    first = picture(program)
    (written,) = (program.world.paths.state / "answers").glob("*.conf")
    kept = program.inputs.folder / "replayed.conf"
    kept.write_text(written.read_text())
    assert program("cleanup", "--yes").code == 0
    again = program(
        "deploy", f"--config-append={kept}", f"--secrets-file={program.inputs.secrets}",
        f"--restore-from-file={program.inputs.archive}",
    )  # fmt: skip
    assert again.code == 0, again.out
    assert changes(first, picture(program)) == {}


def test_a_second_copy_of_the_answers_where_the_operator_wants_it(program: Program) -> None:
    target = program.inputs.folder / "generated.conf"
    assert program.deploy(f"--generate-answer={target}").code == 0
    (written,) = (program.world.paths.state / "answers").glob("*.conf")
    assert target.read_text() == written.read_text()
    assert target.stat().st_mode & 0o777 == 0o600


def test_software_emulation_where_kvm_does_not_pay(program: Program) -> None:
    program.world.behaviour.proofs = {"qemu": 2.0, "kvm": None}
    done = program.deploy()
    assert done.code == 0, done.out
    assert "KVM is offered but does not help" in done.out
    assert "type='qemu'" in picture(program)["domain HostedEngine"]


def test_a_guest_that_keeps_the_archives_disk_is_warned_about(program: Program) -> None:
    program.world.behaviour.lets_go = False
    done = program.restore()
    assert done.code == 0, done.out
    assert "The engine VM keeps the archive (read-only) until its next start" in done.out
    assert "he-backup" not in picture(program)["domain HostedEngine"].partition("\n")[2]


def test_a_deployed_host_is_not_deployed_again(program: Program) -> None:
    assert program.deploy().code == 0
    before = picture(program)
    done = program.deploy()
    assert done.code == 3
    assert "HE-DEPLOYED" in done.out
    assert "hosted-engine cleanup" in done.out
    assert changes(before, picture(program)) == {}


def test_all_answers_are_kept_before_the_first_change(program: Program) -> None:
    kept: list[str] = []

    def look(when: str, record: Record) -> None:
        if (when, type(record)) == ("before", Intent):
            kept.extend(path.read_text() for path in (program.world.paths.state / "answers").iterdir())

    program.observe = look
    assert program.deploy().code == 0
    (left,) = (program.world.paths.state / "answers").iterdir()
    assert kept
    assert set(kept) == {left.read_text()}
