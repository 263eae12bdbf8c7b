"""The runs that have deployed an engine of this host, or joined it to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.journal import Past, read_journal
from hosted_setup.pipeline.session import JOURNAL
from hosted_setup.ports.problems import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hosted_setup.ports.host import Paths


class NotDeployed(Problem):
    """There is no deployed engine that this host knows of."""

    code = "HE-NOT-DEPLOYED"
    title = "You must run deploy first"
    exit_code = ExitCode.FAILED


def deployed(paths: Paths) -> Iterator[tuple[Path, Past]]:
    """Give the journal of each run that came to its end and was not taken back, the latest first."""
    for path in sorted(paths.runs.glob(f"*/{JOURNAL}"), reverse=True):
        past = Past(list(read_journal(path)))
        if past.outcome == "done":
            yield path, past


def not_deployed(paths: Paths) -> NotDeployed:
    """Give the problem of a host without one."""
    why = _("no run in {runs} has deployed an engine", runs=paths.runs)
    return NotDeployed(str(paths.root), why=why, hint=_("Deploy one:"), command=START)
