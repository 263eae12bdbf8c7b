"""`hosted-engine storage discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_plugins.deploy import source_arguments
from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from hosted_setup.app import App


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action", metavar="discover", choices=("discover",),
        help=_("list exports, targets, volumes and LUNs, and what is on them"),
    )  # fmt: skip
    parser.add_argument("kind", metavar="KIND", help=_("nfs, iscsi, fc, glusterfs, or what a plugin adds"))
    parser.add_argument(
        "address", metavar="ADDRESS", nargs="?", default="", help=_("the server, or the portals; none for fc")
    )
    parser.add_argument("--json", action="store_true", help=_("as one JSON object"))
    source_arguments(parser)


def _run(options: Namespace, app: App) -> int:
    from hosted_plugins.storage.discovering import discover  # noqa: PLC0415 - `--help` need not pay

    return discover(options, app)


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the command."""
    return (Command("storage", "look for storage, and at what is on it; nothing is changed", _arguments, _run),)
