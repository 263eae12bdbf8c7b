"""`hosted-engine run status|continue|abort` and `hosted-engine cleanup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from hosted_setup.app import App


def _run_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("status", "continue", "abort"),
        help=_("status: what is unfinished; continue: let a paused run go on; abort: take the run back"),
    )  # fmt: skip


def _run(options: Namespace, app: App) -> int:
    from hosted_plugins.runs import work  # noqa: PLC0415 - `--help` need not pay

    return {"status": work.status, "continue": work.proceed, "abort": work.abort}[options.action](app)


def _cleanup_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help=_("do not ask"))
    parser.add_argument(
        "--dialect",
        choices=("auto", "tui", "plain", "machine"),
        default="auto",
        help=_("tui: the wizard; plain: lines; machine: JSON lines; auto: by the terminal"),
    )


def _cleanup(options: Namespace, app: App) -> int:
    from hosted_plugins.runs.work import clean_up  # noqa: PLC0415 - see _run

    return clean_up(app, options.dialect, sure=options.yes)


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the commands."""
    return (
        Command("run", "tell the state of an unfinished run, let it go on, or take it back", _run_arguments, _run),
        Command(
            "cleanup", "remove the engine VM and all that a deploy made on this host", _cleanup_arguments, _cleanup
        ),
    )
