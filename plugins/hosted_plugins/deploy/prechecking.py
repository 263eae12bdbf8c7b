"""The work of `hosted-engine deploy --precheck`: every check, every problem, and nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_plugins.deploy.ignoring import KnownChecks, ignored, refuse_what_counts
from hosted_plugins.deploy.sources import answers_of
from hosted_plugins.deploy.work import FLOWS, begin, flow_of, plan_of, read_answers, requested, streams_of
from hosted_plugins.storage import StorageBackends
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.model.events import End, Failed, Info, Item, Summary
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Aborted, ExitCode, Problem, exit_code_of, together
from hosted_setup.pipeline.checking import table, warnings
from hosted_setup.pipeline.flow import OtherFlow
from hosted_setup.pipeline.journal import Past, refuse_if_at_work
from hosted_setup.pipeline.precheck import Report, precheck
from hosted_setup.pipeline.session import refuse_if_unfinished

if TYPE_CHECKING:
    from argparse import Namespace

    from hosted_plugins.deploy.sources import Sources
    from hosted_setup.app import App
    from hosted_setup.interview.frontend import Frontend


def check_only(options: Namespace, app: App, sources: Sources) -> ExitCode:
    """Look, ask, check and report: no log, no journal, no answer file."""
    frontend = app.frontend(options.dialect)
    code = _checked(options, app, sources, frontend)
    frontend.emit(End(code))
    return code


def _checked(options: Namespace, app: App, sources: Sources, frontend: Frontend) -> ExitCode:
    try:
        report = _report(options, app, sources, frontend)
    except Aborted:
        frontend.emit(Info(_("Interrupted by the operator.")))
        return ExitCode.INTERRUPTED
    except Problem as refusal:
        frontend.emit(Failed(refusal))
        return exit_code_of(refusal)
    for warning in warnings(report.checked):
        frontend.emit(warning)
    problem = together(report.problems)
    if problem is not None:
        frontend.emit(Failed(problem))
    lines = (_("Checks:"), *(f"  {line}" for line in table(report.checked)), _("Nothing was changed."))
    results = tuple(Item(one.check.label, one.result.name.lower()) for one in report.checked)
    frontend.emit(Summary(lines, results))
    return exit_code_of(problem) if problem is not None else ExitCode.DONE


def _report(options: Namespace, app: App, sources: Sources, frontend: Frontend) -> Report:
    problems: list[Problem] = []
    host = app.host(app.now_id(), frontend)
    registry = app.registry()
    backends = StorageBackends(registry.storage_backends())
    streams, chosen = streams_of(app, sources), answers_of(options)
    answers = read_answers(app, options, sources, streams, registry, backends, Past([]), chosen)
    items = plan_of(registry, flow_of(answers))
    checks = KnownChecks.of(items)
    refuse_what_counts(options.ignore_check, checks, "--ignore-check")
    interviewer = Interviewer(answers, frontend, factor=options.timeout_factor)
    try:
        refuse_if_at_work(app.paths.runs)
        refuse_if_unfinished(app.paths.runs)
    except Problem as problem:
        problems.append(problem)
    try:
        begin(interviewer, items, backends)
    except Problem as problem:
        problems += problem.problems()
    given = (requested(options), backends, AnswerSheet(interviewer), checks)
    try:
        report = precheck(items, host, interviewer, given, ignored)
    except OtherFlow as other:
        items = plan_of(registry, FLOWS[other.name])
        begin(interviewer, items, backends)
        report = precheck(items, host, interviewer, given, ignored)
    if not report.problems:  # else what is not asked may follow from them
        interviewer.tell_unasked()
    return report.after(problems)
