"""Recognises an engine in the storage, reserves a host id there, and writes this host's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hosted_plugins.additional_host import (
    ADDITIONAL,
    CLUSTER,
    FQDN,
    VM_NAME,
    AdditionalAnswers,
    EngineChoice,
    EngineDomain,
    HostId,
    HostIdAnswers,
    HostIdTaken,
    Inhabitants,
    Joined,
    JoinedEngine,
    JoinedFiles,
    JoinInterviewed,
    NewEngine,
    taken,
)
from hosted_plugins.connect import boot_files
from hosted_plugins.storage import Storage, StorageBackends, StorageHome
from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.settings import changed
from hosted_setup.hooks import hookimpl
from hosted_setup.interview.answer_file import parse
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.model.events import Info, Item, Summary
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.flow import OtherFlow
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.pipeline.writing import write
from hosted_setup.ports.host import Host
from hosted_setup.ports.locations import LunHome
from hosted_setup.ports.machine import MachineFacts
from hosted_setup.ports.problems import RESUME, START
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.storage.layout import DomainDamaged, Layout

ANSWERS: Final = "fhanswers.conf"
_ATTEMPTS: Final = 3
SETTLED: Final = 5.0
"""Seconds after which who has written to a LUN at the same moment is known: both have read before, one comes last."""
_SHARED: Final = "hosted-engine get-shared-config fqdn --type=he_shared"
_REMOVE: Final = "hosted-engine cleanup"
_FILES: Final = {"hosted-engine.conf", "vm.conf", "ca.pem"}


class EngineMissing(Problem):
    """There is no engine in the storage that this host could join."""

    code = "HE-ENGINE-MISSING"
    title = "There is no engine in the storage"
    exit_code = ExitCode.USAGE


@step(Stage.CUSTOMIZATION, "Look for an engine in the storage", within=7.0)
def look_for_engines(storage: Storage, backends: StorageBackends, host: Host) -> Inhabitants:
    """Read which engines live there; what cannot be read now is refused by the storage's own check."""
    backend = backends.by_kind[storage.kind]
    try:
        with backend.looking(storage.answers, host) as domains:
            return _inhabitants(domains, storage, backend.command(storage.answers))
    except (OSError, Problem):
        return Inhabitants(())


def _inhabitants(domains: Iterable[Layout], storage: Storage, command: str) -> Inhabitants:
    """Read all of them; a damaged one takes nothing of the others."""
    engines: list[EngineDomain] = []
    damage = ""
    for domain in domains:
        try:
            engines += _engine_in(domain, storage, command)
        except DomainDamaged as problem:
            damage = f"{problem.detail}: {problem.why}"
    return Inhabitants(tuple(engines), damage)


def _engine_in(layout: Layout, storage: Storage, command: str) -> tuple[EngineDomain, ...]:
    mark, files = layout.mark(), layout.read_conf()
    answers = _answers(files.get(ANSWERS, ""))
    if mark is None or not mark.engine or not files.keys() >= _FILES or not answers.keys() >= {FQDN, VM_NAME, CLUSTER}:
        return ()  # a deploy that did not come to its end
    where = f"{storage.connection}/{mark.uuid}"
    return (EngineDomain(mark.uuid, mark.name, where, command, tuple(layout.hosts().values()), answers, files),)


def _answers(text: str) -> dict[str, str]:
    entries = parse(text, Path(ANSWERS), lambda _key: False).entries
    return {one.key: one.text for one in entries if isinstance(one.text, str)}


@step(Stage.CUSTOMIZATION, "A new engine is deployed")
def new_engine(answers: AdditionalAnswers) -> NewEngine:
    """Have the other flow go on where this host joins the engine that is there."""
    if answers.additional:
        raise OtherFlow(ADDITIONAL)
    return NewEngine()


@step(Stage.CUSTOMIZATION, "Take the engine's shared configuration")
def take_engine(storage: Storage, found: Inhabitants, answers: AdditionalAnswers, choice: EngineChoice) -> EngineDomain:
    """Take the engine that is there, or the one that was chosen."""
    if not found.engines:
        raise _missing(storage, found.damage)
    if not answers.additional:
        raise OtherFlow("deploy")
    return next(one for one in found.engines if choice.domain in {None, one.uuid})


def _missing(storage: Storage, damage: str = "") -> EngineMissing:
    why = damage or _("no storage domain in it says that an engine was deployed into it")
    hint = _("Answer the storage that the engine lives in, or deploy a new one, without HOSTED_ENGINE/additionalHost:")
    return EngineMissing(storage.connection, why=why, where=storage.connection, hint=hint, command=START)


@check("Storage of the engine")
def usable(
    storage: Storage, backends: StorageBackends, engine: EngineDomain, number: HostIdAnswers, host: Host
) -> None:
    """Prove that the engine's storage domain can be read, and that nobody has taken the host id meanwhile."""
    backend = backends.by_kind[storage.kind]
    if problem := backend.lacking(storage.answers, host):
        raise problem
    with backend.looking(storage.answers, host) as domains:
        hosts = next((one.hosts() for one in domains if (mark := one.mark()) and mark.uuid == engine.uuid), None)
    if hosts is None:
        raise _missing(storage)
    if other := hosts.get(number.number):
        raise taken(other, engine.where, engine.command)


