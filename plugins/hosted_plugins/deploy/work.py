"""Long, since all of a deploy's process is here: answers, plan, journal and frontends, from its start to its end."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hosted_plugins.additional_host import ADDITIONAL, AdditionalAnswers, Joined
from hosted_plugins.bundle import ROOT_PASSWORD, Watcher
from hosted_plugins.deploy import DeployRequest
from hosted_plugins.deploy.continuing import again, answers_of_run, choices_of, way_on
from hosted_plugins.deploy.ignoring import KnownChecks, ignored, refuse_what_counts
from hosted_plugins.deploy.sources import Sources, answers_of
from hosted_plugins.deploy.viewing import view
from hosted_plugins.pauses import Attendance
from hosted_plugins.report import Deployed
from hosted_plugins.storage import StorageBackends, StorageChoice, alternatives
from hosted_setup.app import Both, Switch, refused
from hosted_setup.interview.answer_writer import write
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import load
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.interview.store import value_of
from hosted_setup.model.events import End, Failed, Info, Warn
from hosted_setup.model.lookup import needs_of
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, exit_code_of
from hosted_setup.model.question import questions_of
from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.event_file import EVENTS, EventFile, Follower
from hosted_setup.pipeline.flow import Flow, OtherFlow, render
from hosted_setup.pipeline.journal import Past, refuse_if_at_work, unfinished
from hosted_setup.pipeline.plan import Ask
from hosted_setup.pipeline.session import Detached, Session, find_unfinished, refuse_if_unfinished, request_of
from hosted_setup.pipeline.step import step_of
from hosted_setup.pipeline.typical import Typical
from hosted_setup.ports.problems import ATTACH, RESUME

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from hosted_setup.app import App
    from hosted_setup.interview.frontend import Frontend
    from hosted_setup.interview.loading import Option
    from hosted_setup.interview.secrets import Stream
    from hosted_setup.interview.section_interview import Answered
    from hosted_setup.interview.store import Answers
    from hosted_setup.pipeline.plan import Item
    from hosted_setup.ports.host import Host
    from hosted_setup.registry import Registry

DEPLOY: Final = Flow("deploy", Deployed, DeployRequest)
JOIN: Final = Flow(ADDITIONAL, Joined, DeployRequest, asking=False)
FLOWS: Final = {flow.name: flow for flow in (DEPLOY, JOIN)}
OUTPUT: Final = "output.log"
"""In a run's folder: what a process without a terminal and its children have printed."""

_GIVEN: Final = (StorageBackends, AnswerSheet, Attendance, KnownChecks)


def plan_of(registry: Registry, flow: Flow = DEPLOY) -> tuple[Item, ...]:
    """Give the plan of a deploy, or of an additional host's setup."""
    steps = (step_of(function) for function in registry.steps())
    return flow.plan(steps, _GIVEN, (alternatives(registry.storage_backends()),))


def due_with(answers: Answers, items: Iterable[Item]) -> tuple[Item, ...]:
    """Leave out what only storage of another kind needs than the answers choose."""
    told = {one.name: one.default for one in questions_of(StorageChoice)}
    for one in questions_of(StorageChoice):
        if given := answers.find(one):
            with suppress(ValueError):  # told elsewhere
                told[one.name] = value_of(one, given)
    choice = StorageChoice(**told)
    return tuple(item for item in items if item.only is None or item.only.due({StorageChoice: choice}))


def sections_of(items: Iterable[Item]) -> tuple[type[Any], ...]:
    """Give the sections that a plan asks."""
    return tuple(item.section for item in items if isinstance(item, Ask))


def every_section(registry: Registry) -> tuple[type[Any], ...]:
    """Give the sections of all flows: their keys are known ones."""
    return tuple(dict.fromkeys(one for flow in FLOWS.values() for one in sections_of(plan_of(registry, flow))))


def flow_of(answers: Answers) -> Flow:
    """Tell which flow the answers that are given ask for."""
    (question,) = questions_of(AdditionalAnswers)
    given = answers.find(question)
    with suppress(ValueError):  # told elsewhere
        return JOIN if given is not None and value_of(question, given) else DEPLOY
    return DEPLOY


def begin(interviewer: Interviewer, items: tuple[Item, ...], backends: StorageBackends) -> None:
    """Look at all answers once; what is missing for a way that is not known to be chosen is no problem yet.

    Raises:
        Problems: see `Interviewer.begin`.
    """
    have: dict[type[Any], Any] = {StorageBackends: backends}
    for choice in {need for item in items if item.only for need in needs_of(item.only.choose)}:
        told = interviewer.foretell(choice, have)
        have |= {} if told is None else {choice: told}
    interviewer.begin(sections_of(items), sections_of(item for item in items if item.only and not item.only.due(have)))


