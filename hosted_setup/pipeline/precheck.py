"""Everything of a plan that comes before its first change, without a journal: looks, asks, runs the checks."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.checking import look, nothing, refusal, run_checks
from hosted_setup.pipeline.plan import Ask, Select, checks_of
from hosted_setup.pipeline.stage import Stage
from hosted_setup.ports.host import Host

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hosted_setup.pipeline.asker import Asker
    from hosted_setup.pipeline.checking import Checked, Ignored
    from hosted_setup.pipeline.plan import Item
    from hosted_setup.pipeline.step import Step


LOOKS: Final = 9.0
"""Seconds the looks may take here, all that have a limit together: a deploy gives more, but here somebody waits."""

CHECKS: Final = 6.0
"""Seconds that each check may take here, and what the looks have left of theirs on top: in a deploy some have more."""

_LEAST: Final = 1.0  # for a look, or the check of an answer, that comes when the time is up


@dataclass(frozen=True)
class Report:
    """What was found: `problems` of every kind, and every check with its result."""

    problems: tuple[Problem, ...]
    checked: tuple[Checked, ...]

    def after(self, problems: Iterable[Problem]) -> Report:
        """Add what was found before; what was told twice is told once."""
        told = {(one.code, one.detail, one.where): one for one in (*problems, *self.problems)}
        return Report(tuple(told.values()), self.checked)


def precheck(
    items: Sequence[Item], host: Host, asker: Asker, given: Iterable[object], ignored: Ignored = nothing
) -> Report:
    """Look, ask and check as far as it goes: what lacks the product of something that failed is left out.

    Args:
        items: the plan.
        host: what is looked at; nothing is changed.
        asker: the interview.
        given: products that are there from the start.
        ignored: told what is answered, gives labels of checks whose warnings the operator knows of.

    Raises:
        Aborted: the operator left.
    """
    have: dict[type[Any], Any] = {type(one): one for one in given}
    problems: list[Problem] = []
    before = [item for item in items if item.stage <= Stage.VALIDATION and item.gives is not None]
    time = _Time(host)
    at, way = 0, 1
    while at < len(before):
        item = before[at]
        if item.only is not None and not item.only.due(have):
            if isinstance(item, Ask):
                asker.leave_out(item.section)
        elif isinstance(item, Ask) or way > 0:
            try:
                way = 1 if _done(item, have, time, asker, returning=way < 0) else -1
            except Problem as problem:
                problems += problem.problems()
                way = 1
        at += way
    checked = run_checks(checks_of(items), have, host, ignored(have), CHECKS + time.left)
    refused = refusal(checked)
    return Report(tuple(refused.problems()) if refused else (), checked).after((*problems, *asker.held))


def _done(item: Item, have: dict[type[Any], Any], time: _Time, asker: Asker, *, returning: bool) -> bool:
    """Ask a section, or take a step that looks; False when the operator goes back to a section before."""
    if not returning and item.gives is not None:
        have.pop(item.gives, None)  # of an earlier round
    if any(need not in have for need in item.products):
        return not returning
    if isinstance(item, Select):
        if item.goal(have) in have:
            have[item.gives] = item.make(have)
        return not returning
    if isinstance(item, Ask):
        needs = {**have, Host: time.host}
        product = asker.ask(item.section, needs, lambda: None, returning=returning, most=time.most)
    else:
        product = time.look(item, {**have, Host: time.host})
    if product is None or item.gives is None:
        return False
    have[item.gives] = product
    return True


class _Time:
    """What is left of the time for looks."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._left = LOOKS

    @property
    def left(self) -> float:
        """Give the seconds that are left."""
        return max(self._left, 0.0)

    @property
    def most(self) -> float:
        """Give the seconds that what comes next may take; the time of an answer's check is nobody else's."""
        return max(self._left, _LEAST)

    def look(self, step: Step, needs: dict[type[Any], Any]) -> object:
        """Look, by the system's own clock: see `checking`."""
        begun = monotonic()
        try:
            return look(step, lambda: step.function(*(needs[need] for need in step.needs)), self.host, self.most)
        finally:
            if step.within is not None:
                self._left -= (monotonic() - begun) / self.host.timeout_factor
