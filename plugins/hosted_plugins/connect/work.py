"""Connects the storage of this host's engine, and lets go of it: what a deploy has recorded, whenever it is asked."""

from __future__ import annotations

import shlex
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from hosted_setup.app import refused
from hosted_setup.domain.settings import settings
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.deployed import deployed, not_deployed
from hosted_setup.pipeline.journal import RunLock, unfinished
from hosted_setup.ports.connections import IscsiSessions
from hosted_setup.ports.hypervisor import DomainState
from hosted_setup.ports.problems import CONNECT, DISCONNECT
from hosted_setup.storage.connecting import device_of
from hosted_setup.storage.connections import connect, connections_of, disconnect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hosted_setup.app import App
    from hosted_setup.ports.connections import Connection
    from hosted_setup.ports.host import Host


class ConnectFailed(Problem):
    """The server does not give the storage."""

    code = "HE-STORAGE-CONNECT"
    title = "The storage cannot be connected"
    exit_code = ExitCode.FAILED


class DisconnectFailed(Problem):
    """Something on this host uses the storage."""

    code = "HE-STORAGE-DISCONNECT"
    title = "The storage cannot be disconnected"
    exit_code = ExitCode.FAILED


class EngineRuns(Problem):
    """The engine VM runs, and would lose its disk."""

    code = "HE-STORAGE-USED"
    title = "The engine VM runs on the storage"


def connect_storage(app: App) -> int:
    """Connect it where it is not; give the exit code."""

    def deed(what: Connection, host: Host) -> str:
        try:
            done = connect(what, host)
        except OSError as error:
            hint = _("See to the server and the network to it, then try again:")
            raise ConnectFailed(str(what), why=error.strerror or str(error), hint=hint, command=CONNECT) from error
        if isinstance(what, IscsiSessions):
            device_of(what, host)
        return _("Connected: {what}", what=what) if done else _("Connected already: {what}", what=what)

    return _each(app, deed)


def disconnect_storage(app: App) -> int:
    """Let go of what this host has connected for it; give the exit code."""

    def deed(what: Connection, host: Host) -> str:
        _refuse_running(host)
        try:
            done = disconnect(what, host)
        except OSError as error:
            hint = _("End what uses it, then try again:")
            raise DisconnectFailed(
                str(what), why=error.strerror or str(error), hint=hint, command=DISCONNECT
            ) from error
        return _("Disconnected: {what}", what=what) if done else _("Nothing to disconnect: {what}", what=what)

    return _each(app, deed)


def _each(app: App, deed: Callable[[Connection, Host], str]) -> int:
    """Do it to all that the engine's storage needs connected."""
    frontend = app.frontend("auto")
    try:
        run = _run_of(app)
        host = app.host(run.name, frontend)
        with _locked(app.paths.runs), closing(host.hypervisor):
            wanted = connections_of(run)
            for one in wanted:
                frontend.emit(Info(deed(one, host)))
    except Problem as problem:
        return refused(frontend, problem)
    if not wanted:
        frontend.emit(Info(_("The engine's storage is part of this host: there is nothing to connect.")))
    return ExitCode.DONE


def _run_of(app: App) -> Path:
    """Give the folder of the run that deployed the engine, or of the one that is unfinished.

    Raises:
        NotDeployed: there is neither.
    """
    for path, _past in deployed(app.paths):
        return path.parent
    found = unfinished(app.paths.runs)
    if found is None:
        raise not_deployed(app.paths)
    return found[0].parent


def _refuse_running(host: Host) -> None:
    conf = host.paths.etc / "hosted-engine.conf"
    uuid = settings(conf.read_text(), quoted=True).get("vmid", "") if conf.exists() else ""
    found = host.hypervisor.domain(uuid) if uuid else None
    if found is not None and found.state not in {DomainState.OFF, DomainState.CRASHED}:
        why, hint = _("its disk would be gone"), _("Shut it down first:")
        command = f"virsh -c {shlex.quote(host.hypervisor.uri)} shutdown {shlex.quote(found.name)}"
        raise EngineRuns(found.name, why=why, hint=hint, command=command)


@contextmanager
def _locked(runs: Path) -> Iterator[None]:
    lock = RunLock(runs)
    try:
        yield
    finally:
        lock.release()
