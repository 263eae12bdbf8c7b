"""Deploy: the program's main flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from hosted_setup.app import App
    from hosted_setup.interview.loading import Option
    from hosted_setup.interview.store import Answers
    from hosted_setup.ports.host import Paths
    from hosted_setup.registry import Registry


def sections(registry: Registry, answers: Answers | None = None) -> tuple[type[Any], ...]:
    """Give the sections of questions that a deploy asks, in order; with `answers`, those that are due with them."""
    from hosted_plugins.deploy import work  # noqa: PLC0415 - commands are light until they run

    if answers is None:
        return work.every_section(registry)
    return work.sections_of(work.due_with(answers, work.plan_of(registry, work.flow_of(answers))))


def source_arguments(parser: ArgumentParser) -> None:
    """Declare the options that name where answers come from."""
    from hosted_plugins.deploy import sources  # noqa: PLC0415 - see sections

    sources.arguments(parser)


def answers_of(options: Namespace, app: App, given: Iterable[Option]) -> Answers:
    """Read what the options of `source_arguments` name, and the environment; `given` comes from the command line.

    Raises:
        SecretsSource: a descriptor or a program gives no secrets.
    """
    from hosted_plugins.deploy import work  # noqa: PLC0415 - see sections

    return work.answers_for_looking(options, app, given)


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
