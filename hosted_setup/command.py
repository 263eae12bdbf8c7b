"""What a command of the program is: a name, arguments, and a function that gives the exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from hosted_setup.app import App


@dataclass(frozen=True)
class Command:
    """`hosted-engine NAME`, also known as `hosted-engine --NAME`."""

    name: str
    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, App], int]
