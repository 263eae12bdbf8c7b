"""`hosted-engine connect-storage` and `disconnect-storage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from hosted_setup.app import App


def _arguments(_parser: ArgumentParser) -> None:
    """Take none."""


def _connect(_options: Namespace, app: App) -> int:
    from hosted_plugins.connect.work import connect_storage  # noqa: PLC0415 - `--help` need not pay

    return connect_storage(app)


def _disconnect(_options: Namespace, app: App) -> int:
    from hosted_plugins.connect.work import disconnect_storage  # noqa: PLC0415 - see _connect

    return disconnect_storage(app)


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the commands."""
    return (
        Command("connect-storage", "connect the storage domain of the engine", _arguments, _connect),
        Command("disconnect-storage", "let go of the storage domain of the engine", _arguments, _disconnect),
    )
