"""`hosted-engine deploy`: the main job, and `--resume` and `--abort` of an unfinished one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_plugins.deploy import sources
from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from hosted_setup.app import App


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--restore-from-file", metavar="F", help=_("restore this engine-backup archive into the new engine VM")
    )
    sources.arguments(parser)
    parser.add_argument("--generate-answer", metavar="F", help=_("write the answers of this run to F as well"))
    parser.add_argument(
        "--on-failure",
        choices=("keep", "abort"),
        default="keep",
        help=_("keep a failed run for --resume (default), or undo it"),
    )
    parser.add_argument(
        "--pause-after", choices=("restore", "host"), action="append", default=[],
        help=_("wait after the restore, or after this host is added, for `run continue` (repeats; at a terminal only)"),
    )  # fmt: skip
    parser.add_argument(
        "--dialect",
        choices=("auto", "tui", "plain", "replay", "machine"),
        default="auto",
        help=_("tui: the wizard; plain: lines; replay: no questions; machine: JSON lines; auto: by the terminal"),
    )
    family = parser.add_mutually_exclusive_group()
    family.add_argument("--4", dest="only4", action="store_true", help=_("use IPv4 only"))
    family.add_argument("--6", dest="only6", action="store_true", help=_("use IPv6 only"))
    parser.add_argument(
        "--ignore-check",
        metavar="NAME",
        action="append",
        default=[],
        help=_("do not tell this check's warning (repeats)"),
    )
    way = parser.add_mutually_exclusive_group()
    parser.add_argument(
        "--wipe-lun", metavar="WWID", help=_("let this LUN be taken although something is on it, which is lost")
    )
    way.add_argument("--precheck", action="store_true", help=_("run all checks, report, and change nothing"))
    way.add_argument("--plan", action="store_true", help=_("print the steps in order and end"))
    way.add_argument("--resume", action="store_true", help=_("go on with the unfinished run"))
    way.add_argument("--abort", action="store_true", help=_("take the unfinished run back"))
    way.add_argument(
        "--attach", action="store_true", help=_("show the latest run, at work or ended, from its beginning")
    )
    way.add_argument("--follow", action="store_true", help=_("the same in plain lines, for scripts"))


def run(options: Namespace, app: App) -> int:
    """Do what the options ask for."""
    from hosted_plugins.deploy.work import deploy, plan_text, resume  # noqa: PLC0415 - `--help` need not pay
    from hosted_plugins.runs import abort  # noqa: PLC0415

    if options.plan:
        print(plan_text(app), end="")  # noqa: T201 - the output asked for
        return 0
    if options.abort:
        return abort(app, options.dialect)
    if options.precheck:
        from hosted_plugins.deploy.prechecking import check_only  # noqa: PLC0415 - see above

        return check_only(options, app, sources.Sources.of(options))
    if options.attach or options.follow:
        from hosted_plugins.deploy import viewing  # noqa: PLC0415 - see above

        show = viewing.attach if options.attach else viewing.follow
        return show(app, options.dialect)
    work = resume if options.resume else deploy
    return work(options, app, sources.Sources.of(options))


@hookimpl
def hosted_setup_commands() -> Sequence[Command]:
    """Register the command."""
    return (
        Command("deploy", "deploy the engine VM, with --restore-from-file restore a backup into it", arguments, run),
    )
