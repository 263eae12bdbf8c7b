"""What can fail after the confirmation, each with its code. Long: every failure is kept, resumed and undone."""

from __future__ import annotations

import errno
import re
import tarfile
from typing import TYPE_CHECKING

import pytest

from hosted_plugins.bundle import Bundle
from hosted_setup.pipeline.journal import Confirmed
from hosted_setup.ports.problems import EngineUnreachable
from hosted_setup.storage.file_layout import FileLayout
from hosted_setup.testing.behaviour import CA, HELLO, READY, RESTORE_FAILS, SETUP_FAILS, Behaviour, GuestScript
from hosted_setup.testing.guest import boot
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.state import Domain, load_all
from tests.unit.domain import builders

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosted_setup.pipeline.journal import Record
    from tests.flow.program import Program

OTHER_CA = "-----BEGIN CERTIFICATE-----\nT3RoZXI=\n-----END CERTIFICATE-----\n"
FOREIGN = HELLO.replace("{token}", "another")


def _mute(world: Behaviour) -> None:
    world.guest.boot = ()
    world.guest.restore = world.guest.setup = world.guest.finish = ()


def _foreign(world: Behaviour) -> None:
    world.guest.boot = (FOREIGN,)


def _off_in_restore(world: Behaviour) -> None:
    world.guest.restore = ("|- Preparing to restore:", "!off")


def _off_in_setup(world: Behaviour) -> None:
    world.guest.setup = ("?admin-password", "|- [ INFO  ] Stage: Initializing", "!off")


def _restore(world: Behaviour) -> None:
    world.guest.restore = RESTORE_FAILS


def _setup(world: Behaviour) -> None:
    world.guest.setup = ("?admin-password", *SETUP_FAILS)


def _mute_in_setup(world: Behaviour) -> None:
    world.guest.setup = world.guest.setup[:3]
    world.guest.finish = ()


def _health(world: Behaviour) -> None:
    world.health = "DB Down!"


def _unreachable(world: Behaviour) -> None:
    world.guest.setup = tuple(line for line in world.guest.setup if line != "!serve")


def _wrong_certificate(world: Behaviour) -> None:
    world.shown_ca = OTHER_CA


def _login(world: Behaviour) -> None:
    world.guest.setup = tuple(line for line in world.guest.setup if line != "?admin-password")


def _registration(world: Behaviour) -> None:
    world.refused = ["storagedomains"]


def _import(world: Behaviour) -> None:
    world.pull_fails = True


def _ca_changed(world: Behaviour) -> None:
    world.guest.setup = (*world.guest.setup[:-1], READY.replace("{ca}", '"another"'))


def _own_part(world: Behaviour) -> None:
    world.guest.setup = ('HE_GUEST {"event": "failed", "why": "FileNotFoundError: /dev/disk"}',)


def _mute_at_the_end(world: Behaviour) -> None:
    world.guest.finish = ("?finish",)


FAILURES: dict[str, tuple[Callable[[Behaviour], None], str, str]] = {
    "the guest never reports": (_mute, "HE-GUEST-MUTE", "waited 30 s for the engine VM to boot"),
    "another guest reports": (_foreign, "HE-GUEST-FOREIGN", "this run's token"),
    "the guest stops in the restore": (_off_in_restore, "HE-GUEST-STOPPED", "shut off"),
    "the guest stops in engine-setup": (_off_in_setup, "HE-GUEST-STOPPED", "Stage: Initializing"),
    "the restore fails": (_restore, "HE-RESTORE", "FATAL: pg_restore failed"),
    "engine-setup fails": (_setup, "HE-ENGINE-SETUP", "Failed to execute stage"),
    "engine-setup never ends": (_mute_in_setup, "HE-GUEST-MUTE", "waited 90 s for engine-setup to finish"),
    "the health is never good": (_health, "HE-HEALTH", "DB Down!"),
    "the engine does not answer": (_unreachable, "HE-HEALTH", "Connection refused"),
    "the certificate is another CA's": (_wrong_certificate, "HE-ENGINE-UNTRUSTED", "certificate verify failed"),
    "the CA is not the backup's": (_ca_changed, "HE-CA-CHANGED", "not in the archive"),
    "the login is refused": (_login, "HE-ENGINE-LOGIN", "access_denied"),
    "the registration is refused": (_registration, "HE-ENGINE-FAULT", "adding to storagedomains"),
    "the disk is not copied": (_import, "HE-IMPORT", "the hypervisor stopped copying"),
    "our part in the guest fails": (_own_part, "HE-GUEST-FAILED", "FileNotFoundError: /dev/disk"),
    "the guest does not say good-bye": (
        _mute_at_the_end,
        "HE-GUEST-MUTE",
        "waited 6 s for the engine VM to finish its setup",
    ),
}
SLOW = {"the guest never reports", "engine-setup never ends", "the guest does not say good-bye"}
"""Deadlines: on resume the guest may just have needed longer."""
BROKEN = {
    "our part in the guest fails",
    "the guest stops in the restore",
    "the guest stops in engine-setup",
    "the restore fails",
    "engine-setup fails",
}
"""The guest is past help: a resume makes its disk and the VM anew."""
HOPELESS = {"another guest reports", "the CA is not the backup's", "the login is refused"}
"""No resume helps, the run can only be taken back."""


