"""Runs checks: all of them, side by side, each in its time; what hangs is left behind and becomes a problem itself."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from enum import Enum
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hosted_setup.model.events import Waiting, Warn
from hosted_setup.model.lookup import call_with
from hosted_setup.model.messages import N_, _
from hosted_setup.model.problem import Problem, together
from hosted_setup.ports.host import Host
from hosted_setup.ports.problems import refused_by_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hosted_setup.pipeline.step import Step

    Ignored = Callable[[Mapping[type[Any], Any]], Iterable[str]]

T = TypeVar("T")
_TICK: Final = 1.0  # seconds between two signs of life
PRECHECK: Final = "hosted-engine deploy --precheck"
PATIENT_PRECHECK: Final = f"{PRECHECK} --timeout-factor=4"
"""The same with more time, where something was too slow to be looked at."""


def nothing(_have: Mapping[type[Any], Any]) -> tuple[str, ...]:
    """Ignore no warning."""
    return ()


class CheckLate(Problem):
    """A check or a look at the host did not end in its time: what it asks does not answer."""

    code = "HE-CHECK-DEADLINE"
    title = "A check did not end in time"


class Result(Enum):
    """How a check ended, in the words of the report."""

    PASSED = N_("passed")
    REFUSED = N_("REFUSED")
    WARNED = N_("WARNING")
    IGNORED = N_("ignored")
    INAPPLICABLE = N_("does not apply")
    UNCHECKED = N_("not checked: something it needs is missing")


@dataclass(frozen=True)
class Checked:
    """A check with its result; `problem` is what it has found."""

    check: Step
    result: Result
    problem: Problem | None = None


def look(step: Step, call: Callable[[], T], host: Host, most: float = math.inf) -> T:
    """Call what only looks, in the time that `step` has, if it has a limit: in `most` seconds then.

    Raises:
        CheckLate: it took longer; its thread is left to itself, since nothing can end it.
    """
    if step.within is None:
        return call()
    step = _hurried(step, most)
    future = begun(call)
    wait([future], _limit(step, host))
    if not future.done():
        raise _late(step, host)
    return future.result()


def run_checks(
    checks: Sequence[Step],
    have: Mapping[type[Any], Any],
    host: Host,
    ignored: Iterable[str] = (),
    most: float = math.inf,
) -> tuple[Checked, ...]:
    """Run every check whose needs `have` meets, all at once; give each with its result, in their order.

    Args:
        checks: what to run.
        have: products by type.
        host: what the checks look at.
        ignored: labels of checks whose warnings the operator knows of.
        most: seconds that none may exceed, whatever its own time is.

    Raises:
        Exception: what a check raises that is neither a Problem nor of the operating system is a bug.
    """
    needs = {**have, Host: host}
    checks = [_hurried(one, most) for one in checks]
    running: dict[Step, Future[None]] = {}
    results: dict[Step, Checked] = {}
    for one in checks:
        if one.only is not None and one.only.passed_over(have):
            results[one] = Checked(one, Result.INAPPLICABLE)
        elif any(need not in have for need in one.products):
            results[one] = Checked(one, Result.UNCHECKED)
        elif one.when is not None and not call_with(one.when, needs):
            results[one] = Checked(one, Result.INAPPLICABLE)
        else:
            running[one] = begun(_bound(one, needs))
    _await(running, host)
    for one, future in running.items():
        problem = _problem(future) if future.done() else _late(one, host)
        results[one] = Checked(one, _result(one, problem, frozenset(ignored)), problem)
    return tuple(results[one] for one in checks)


def refusal(checked: Iterable[Checked]) -> Problem | None:
    """Give what forbids the run, all of it in one."""
    return together(one.problem for one in checked if one.result is Result.REFUSED and one.problem is not None)


def warnings(checked: Iterable[Checked]) -> tuple[Warn, ...]:
    """Give each warning, with the name by which it can be ignored."""
    return tuple(
        Warn(_told(one.check, each), each.code, one.check.label)
        for one in checked
        if one.result is Result.WARNED and one.problem is not None
        for each in one.problem.problems()
    )


def table(checked: Iterable[Checked]) -> tuple[str, ...]:
    """Give the report: a line for each check with its name and its result."""
    checked = tuple(checked)
    width = max((len(one.check.label) for one in checked), default=0)
    return tuple(f"{one.check.label:<{width}}  {_(one.result.value)}" for one in checked)


def _told(check: Step, problem: Problem) -> str:
    parts = {_("What"): problem.detail, _("Why"): problem.why, _("Where"): problem.where, _("Next"): problem.hint}
    wide = max(7, *(len(word) + 2 for word in parts))
    lines = [f"{problem.code}: {problem.headline}"]
    for word, text in parts.items():
        lines += [f"{word + ':' if not at else '':{wide}}{line}" for at, line in enumerate(text.splitlines())]
    lines += [f"{'':{wide}}{problem.command}"] if problem.command else []
    return "\n".join(
        (*lines, _("Else:  --ignore-check={label} silences this warning, which stops nothing", label=check.label))
    )


def _bound(check: Step, needs: Mapping[type[Any], Any]) -> Callable[[], None]:
    return lambda: call_with(check.function, needs)


def begun(call: Callable[[], T]) -> Future[T]:
    """Call in a thread that does not keep the process: a server that hangs in the kernel cannot be interrupted.

    Whoever waits for the result sets the deadline, and leaves the thread to itself then.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future


def _await(running: Mapping[Step, Future[None]], host: Host) -> None:
    """Wait until each has ended or has had its time.

    By the system's own clock: threads take real time, whatever clock a world pretends.
    """
    begun = time.monotonic()
    while True:
        elapsed = time.monotonic() - begun
        left = {one: future for one, future in running.items() if not future.done() and elapsed < _limit(one, host)}
        if not left:
            return
        last = max(_limit(one, host) for one in left)
        wait(left.values(), min(_TICK, last - elapsed))
        if elapsed >= _TICK:
            names = ", ".join(one.label for one in left)
            host.reporter.emit(Waiting(_("the checks ({names})", names=names), elapsed, last))


def _hurried(step: Step, most: float) -> Step:
    return replace(step, within=min(step.within or 0.0, most))


def _limit(step: Step, host: Host) -> float:
    return (step.within or 0.0) * host.timeout_factor


def _late(step: Step, host: Host) -> CheckLate:
    detail = _("{title}: no answer within {limit:g} s", title=_(step.title), limit=_limit(step, host))
    why = _("what it asks hangs: libvirt, a name server, a storage server or a gateway")
    hint = _("Look whether that works; where it only is slow, give it more time:")
    return CheckLate(detail, why=why, hint=hint, command=PATIENT_PRECHECK)


def _problem(future: Future[None]) -> Problem | None:
    error = future.exception()
    if isinstance(error, OSError):
        return refused_by_system(error, then=PRECHECK)
    if error is None or isinstance(error, Problem):
        return error
    raise error


def _result(check: Step, problem: Problem | None, ignored: frozenset[str]) -> Result:
    if problem is None:
        return Result.PASSED
    if check.blocking:
        return Result.REFUSED
    return Result.IGNORED if check.label in ignored else Result.WARNED
