"""Looks for storage of one kind, by what its back end discovers; nobody is asked, nothing is changed or kept."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from hosted_plugins.deploy import answers_of
from hosted_setup.interview.dialect import Retold
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import Option
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.interview.store import missing
from hosted_setup.model.events import Failed, Info, Warn
from hosted_setup.model.lookup import call_with, needs_of
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, exit_code_of, together
from hosted_setup.model.question import is_section, questions_of
from hosted_setup.ports.host import Host
from hosted_setup.storage.discovery import AnyFound, Discovery, as_json, table, told

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from hosted_setup.app import App
    from hosted_setup.model.events import Event, Reporter


class DiscoveryKind(Problem):
    """Nothing discovers storage of that kind."""

    code = "HE-DISCOVER-KIND"
    title = "Storage of this kind cannot be discovered"
    exit_code = ExitCode.USAGE


class DiscoveryAddress(Problem):
    """What is looked for has no address."""

    code = "HE-DISCOVER-ADDRESS"
    title = "Storage of this kind has no address"
    exit_code = ExitCode.USAGE


class _Notes:
    """Leaves standard output to the JSON; keeps what there is to be said."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def emit(self, event: Event) -> None:
        """Keep what is a text."""
        if isinstance(event, Info | Warn):
            self.texts.append(event.text)


def discover(options: Namespace, app: App) -> ExitCode:
    """Print what is found; a problem with all of it, or else with a part, gives the exit code."""
    frontend, notes = app.frontend("replay"), _Notes()
    found: Sequence[AnyFound] = ()
    try:
        found = _found(options, app, notes if options.json else frontend)
        problem = together([Retold(why) for one in found for why in one.failed()])
    except Problem as refusal:
        problem = refusal
    if options.json:
        whole = Discovery(kind=options.kind, found=tuple(found), notes=tuple(notes.texts), problems=told(problem))
        print(as_json(whole, app.redact), end="")  # noqa: T201 - the output asked for
    else:
        for line in table(found):
            print(app.redact(line))  # noqa: T201 - see above
        if problem is not None:
            frontend.emit(Failed(problem))
        elif not found:
            frontend.emit(Info(_("No storage of the kind {kind} was found", kind=options.kind)))
    return exit_code_of(problem) if problem is not None else ExitCode.DONE


def _found(options: Namespace, app: App, reporter: Reporter) -> Sequence[AnyFound]:
    look = _look(options.kind, app)
    sections = tuple(need for need in needs_of(look) if is_section(need))
    if options.address and not sections:
        why, hint = _("it is looked for on this host"), _("Leave the address out:")
        command = f"hosted-engine storage discover {options.kind}"
        raise DiscoveryAddress(options.address, why=why, hint=hint, command=command)
    first = next((question for one in sections for question in questions_of(one)), None)
    given = [Option(first.key, options.address, "ADDRESS")] if first and options.address else []
    answers = answers_of(options, app, given)
    if first and first.key not in answers.given and not answers.problems:
        raise missing(first)
    interviewer = Interviewer(answers, app.frontend("replay"), reporter, factor=options.timeout_factor)
    interviewer.begin(sections)
    have: dict[type[Any], Any] = {
        Host: app.host(app.now_id(), reporter), AnswerSheet: AnswerSheet(interviewer),
    }  # fmt: skip
    for one in sections:
        have[one] = interviewer.ask(one, have)
    found: Sequence[AnyFound] = call_with(look, have)
    return found


def _look(kind: str, app: App) -> Callable[..., Sequence[AnyFound]]:
    backends = app.registry().storage_backends()
    able = {name: backend.discover for name, backend in backends.items() if backend.discover is not None}
    look = able.get(kind)
    if look is None:
        near = difflib.get_close_matches(kind, able, n=1)
        why = _("these can be: {kinds}", kinds=", ".join(able))
        hint = _("Name one of them, as in:")
        command = f"hosted-engine storage discover {near[0] if near else 'fc'}"
        raise DiscoveryKind(kind, why=why, hint=hint, command=command)
    return look
