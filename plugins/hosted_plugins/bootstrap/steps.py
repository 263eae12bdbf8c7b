"""Follows the guest through restore and engine-setup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hosted_plugins.backup import Backup
from hosted_plugins.bootstrap import EngineReady, Greeted, GuestLog, Restored
from hosted_plugins.engine import EngineAnswers, RestoreAnswers
from hosted_plugins.hardening import FipsAnswers, Hardened, OpenScapAnswers, ProfileAnswers, told
from hosted_plugins.image import EngineDisk
from hosted_plugins.pauses import RestorePaused
from hosted_plugins.vm import EngineVm, Seed, take_away
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.ports.host import Host
from hosted_setup.ports.problems import ABORT, BUNDLE

PAYLOAD: Final = "vdb"
GREETING_DEADLINE: Final = 600.0
HARDENING_DEADLINE: Final = 3600.0
RESTORE_DEADLINE: Final = 3600.0
CA_DEADLINE: Final = 60.0


class GuestForeign(Problem):
    """What speaks over the channel is not our own user-data."""

    code = "HE-GUEST-FOREIGN"
    title = "The engine VM answers with a wrong token"
    exit_code = ExitCode.FAILED


class HardeningFailed(Problem):
    """A security policy could not be applied in the guest, or is not in force after its reboot."""

    code = "HE-HARDENING"
    title = "The security policies are not in force in the engine VM"
    exit_code = ExitCode.FAILED


class RestoreFailed(Problem):
    """engine-backup failed inside the guest."""

    code = "HE-RESTORE"
    title = "The backup could not be restored in the engine VM"
    exit_code = ExitCode.FAILED


class SetupFailed(Problem):
    """engine-setup failed inside the guest."""

    code = "HE-ENGINE-SETUP"
    title = "engine-setup failed in the engine VM"
    exit_code = ExitCode.FAILED


class CaChanged(Problem):
    """The restored engine's CA is not the one in the archive."""

    code = "HE-CA-CHANGED"
    title = "The restored engine has another CA than its backup"
    exit_code = ExitCode.FAILED


@step(Stage.TRANSACTION, "Wait for the engine VM to boot")
def greet(vm: EngineVm, seed: Seed, host: Host) -> Greeted:
    """Wait for the guest's greeting: the appliance has booted and cloud-init runs our part."""
    log = GuestLog(host, vm)
    hello = log.wait_for("hello", within=GREETING_DEADLINE, what=_("the engine VM to boot"))
    if hello.get("token") != seed.token:
        why = _("what speaks there has not read the seed of this run: an appliance's own greeting, or a stranger")
        detail = _("its greeting does not carry this run's token")
        hint = _("It will say the same after a resume. What it has said is in the bundle of logs; take the run back:")
        raise GuestForeign(detail, why=why, where=vm.log, hint=hint, command=ABORT)
    return Greeted(log.seen, tuple(str(key) for key in hello.get("host_keys", ())), str(hello.get("address", "")))


def _hardens(scap: OpenScapAnswers, profile: ProfileAnswers, fips: FipsAnswers) -> bool:
    return told(scap, profile, fips) is not None


@step(Stage.TRANSACTION, "Apply the security policies", when=_hardens)
def harden(  # noqa: PLR0913 - three answers
    vm: EngineVm, greeted: Greeted, scap: OpenScapAnswers, profile: ProfileAnswers, fips: FipsAnswers, host: Host
) -> Hardened:
    """Follow the engine VM into its security policies and through the reboot that they take."""
    wanted = told(scap, profile, fips)
    if wanted is None:
        return Hardened(greeted.seen)
    log = GuestLog(host, vm, greeted.seen)
    good = log.wait(
        lambda one: one.outcome("HE_APPLIANCE_HARDENING"),
        within=HARDENING_DEADLINE,
        what=_("the security policies to be in force"),
    )
    if not good:
        hint = _("A resume would meet it again. What the VM has said is in the bundle of logs; take the run back:")
        mode = _("wanted") if wanted["fips"] else _("not wanted")
        detail = _("profile {profile}, FIPS mode {mode}", profile=wanted["profile"] or _("none"), mode=mode)
        raise HardeningFailed(detail, why=log.last_error(), hint=hint, command=ABORT)
    return Hardened(log.seen)


def _restores(backup: Backup) -> bool:
    return backup.facts is not None


@step(Stage.TRANSACTION, "Restore the backup", when=_restores)
def restore(vm: EngineVm, disk: EngineDisk, hardened: Hardened, backup: Backup, host: Host) -> Restored:
    """Follow the restore, then take the archive's disk away from the guest."""
    if backup.facts is None:
        return Restored(hardened.seen)
    log = GuestLog(host, vm, hardened.seen)
    good = log.wait(
        lambda one: one.outcome("HE_APPLIANCE_ENGINE_RESTORE"),
        within=RESTORE_DEADLINE,
        what=_("the backup to be restored"),
    )
    if not good:
        raise RestoreFailed(
            backup.path,
            why=log.last_error(),
            hint=_("The engine's own log is in the bundle:"),
            command=BUNDLE,
        )
    host.reporter.emit(Info(_("Engine backup successfully restored")))
    take_away(host, vm.uuid, PAYLOAD, _("the archive"))
    disk.domain.on(host).take_back(disk.volume, "he-backup")
    return Restored(log.seen)


@step(Stage.TRANSACTION, "Run engine-setup")
def set_up(  # noqa: PLR0913 - what is told and what is compared
    vm: EngineVm,
    restored: Restored,
    paused: RestorePaused,
    engine: EngineAnswers,
    restoring: RestoreAnswers,
    backup: Backup,
    host: Host,
) -> EngineReady:
    """Give the guest the admin password when it asks, follow engine-setup, take the CA and the host keys."""
    host.reporter.emit(Info(_("Running engine-setup on the appliance")))
    log = GuestLog(host, vm, restored.seen)
    answered = False

    def probe(one: GuestLog) -> bool | None:
        nonlocal answered
        if not answered and one.event("ask") is not None:
            one.answer("admin-password", engine.admin_password.reveal(), unless="password-taken")
            answered = True
        return one.outcome("HE_APPLIANCE_ENGINE_SETUP")

    good = log.wait(probe, within=float(engine.setup_timeout), what=_("engine-setup to finish"))
    if not good:
        raise SetupFailed(
            str(engine.host_name),
            why=log.last_error(),
            hint=_("The engine's own log is in the bundle:"),
            command=BUNDLE,
        )
    host.reporter.emit(Info(_("Engine-setup successfully completed")))
    ready = log.wait_for("ready", within=CA_DEADLINE, what=_("the engine's CA"))
    made = EngineReady(log.seen, str(ready.get("ca")))
    if (
        backup.facts is not None
        and backup.facts.ca_pem is not None
        and not restoring.renew_pki
        and made.ca_pem.strip() not in backup.facts.ca_pem.strip()
    ):
        why = _("engine-setup has made a new CA instead of taking the backup's; hosts would no longer trust the engine")
        detail = _("the CA that came from the engine VM is not in the archive")
        hint = _("A resume would find the same CA. engine-setup's log is in the bundle of logs; take the run back:")
        raise CaChanged(detail, why=why, where=backup.path, hint=hint, command=ABORT)
    return made


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (greet, harden, restore, set_up)
