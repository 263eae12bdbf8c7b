"""`--ignore-check=NAME`: which checks' warnings the operator knows of."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, together
from hosted_setup.pipeline.checking import PRECHECK
from hosted_setup.pipeline.plan import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hosted_setup.pipeline.plan import Item
    from hosted_setup.pipeline.step import Step


class CheckUnknown(Problem):
    """There is no check of the name that --ignore-check gives."""

    code = "HE-CHECK-UNKNOWN"
    title = "There is no such check"
    exit_code = ExitCode.USAGE


class CheckBlocking(Problem):
    """What a blocking check refuses cannot work, so it cannot be ignored."""

    code = "HE-CHECK-BLOCKING"
    title = "The check cannot be ignored"
    exit_code = ExitCode.USAGE


def ignored_of(names: Sequence[str], items: Iterable[Item]) -> tuple[str, ...]:
    """Take the names that the command line gives.

    Raises:
        CheckUnknown, CheckBlocking: for each that is none, or may not be ignored; several at once as Problems.
    """
    checks = {one.label: one for one in checks_of(items)}
    problem = together(found for found in (_wrong(name, checks) for name in names) if found is not None)
    if problem is not None:
        raise problem
    return tuple(names)


def _wrong(name: str, checks: dict[str, Step]) -> Problem | None:
    where = f"--ignore-check={name}"
    hint = _("The report names every check:")
    if name not in checks:
        close = difflib.get_close_matches(name, checks, n=1)
        why = (
            _("the nearest one is {close}", close=close[0])
            if close
            else _("there are: {checks}", checks=", ".join(checks))
        )
        return CheckUnknown(name, why=why, where=where, hint=hint, command=PRECHECK)
    if checks[name].blocking:
        why = _("it is no warning: what it refuses would fail later, or harm somebody else")
        return CheckBlocking(name, why=why, where=where, hint=_("Mend what it finds; see:"), command=PRECHECK)
    return None
