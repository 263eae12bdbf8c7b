"""The way on after a run that ended at its questions: what began it, with the answers that it kept."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hosted_plugins.deploy import DeployRequest
from hosted_setup.pipeline.journal import Past, read_journal
from hosted_setup.pipeline.runner import RunOutdated
from hosted_setup.pipeline.session import JOURNAL, request_of
from hosted_setup.ports.problems import START

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from pathlib import Path

    from hosted_setup.ports.host import Paths


def choices_of(options: Namespace) -> tuple[str, ...]:
    """Give what the command line chose, beside the sources of answers, as words that a later call can bear."""
    words = [word for word, chosen in (("--4", options.only4), ("--6", options.only6)) if chosen]
    words += [f"--ignore-check={name}" for name in options.ignore_check]
    words += [f"--pause-after={what}" for what in options.pause_after]
    words += [] if options.on_failure == "keep" else [f"--on-failure={options.on_failure}"]
    words += [f"--generate-answer={options.generate_answer}"] if options.generate_answer else []
    return (*words, *([] if options.dialect == "auto" else [f"--dialect={options.dialect}"]))


def again(request: DeployRequest, recorded: Iterable[str], answers: Path | None) -> str:
    """Give the command that begins as a run did and asks only what is open after `answers` too.

    A descriptor that gave secrets is not there any more: they are asked.
    """
    restore = [f"--restore-from-file={request.restore_from}"] if request.restore_from else []
    kept = [] if answers is None else [f"--config-append={answers}"]
    words = [word for word in recorded if word not in kept and not word.startswith("--secret-fd=")]
    return shlex.join([*START.split(), *restore, *words, *kept])


def answers_of_run(paths: Paths, run_id: str) -> Path:
    """Give the file that keeps the answers of a run."""
    return paths.state / "answers" / f"answers-{run_id.partition('-')[0]}.conf"


def way_on(paths: Paths) -> str:
    """Give the command that goes on with the latest run, if it was interrupted at its questions; else nothing."""
    latest = max(paths.runs.glob(f"*/{JOURNAL}"), key=lambda path: path.stat().st_mtime_ns, default=None)
    past = Past(list(read_journal(latest))) if latest else Past([])
    if latest is None or past.head is None or past.outcome != "interrupted" or past.confirmed:
        return ""
    answers = answers_of_run(paths, latest.parent.name)
    try:
        return again(request_of(past, DeployRequest), past.head.sources, answers) if answers.exists() else ""
    except RunOutdated:
        return ""
