"""Flows: a name, a goal type and the type of the request that starts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hosted_setup.model.messages import _
from hosted_setup.pipeline.plan import Item, plan
from hosted_setup.pipeline.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosted_setup.pipeline.journal import Answered
    from hosted_setup.pipeline.plan import Alternatives
    from hosted_setup.pipeline.step import Step


@dataclass(frozen=True)
class Flow:
    """A thing the program does, such as deploy: the plan is the closure of what `goal` needs."""

    name: str
    goal: type[Any]
    request: type[Any]
    asking: bool = True
    """Whether a check may bring in questions that the goal alone would not ask."""

    def plan(
        self, steps: Iterable[Step], given: Iterable[type[Any]] = (), alternatives: Iterable[Alternatives] = ()
    ) -> tuple[Item, ...]:
        """Order the steps; `given` are products there from the start beside the request."""
        return plan(self.goal, steps, (self.request, *given), alternatives, asking=self.asking)


class OtherFlow(Exception):  # noqa: N818 - an outcome, not an error
    """What was answered is another flow's business: this run ends, and one of that flow begins with the answers."""

    def __init__(self, name: str) -> None:
        """Name the flow."""
        super().__init__(name)
        self.name = name
        self.answers: tuple[Answered, ...] = ()
        """What the run had recorded until then."""


def render(items: Iterable[Item]) -> str:
    """Give the plan as `--plan` prints it: a heading a stage, a line a step."""
    lines: list[str] = []
    stage: Stage | None = None
    for item in items:
        if item.stage is not stage:
            stage = item.stage
            lines.append(_("Stage: {stage}", stage=_(stage.headings[-1])))
        only = _(", only for {words}", words=", ".join(sorted(item.only.words))) if item.only else ""
        lines.append(f"  {_(item.title)} [{item.name}]{only}")
    return "\n".join(lines) + "\n"
