"""Which checks' warnings the operator knows of: `--ignore-check=NAME`, and the answer that a replay repeats it by."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, together
from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.checking import PRECHECK
from hosted_setup.pipeline.plan import Item, checks_of

IGNORE: Final = "HOSTED_ENGINE/ignoreChecks"
_NAME: Final = r"[a-z0-9]+(-[a-z0-9]+)*"


class CheckUnknown(Problem):
    """There is no check of the name that is to be ignored."""

    code = "HE-CHECK-UNKNOWN"
    title = "There is no such check"
    exit_code = ExitCode.USAGE


class CheckBlocking(Problem):
    """What a blocking check refuses cannot work, so it cannot be ignored."""

    code = "HE-CHECK-BLOCKING"
    title = "The check cannot be ignored"
    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class CheckNames:
    """Names of checks."""

    names: tuple[str, ...]
    pattern: ClassVar = rf"{_NAME}( *, *{_NAME})*"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept any words with commas between them."""
        return cls(tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip())))

    def __str__(self) -> str:
        """Give them with commas."""
        return ",".join(self.names)


@dataclass(frozen=True)
class KnownChecks:
    """The names of a plan's checks; those of `blocking` cannot be ignored."""

    names: tuple[str, ...]
    blocking: tuple[str, ...]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Take them from a plan."""
        checks = checks_of(items)
        return cls(tuple(one.label for one in checks), tuple(one.label for one in checks if one.blocking))


def refuse_what_counts(names: Sequence[str], checks: KnownChecks, place: str) -> None:
    """Refuse names, given at `place`, that are none of a check or of one that may not be ignored.

    Raises:
        CheckUnknown, CheckBlocking: for each; several at once as Problems.
    """
    problem = together(found for found in (_wrong(name, checks, place) for name in names) if found is not None)
    if problem is not None:
        raise problem


def _known(value: CheckNames, checks: KnownChecks) -> None:
    refuse_what_counts(value.names, checks, IGNORE)


@section("Checks")
class IgnoreAnswers:
    """What of the checks' warnings is not told."""

    checks: CheckNames | None = ask(
        "Checks whose warnings are not told (empty for none)", key=IGNORE, default=None, check=_known, asked=False,
        help="Names with commas between them, as docs/checks.md and the report of --precheck have them.",
    )  # fmt: skip


def ignored(have: Mapping[type[Any], Any]) -> tuple[str, ...]:
    """Give what is ignored, as far as that is answered."""
    answers = have.get(IgnoreAnswers)
    return answers.checks.names if answers is not None and answers.checks is not None else ()


def _wrong(name: str, checks: KnownChecks, place: str) -> Problem | None:
    hint = _("The report names every check:")
    where = f"{place}={name}"
    if name not in checks.names:
        close = difflib.get_close_matches(name, checks.names, n=1)
        why = (
            _("the nearest one is {close}", close=close[0])
            if close
            else _("there are: {checks}", checks=", ".join(checks.names))
        )
        return CheckUnknown(name, why=why, where=where, hint=hint, command=PRECHECK)
    if name in checks.blocking:
        why = _("it is no warning: what it refuses would fail later, or harm somebody else")
        return CheckBlocking(name, why=why, where=where, hint=_("Mend what it finds; see:"), command=PRECHECK)
    return None
