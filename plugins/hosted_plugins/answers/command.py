"""`hosted-engine answers show|lint|schema|convert`."""

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
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help=_("print every answer, where it stands and which one wins"))
    show.add_argument("--json", action="store_true", help=_("as one JSON object"))
    lint = actions.add_parser("lint", help=_("tell everything that is wrong in the files"))
    for one in (show, lint):
        one.add_argument("files", metavar="FILE", nargs="+", type=_path, help=_("answer file (FILE.d/*.conf too)"))
    actions.add_parser("schema", help=_("print the JSON Schema of the answers"))
    convert = actions.add_parser("convert", help=_("turn an answer file into Ansible variables, or the other way"))
    convert.add_argument(
        "--to", choices=("otopi", "ansible"), required=True, help=_("what to write; FILE is the other")
    )
    convert.add_argument(
        "--output", metavar="F", type=_path, help=_("write to F, mode 0600, instead of standard output")
    )
    convert.add_argument("file", metavar="FILE", type=_path, help=_("answer file, or YAML of he_* variables"))


def _path(text: str) -> Path:
    return Path(text).absolute()


def _run(options: Namespace, app: App) -> int:
    from hosted_plugins.answers import work  # noqa: PLC0415 - `--help` need not pay

    match options.action:
        case "show":
            return work.show(app, options.files, as_json=options.json)
        case "lint":
            return work.lint(app, options.files)
        case "schema":
            return work.schema(app)
        case _:
            return work.convert(app, options.file, options.to, options.output)


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the command."""
    return (Command("answers", "show, check, describe or convert answer files", _arguments, _run),)
