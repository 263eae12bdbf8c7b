"""Everything of a plan that comes before its first change, without a journal: looks, asks, runs the checks."""

from __future__ import annotations

from dataclasses import dataclass
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


LOOK: Final = 10.0
"""Seconds a look may take here, where it has a limit at all: less than a deploy gives it, since somebody waits."""


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
    at, way = 0, 1
    while at < len(before):
        item = before[at]
        if item.only is not None and not item.only.due(have):
            if isinstance(item, Ask):
                asker.leave_out(item.section)
        elif isinstance(item, Ask) or way > 0:
            try:
                way = 1 if _done(item, have, host, asker, returning=way < 0) else -1
            except Problem as problem:
                problems += problem.problems()
                way = 1
        at += way
    checked = run_checks(checks_of(items), have, host, ignored(have))
    refused = refusal(checked)
    return Report(tuple(refused.problems()) if refused else (), checked).after((*problems, *asker.held))


def _done(item: Item, have: dict[type[Any], Any], host: Host, asker: Asker, *, returning: bool) -> bool:
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
        product = asker.ask(item.section, {**have, Host: host}, lambda: None, returning=returning)
    else:
        product = _looked(item, {**have, Host: host}, host)
    if product is None or item.gives is None:
        return False
    have[item.gives] = product
    return True


def _looked(step: Step, needs: dict[type[Any], Any], host: Host) -> object:
    return look(step, lambda: step.function(*(needs[need] for need in step.needs)), host, LOOK)
