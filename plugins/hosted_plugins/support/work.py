"""The work of `hosted-engine support-bundle`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_plugins.bundle import ROOT_PASSWORD, Bundle, shell_of
from hosted_plugins.vm import VmAnswers
from hosted_setup.app import Both
from hosted_setup.interview.loading import load
from hosted_setup.model.events import Failed, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, Problems, exit_code_of
from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.session import JOURNAL
from hosted_setup.pipeline.step import step_of

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.app import App


def support_bundle(app: App, secrets: Path | None) -> int:
    """Collect; the engine's part needs the root password of its VM, from a file or the environment."""
    frontend = app.frontend("auto")
    run_id = app.now_id()
    try:
        answers = load((VmAnswers,), secrets_file=secrets, environment=app.environment)
        if answers.problems:
            raise Problems(answers.problems)
        given = answers.given.get(ROOT_PASSWORD)
        password = given.text if given is not None and isinstance(given.text, Secret) else None
        if password is None:
            frontend.emit(Warn(_("The engine's own logs are left out: they need its root password (--secrets-file)")))
        journals = sorted(app.paths.runs.glob(f"*/{JOURNAL}"), reverse=True)
        items = tuple(step_of(function) for function in app.registry().steps())
        # The latest run that met an engine VM: one that was refused since then knows of none.
        shell = next(filter(None, (shell_of(journal, items, password) for journal in journals)), None)
        host = app.host(journals[0].parent.name if journals else run_id, Both(frontend, app.log(run_id)))
        Bundle(host, app.redact).collect(shell)
    except Problem as problem:
        frontend.emit(Failed(problem))
        return exit_code_of(problem)
    return ExitCode.DONE