@dataclass(frozen=True)
class FreeHostId(Undo, name="host-id.free"):
    """Frees the host id that this run has reserved."""

    id: HostId

    def apply(self, host: Host) -> None:
        """Free it, unless it is another run's or the domain is gone."""
        layout = self.id.domain.on(host)
        if layout.mark() is not None:
            layout.release(self.id.number, host.run_id)

    def describe(self) -> str:
        """Name it."""
        return _("host id {number} in {domain}", number=self.id.number, domain=self.id.domain)


def _reserved(reserved: HostId, host: Host) -> bool:
    slot = reserved.domain.on(host).hosts().get(reserved.number)
    return slot is not None and slot.run == host.run_id


@step(Stage.TRANSACTION, "Reserve the host id", holds=_reserved)
def reserve(  # noqa: PLR0913 - who, what and where
    interviewed: JoinInterviewed, engine: EngineDomain, home: StorageHome, wanted: HostIdAnswers,
    machine: MachineFacts, host: Host, undo: UndoLog,
) -> HostId:  # fmt: skip
    """Reserve it in the storage domain; a host that was quicker keeps it."""
    made = HostId(StorageDomain(engine.uuid, home.home), wanted.number)
    undo.before(FreeHostId(made))
    layout = made.domain.on(host)
    slot = HostSlot(wanted.number, machine.hostname, machine.uuid, host.run_id, host.clock.now().isoformat())
    for _attempt in range(_ATTEMPTS):
        with suppress(FileExistsError):
            layout.reserve(slot)
        if isinstance(made.domain.home, LunHome):
            host.clock.sleep(SETTLED)
        there = layout.hosts().get(wanted.number)
        if there is not None and there.run == host.run_id:
            return made
        if there is not None:
            raise taken(there, str(made.domain), made.domain.home.command)
    hint = _("Its place was written over, or does not read; see that no other host is being set up, then:")
    why = _("its place does not show this host after {times} attempts to write it there", times=_ATTEMPTS)
    raise HostIdTaken(f"{wanted.number}", why=why, where=str(made.domain), hint=hint, command=RESUME)


@step(Stage.CLOSING, "Write this host's configuration")
def write_files(reserved: HostId, engine: EngineDomain, sheet: AnswerSheet, host: Host, undo: UndoLog) -> JoinedFiles:
    """Write the files under /etc and /run, each whole or not at all; what is there is moved aside."""
    etc, vm_conf = host.paths.etc, host.paths.ha_run / "vm.conf"
    conf = engine.files["hosted-engine.conf"]
    own = {"host_id": str(reserved.number), "conf": str(vm_conf), "ca_cert": str(etc / "ca.pem")}
    for key, value in own.items():
        conf = changed(conf, key, value, quoted=True)
    texts = {
        etc / "ca.pem": (engine.files["ca.pem"], 0o644),
        etc / "answers.conf": (_merged(sheet.text(), engine.files[ANSWERS]), 0o600),
        vm_conf: (engine.files["vm.conf"], 0o600),
        **{path: (text, 0o644) for path, text in boot_files(host).items()},
        # the last one: it is what says that an engine is deployed here
        etc / "hosted-engine.conf": (conf, 0o600),
    }
    for path, (text, mode) in texts.items():
        write(path, text.encode(), mode, host, undo)
    return JoinedFiles(tuple(str(path) for path in texts))


def _merged(own: str, shared: str) -> str:
    """Give this host's answers, then those of the engine that it was not asked for."""
    known = _answers(own)
    lines = [line for line in shared.splitlines() if "=" in line and not line.startswith(("#", " ", "["))]
    rest = [line for line in lines if line.partition("=")[0] not in known]
    return "\n".join([own.rstrip("\n"), "", f"# {_('From the shared configuration')}", *rest, ""])


@step(Stage.CLOSING, "Summary")
def summarise(reserved: HostId, joined: JoinedEngine, files: JoinedFiles, host: Host) -> Joined:
    """Tell the operator what there is now and what to do next."""
    host.reporter.emit(Info(_("This host knows the engine now")))
    engine, number, domain = f"https://{joined.fqdn}/ovirt-engine/", str(reserved.number), str(reserved.domain)
    path = files.paths[-1]
    facts = (
        (Item("engine", engine), _("Engine:            {url}", url=engine)),
        (Item("host-id", number), _("Host id:           {number}", number=number)),
        (Item("storage-domain", domain), _("Storage domain:    {domain}", domain=domain)),
        (Item("configuration", path), _("Configuration:     {path}", path=path)),
    )
    commands = (
        (Item("look", _SHARED), _("  see what the hosts share:         {command}", command=_SHARED)),
        (Item("remove", _REMOVE), _("  take this host out again:         {command}", command=_REMOVE)),
    )
    note = _("  in the engine, add this host to the cluster {cluster}", cluster=joined.cluster)
    host.reporter.emit(Summary.of(facts, commands, note))
    return Joined(reserved.number)


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and checks."""
    return (look_for_engines, new_engine, take_engine, usable, reserve, write_files, summarise)