QUICK = ("--timeout-factor=0.05",)


@pytest.fixture(params=FAILURES)
def failure(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def break_it(program: Program, failure: str) -> tuple[str, str]:
    change, code, word = FAILURES[failure]
    change(program.world.behaviour)
    return code, word


def mend(program: Program, failure: str) -> None:
    """Make the world good again; a guest that was slow has got on meanwhile, an engine that was down is up."""
    program.world.behaviour.__dict__.update(Behaviour().__dict__)
    (domain,) = load_all(program.world.hypervisor.domains, Domain)
    if failure in SLOW:
        (seed,) = program.world.paths.runs.glob("*/seed.iso")
        domain.guest.lines = boot(domain.live, {"he-seed": seed}, program.world.behaviour, 0).lines
    domain.guest.serving |= failure == "the engine does not answer"
    program.world.hypervisor.keep(domain)


def volumes(program: Program) -> set[str]:
    """Give the names of the disks there are."""
    return {path.name for path in program.world.storage.glob("*/images/*") if path.is_dir()}


def test_a_failure_is_told_and_kept_for_a_resume(program: Program, failure: str) -> None:
    code, word = break_it(program, failure)
    done = program.restore(*QUICK)
    assert done.code == 4, done.out
    assert f"[ ERROR ] {code}: " in done.out
    assert word in done.out
    assert ("Go on with it:  hosted-engine deploy --resume" in done.out) == (failure not in HOPELESS)
    assert ("a resume alone cannot mend it" in done.out) == (failure in HOPELESS)
    assert "Take it back:  hosted-engine deploy --abort" in done.out
    assert "HE-BUG" not in done.out
    assert "network hosted-engine" in portrait(program.world)


def test_a_kept_failure_is_seen_through_once_its_cause_is_mended(program: Program, failure: str) -> None:
    code, _ = break_it(program, failure)
    assert program.restore(*QUICK).code == 4
    mend(program, failure)
    before = volumes(program)
    resumed = program("deploy", "--resume")
    if failure in HOPELESS:
        assert (resumed.code, code in resumed.out) == (4, True), resumed.out
        return
    assert resumed.code == 0, resumed.out
    assert (volumes(program) == before) == (failure not in BROKEN)
    left = portrait(program.world)
    assert program("cleanup", "--yes").code == 0
    assert program.restore().code == 0
    assert changes(portrait(program.world), left) == {}


def test_a_vm_that_somebody_started_again_is_made_anew_with_its_disk(program: Program) -> None:
    """Its cloud-init has run: on that disk the guest would stay mute for ever."""
    program.world.behaviour.health = "DB Down!"
    assert program.restore(*QUICK).code == 4
    before = volumes(program)
    program.world.behaviour.__dict__.update(Behaviour().__dict__)
    (domain,) = load_all(program.world.hypervisor.domains, Domain)
    domain.boot += 1
    program.world.hypervisor.keep(domain)
    resumed = program("deploy", "--resume")
    assert resumed.code == 0, resumed.out
    assert "Create the engine VM disk: no longer as it was left, doing it again" in resumed.out
    assert not volumes(program) & before


def test_a_failure_is_undone_when_the_operator_chose_so(program: Program, failure: str) -> None:
    before = portrait(program.world)
    code, _ = break_it(program, failure)
    done = program.restore("--on-failure=abort", *QUICK)
    assert done.code == 1, done.out
    assert f"[ ERROR ] {code}: " in done.out
    assert "Everything this run had changed on this host is undone" in done.out
    assert changes(before, portrait(program.world)) == {}


def test_a_kept_failure_can_be_taken_back(program: Program, failure: str) -> None:
    before = portrait(program.world)
    break_it(program, failure)
    assert program.restore(*QUICK).code == 4
    done = program("deploy", "--abort")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}


def test_answers_are_written_after_a_failure_and_replay(program: Program) -> None:
    break_it(program, "the restore fails")
    assert program.restore("--on-failure=abort").code == 1
    program.world.behaviour.guest = GuestScript()
    (written,) = (program.world.paths.state / "answers").glob("*.conf")
    done = program(
        "deploy", f"--config-append={written}", f"--secrets-file={program.inputs.secrets}",
        f"--restore-from-file={program.inputs.archive}",
    )  # fmt: skip
    assert done.code == 0, done.out


