"""`hosted-engine get-shared-config` and `set-shared-config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from hosted_setup.app import App

TYPES: Final = ("he_local", "he_shared", "ha", "broker")


def _get_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help=_("what to look up"))
    _type(parser)


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help=_("what to change"))
    parser.add_argument("value", metavar="VALUE", help=_("what it is to be"))
    _type(parser)


def _type(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--type", choices=TYPES, default="",
        help=_(
            "he_local: hosted-engine.conf of this host; he_shared: the one on the shared storage; ha: ha.conf of this "
            "host; broker: broker.conf on the shared storage; default: the one that has the key"
        ),
    )  # fmt: skip


def _get(options: Namespace, app: App) -> int:
    from hosted_plugins.shared_config.work import get  # noqa: PLC0415 - `--help` need not pay

    return get(app, options.key, options.type)


def _set(options: Namespace, app: App) -> int:
    from hosted_plugins.shared_config.work import change  # noqa: PLC0415 - see _get

    return change(app, options.key, options.value, options.type)


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the commands."""
    return (
        Command("get-shared-config", "show a value of the engine's configuration", _get_arguments, _get),
        Command("set-shared-config", "change a value of the engine's configuration", _set_arguments, _set),
    )
