"""Deploy: the program's main flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hosted_setup.interview.store import Answers
    from hosted_setup.ports.host import Paths
    from hosted_setup.registry import Registry


def sections(registry: Registry, answers: Answers | None = None) -> tuple[type[Any], ...]:
    """Give the sections of questions that a deploy asks, in order; with `answers`, those that are due with them."""
    from hosted_plugins.deploy import work  # noqa: PLC0415 - commands are light until they run

    if answers is None:
        return work.every_section(registry)
    return work.sections_of(work.due_with(answers, work.plan_of(registry, work.flow_of(answers))))


def way_on(paths: Paths) -> str:
    """Give the command that goes on with the latest run, if it was interrupted at its questions; else nothing."""
    from hosted_plugins.deploy import continuing  # noqa: PLC0415 - see sections

    return continuing.way_on(paths)


@dataclass(frozen=True)
class DeployRequest:
    """What the command line asked for; `restore_from` is the archive's path, None for a fresh engine."""

    restore_from: str | None = None


@dataclass(frozen=True)
class Interviewed:
    """Every question of a deploy is answered."""