def test_the_logs_of_host_and_engine_are_collected(program: Program) -> None:
    break_it(program, "engine-setup fails")
    done = program.restore()
    (bundle,) = program.world.paths.logs.glob("support-bundle-*.tar.gz")
    assert f"Logs of this host and of the engine: {bundle}" in done.out
    assert bundle.stat().st_mode & 0o777 == 0o600
    with tarfile.open(bundle) as tar:
        names = tar.getnames()
    for part in ("journal.jsonl", "guest.log", "engine/var/log/ovirt-engine", "ovirt-hosted-engine-setup-"):
        assert any(part in name for name in names), (part, names)


def test_the_bundle_is_made_without_the_engine_when_ssh_fails(program: Program) -> None:
    break_it(program, "engine-setup fails")
    program.world.behaviour.ssh = False
    done = program.restore()
    assert "The engine's logs could not be fetched: HE-SSH-UNREACHABLE" in done.out
    assert len(list(program.world.paths.logs.glob("support-bundle-*.tar.gz"))) == 1


def test_a_wrong_host_key_gets_no_password(program: Program) -> None:
    break_it(program, "engine-setup fails")
    program.world.behaviour.guest.boot = (HELLO.replace("{host_key}", "ssh-ed25519 AAAA"),)
    assert "HE-SSH-HOST-KEY" in program.restore().out


def test_an_engine_that_is_lost_after_it_was_healthy(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise EngineUnreachable("https://engine.example.com", why="Connection reset by peer")

    monkeypatch.setattr(program.world.engines, "login", lost)
    done = program.restore()
    assert (done.code, "HE-ENGINE-UNREACHABLE" in done.out) == (4, True)


def test_an_appliance_that_changes_under_the_run(program: Program) -> None:
    program.world.behaviour.passes_files = False
    program.inputs.appliance.write_bytes(builders.qcow2())

    def watch(when: str, record: Record) -> None:
        if when == "after" and isinstance(record, Confirmed):
            program.inputs.appliance.write_bytes(b"no disk at all")

    program.observe = watch
    before = portrait(program.world)
    done = program.restore("--on-failure=abort")
    assert (done.code, "HE-IMAGE-FAULT" in done.out) == (1, True), done.out
    assert changes(before, portrait(program.world)) == {}


def test_answers_that_cannot_be_written_where_the_operator_wants_them(program: Program) -> None:
    done = program.deploy("--generate-answer=/proc/none/answers.conf")
    assert (done.code, "HE-ANSWERS-WRITE" in done.out) == (0, True), "the engine is deployed all the same"


def test_deadlines_are_scaled(program: Program) -> None:
    break_it(program, "the guest never reports")
    assert "waited 60 s for the engine VM to boot" in program.restore("--timeout-factor=0.1").out


def test_a_bug_is_one_line_with_the_traceback_in_the_log(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    before = portrait(program.world)

    def broken(_xml: str) -> None:
        message = "a fault of ours"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(program.world.hypervisor, "define", broken)
    done = program.restore("--on-failure=abort")
    assert done.code == 1
    assert "HE-BUG" in done.out
    assert "Traceback" not in done.out
    (log,) = program.world.paths.logs.glob("ovirt-hosted-engine-setup-*.log")
    assert str(log) in done.out
    assert "ZeroDivisionError: a fault of ours" in log.read_text()
    assert changes(before, portrait(program.world)) == {}


def test_a_data_warehouse_is_restored_as_well(program: Program) -> None:
    product = {**builders.PRODUCT_FILES, builders.CA_PATH: CA.encode()}
    content = builders.members(files=builders.files(product), db__dwh_backup=b"PGDMP" * 9)
    program.inputs.archive.write_bytes(builders.backup(content))
    done = program.restore()
    assert done.code == 0, done.out
    assert "The provided file contains also a DWH DB backup: it will be restored as well" in done.out


def test_an_import_that_fills_the_storage_says_so(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(program, "the disk is not copied")
    monkeypatch.setattr(FileLayout, "free", lambda _domain: 1 << 20)
    assert "the storage is full (0.0 GiB free)" in program.restore().out


def test_logs_that_cannot_be_collected_hide_no_failure(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_bundle: Bundle) -> list[object]:
        raise OSError(errno.ENOSPC, "No space left on device")

    break_it(program, "engine-setup fails")
    monkeypatch.setattr(Bundle, "_files", full)
    done = program.restore()
    assert "The logs could not be collected: [Errno 28] No space left on device" in done.out
    assert "HE-ENGINE-SETUP" in done.out


def test_a_bundle_without_the_root_password_leaves_the_engine_out(program: Program) -> None:
    assert program.restore().code == 0
    done = program("support-bundle")
    assert done.code == 0, done.out
    assert "The engine's own logs are left out: they need its root password (--secrets-file)" in done.out
    assert re.search(r"Logs of this host: .*/support-bundle-[0-9]{14}-[0-9a-f]{6}\.tar\.gz", done.out)