def requested(options: Namespace) -> DeployRequest:
    """Give what the command line asks for."""
    return DeployRequest(str(Path(options.restore_from_file).absolute()) if options.restore_from_file else None)


def read_answers(  # noqa: PLR0913 - every place an answer comes from
    app: App, options: Namespace, sources: Sources, streams: tuple[Stream, ...], registry: Registry,
    backends: StorageBackends, past: Past, given: Iterable[Option],
) -> Answers:  # fmt: skip
    """Read what answers the questions before anybody is asked; what is wrong is collected, not raised."""
    return load(
        every_section(registry), files=[Path(one) for one in sources.files],
        secrets_file=Path(sources.secrets_file) if sources.secrets_file else None, streams=streams,
        options=given, environment=app.environment, resumed=past.answers,
        products={StorageBackends: backends}, factor=options.timeout_factor,
    )  # fmt: skip


def answers_for_looking(options: Namespace, app: App, given: Iterable[Option]) -> Answers:
    """Read what answers questions where nothing is deployed."""
    sources, registry = Sources.of(options), app.registry()
    backends = StorageBackends(registry.storage_backends())
    return read_answers(app, options, sources, streams_of(app, sources), registry, backends, Past([]), given)


def plan_text(app: App) -> str:
    """Give what `--plan` prints."""
    return render(plan_of(app.registry()))


def deploy(options: Namespace, app: App, sources: Sources) -> int:
    """Begin a new run."""
    frontend = app.frontend(options.dialect)
    try:
        refuse_if_at_work(app.paths.runs)  # it is unfinished as well, but neither resume nor abort would help
        refuse_if_unfinished(app.paths.runs)
        left = way_on(app.paths)
        streams = streams_of(app, sources)
    except Problem as problem:
        return refused(frontend, problem)
    if left and frontend.attended and not options.config_append:
        frontend.emit(Info(_("The last run was left at its questions. Go on there:  {command}", command=left)))
    run_id = app.now_id()
    request, recorded = requested(options), (*sources.recorded(), *choices_of(options))
    work = _Work(app, frontend, options, run_id, request, sources, streams, Past([]), recorded)
    return work.go(lambda session, items, asker: session.start(items, request, asker, recorded))


def resume(options: Namespace, app: App, sources: Sources) -> int:
    """Go on with the unfinished run; secrets come from the sources named now, else from those named then."""
    frontend = app.frontend(options.dialect)
    try:
        refuse_if_at_work(app.paths.runs)
        path, past = find_unfinished(app.paths.runs)
        recorded = past.head.sources if past.head else ()
        then = Sources.recalled(recorded)
        if then.secret_fd is not None and not sources.names_secrets:
            frontend.emit(Info(_("The run began with --secret-fd, which cannot be read again: give the secrets anew")))
        sources = sources.or_those_of(then)
        streams = streams_of(app, sources)
        request = request_of(past, DeployRequest)
    except Problem as problem:
        return refused(frontend, problem)
    flow = FLOWS.get(past.head.flow if past.head else "", DEPLOY)
    work = _Work(app, frontend, options, path.parent.name, request, sources, streams, past, recorded, flow)
    return work.go(lambda session, items, asker: session.resume(items, asker))


def streams_of(app: App, sources: Sources) -> tuple[Stream, ...]:
    """Read the secrets that come through a descriptor or from a program."""
    _ = app.environment  # taken out first: a program that is asked for secrets need not inherit others
    return sources.streams(app)


