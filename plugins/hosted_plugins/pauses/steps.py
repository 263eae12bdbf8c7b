"""Waits in the middle of a run until the operator lets it go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from hosted_plugins.bootstrap import Greeted, Restored
from hosted_plugins.engine import Healthy, Registered
from hosted_plugins.network import EngineNetwork
from hosted_plugins.pauses import FILE, Attendance, HostPaused, PauseAnswers, RestorePaused
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.run_files import RemoveRunFile
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.problems import CONTINUE, RESUME

DEADLINE: Final = 86400.0
"""Seconds a pause may last: a day, as the original's."""

_EVERY: Final = 2.0


class PauseOver(Problem):
    """Nobody let the run go on in time."""

    code = "HE-PAUSED"
    title = "The pause has lasted too long, so the run has stopped in it"
    exit_code = ExitCode.PAUSED


def after_restore(pauses: PauseAnswers) -> bool:
    """Tell whether the run waits once the backup is restored."""
    return pauses.after_restore


def after_host(pauses: PauseAnswers) -> bool:
    """Tell whether the run waits once the host is added."""
    return pauses.after_host


@step(Stage.TRANSACTION, "Pause after the restore", when=after_restore)
def pause_after_restore(  # noqa: PLR0913 - where, for whom, and what is said
    pauses: PauseAnswers,
    there: Attendance,
    network: EngineNetwork,
    greeted: Greeted,
    restored: Restored,
    host: Host,
    undo: UndoLog,
) -> RestorePaused:
    """Wait; the databases are restored, and engine-setup has not run."""
    if after_restore(pauses):
        at = network.address or greeted.address
        told = _("The backup is restored, engine-setup has not run. Log in:  ssh root@{address}", address=at)
        _pause("pauses.steps.pause_after_restore", told, there, host, undo)
    return RestorePaused()


@step(Stage.TRANSACTION, "Pause after this host is added", when=after_host)
def pause_after_host(  # noqa: PLR0913 - see above
    pauses: PauseAnswers, there: Attendance, healthy: Healthy, added: Registered, host: Host, undo: UndoLog
) -> HostPaused:
    """Wait; the engine is at work, and this host is in it."""
    if after_host(pauses):
        url = f"https://{healthy.fqdn}/ovirt-engine/"
        told = _("The engine is at work and has this host. See it:  {url}", url=url)
        _pause("pauses.steps.pause_after_host", told, there, host, undo)
    return HostPaused()


def _pause(name: str, told: str, there: Attendance, host: Host, undo: UndoLog) -> None:
    if name in there.ended_in:
        host.reporter.emit(Info(_("The run has paused here before; it goes on now.")))
        return
    if not there.terminal:
        host.reporter.emit(Warn(_("No pause here: the run was not begun at a terminal, so nobody would end it.")))
        return
    until = host.clock.now() + timedelta(seconds=DEADLINE * host.timeout_factor)
    file = host.run_dir / FILE
    undo.before(RemoveRunFile(FILE))
    file.write_text(f"{until:%Y-%m-%d %H:%M} UTC\n")
    host.reporter.emit(Info(told))
    host.reporter.emit(Info(_("Paused. Let the run go on:  {command}", command=CONTINUE)))
    what = _("{command} (paused)", command=CONTINUE)
    try:
        wait_until(host, lambda: None if file.exists() else True, within=DEADLINE, every=_EVERY, what=what)
    except DeadlineExceeded as error:
        raise PauseOver(
            _("it has waited {hours:g} hours", hours=DEADLINE * host.timeout_factor / 3600),
            why=_("nobody has told it to go on"),
            hint=_("The engine VM is as it was left. Go on behind the pause:"),
            command=RESUME,
        ) from error
    finally:
        file.unlink(missing_ok=True)


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (pause_after_restore, pause_after_host)
