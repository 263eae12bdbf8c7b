"""`hosted-engine support-bundle`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from hosted_setup.app import App


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--secrets-file", metavar="F", help=_("answer file with the engine VM's root password, to fetch its logs too")
    )


def _run(options: Namespace, app: App) -> int:
    from hosted_plugins.support.work import support_bundle  # noqa: PLC0415 - `--help` need not pay

    return support_bundle(app, Path(options.secrets_file).absolute() if options.secrets_file else None)


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the command."""
    return (
        Command(
            "support-bundle", "collect logs and configuration of host and engine, secrets removed", _arguments, _run
        ),
    )