class _Work:
    """One process's part of a run."""

    def __init__(  # noqa: PLR0913 - what the command line says
        self, app: App, frontend: Frontend, options: Namespace, run_id: str, request: DeployRequest, sources: Sources,
        streams: tuple[Stream, ...], past: Past, recorded: tuple[str, ...], flow: Flow | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._request = request
        self._ended_in = frozenset(past.versions.keys() - past.done.keys())
        self._recorded = recorded
        self._options = options
        self._log = app.log(run_id)
        self._frontend = frontend
        self._open = ExitStack()
        self._shown = Switch(frontend)
        self._reporter = Typical(Both(self._shown, self._log), app.paths.runs)
        self._host = app.host(run_id, self._reporter)
        self._registry = app.registry()
        self._backends = StorageBackends(self._registry.storage_backends())
        answers = read_answers(
            app, options, sources, streams, self._registry, self._backends, past, answers_of(options)
        )
        self._flow = flow or flow_of(answers)
        self._items = plan_of(self._registry, self._flow)
        self._again = partial(
            _Work, app, frontend, options, request=request, sources=sources, streams=streams, recorded=recorded
        )
        self._files = _AnswerFiles(self._host, options.generate_answer)
        self._interviewer = Interviewer(answers, frontend, self._reporter, self._files.keep, options.timeout_factor)

    def go(self, drive: Any) -> int:  # noqa: ANN401 - starts or resumes
        try:
            with self._open:
                return self._go(drive)
        except OtherFlow as other:
            past, flow = Past([*other.answers]), FLOWS[other.name]
            work = self._again(run_id=self._app.now_id(), past=past, flow=flow)
            return work.go(lambda session, items, asker: session.start(items, self._request, asker, self._recorded))

    def _go(self, drive: Any) -> int:  # noqa: ANN401 - see above
        reporter = self._reporter
        reporter.emit(Info(_("Log file: {path}", path=self._log.path)))
        try:
            begin(self._interviewer, self._items, self._backends)
            checks = KnownChecks.of(self._items)
            refuse_what_counts(self._options.ignore_check, checks, "--ignore-check")
            there = Attendance(self._app.at_terminal, self._ended_in)
            given = (self._backends, AnswerSheet(self._interviewer), there, checks)
            session = Session(
                self._flow, self._host, self._watcher(), undo_failures=self._options.on_failure == "abort",
                given=given, observe=self._app.observe, ignored=ignored, settled=self._settle,
            )  # fmt: skip
            code = int(drive(session, self._items, self._interviewer))
        except Detached:
            self._open.close()  # the lock is the other's alone
            return self._look_on()
        except Problem as problem:
            reporter.emit(Failed(problem))
            code = int(exit_code_of(problem))
        left = self._files.leave(self._interviewer.answered())
        if code == ExitCode.INTERRUPTED and unfinished(self._host.paths.runs) is None:
            command = again(self._request, self._recorded, left)
            reporter.emit(Info(_("Go on where it was left:  {command}", command=command)))
        reporter.emit(End(code))
        return code

    def _settle(self) -> None:
        """Keep all answers; write events from here on; where a terminal could end this process, have another go on."""
        if answered := self._interviewer.answered():
            self._files.keep(answered)
        events = self._open.enter_context(closing(EventFile(self._host.run_dir / EVENTS, self._app.redact)))
        self._begin = events.begins
        self._host.hypervisor.close()
        other = self._app.detach(self._host.run_dir / OUTPUT)
        if other:
            raise Detached
        if other is None and self._app.at_terminal:
            told = _(
                "A look at this host still hangs, so the run stays in this terminal, whose end would interrupt it. "
                "Go on with it then:  {resume}",
                resume=RESUME,
            )
            self._reporter.emit(Warn(told))
        self._shown.to = Both(self._frontend, events) if other is None else events
        events.sign(os.getpid())

    def _look_on(self) -> int:
        """Show what the other process does."""
        if self._app.fragile:
            told = _("The run goes on if this connection breaks. See it again:  {attach}", attach=ATTACH)
            self._frontend.emit(Info(told))
        return view(Follower(self._host.run_dir / EVENTS, self._begin), self._frontend)

    def _watcher(self) -> Watcher:
        return Watcher(self._host, self._log, self._items, self._app.redact, self._root_password)

    def _root_password(self) -> Secret | None:
        found = (one.value for one in self._interviewer.answered() if one.question.key == ROOT_PASSWORD)
        return next((value for value in found if isinstance(value, Secret)), None)


class _AnswerFiles:
    """The files that keep a run's answers: private, written whole."""

    def __init__(self, host: Host, generate: str | None) -> None:
        """Write for `host`; `generate` is where the operator wants them as well."""
        self._host = host
        self._generate = generate

    def keep(self, answered: tuple[Answered, ...]) -> Path | None:
        """Write the answers so far; give the file."""
        target = answers_of_run(self._host.paths, self._host.run_id)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._written(target, answered)

    def leave(self, answered: tuple[Answered, ...]) -> Path | None:
        """Write and name them at the end, after failures too; give the run's own file, if it has asked anything."""
        if not answered:
            return None
        kept = self.keep(answered)
        targets = [kept]
        if self._generate:
            targets.append(self._written(Path(self._generate).absolute(), answered))
        for target in filter(None, targets):
            self._host.reporter.emit(Info(_("Answers: {target}", target=target)))
        return kept

    def _written(self, target: Path, answered: tuple[Answered, ...]) -> Path | None:
        try:
            write(target, answered)
        except Problem as problem:
            self._host.reporter.emit(Failed(problem))
            return None
        return target
