"""The composition root: arguments → adapters → command. Long, since it is the only place that wires.

Everything heavy is imported when a command needs it, so that `hosted-engine --help` comes at once.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hosted_plugins import COMMANDS, FEATURES
from hosted_setup.model.messages import _
from hosted_setup.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosted_setup.adapters.log import FileLog
    from hosted_setup.command import Command
    from hosted_setup.interview.frontend import Frontend
    from hosted_setup.interview.frontends.screen import Screen
    from hosted_setup.interview.secrets import Stream
    from hosted_setup.model.events import Reporter
    from hosted_setup.model.problem import Problem
    from hosted_setup.model.secret import Secret
    from hosted_setup.pipeline.journal import Record
    from hosted_setup.ports.host import Host, Paths


_SECRETS_WITHIN: Final = 60.0


class RealApp:
    """The program on the real world."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Take the common options."""
        self._options = options
        self._ends = ExitStack()

    def close(self) -> None:
        """Leave the terminal to whoever writes next."""
        self._ends.close()

    @cached_property
    def paths(self) -> Paths:
        """Give the files operators know, under `--root`."""
        from hosted_setup.ports.host import Paths  # noqa: PLC0415 - see the module

        return Paths(Path(self._options.root).absolute())

    @cached_property
    def environment(self) -> dict[str, Secret]:
        """Take the secrets out of the environment, before any program could inherit them."""
        from hosted_setup.interview.secrets import take_from_environment  # noqa: PLC0415

        return take_from_environment(os.environ)

    def secrets_of_descriptor(self, number: int) -> Stream:
        """Read the answers that come through a descriptor the caller passed, and close it."""
        from hosted_setup.adapters.secret_streams import of_descriptor  # noqa: PLC0415

        return of_descriptor(number, _SECRETS_WITHIN * self._options.timeout_factor)

    def secrets_of_command(self, command: str) -> Stream:
        """Run the caller's program, and give the answers it prints."""
        from hosted_setup.adapters.secret_streams import of_command  # noqa: PLC0415

        return of_command(command, _SECRETS_WITHIN * self._options.timeout_factor)

    def registry(self) -> Registry:
        """Give all plugins."""
        return Registry((*COMMANDS, *FEATURES), third_parties=True)

    def log(self, run_id: str) -> FileLog:
        """Open the log of a run under the name operators know."""
        from hosted_setup.adapters.log import FileLog  # noqa: PLC0415

        return FileLog(self.paths.logs / f"ovirt-hosted-engine-setup-{run_id}.log")

    def frontend(self, dialect: str) -> Frontend:
        """Ask by the wizard or, on a lesser terminal, in plain lines; replay without.

        `machine` speaks to a program, `lines` shows events and steers no terminal.
        """
        from hosted_setup.interview.frontends.plain import PlainFrontend  # noqa: PLC0415
        from hosted_setup.interview.frontends.replay import ReplayFrontend  # noqa: PLC0415
        from hosted_setup.interview.frontends.screen import Screen  # noqa: PLC0415
        from hosted_setup.interview.frontends.tui import can_ask  # noqa: PLC0415

        if dialect == "machine":
            return self._machine
        if dialect == "lines":
            return ReplayFrontend(Screen(sys.stdout, options=_again(self._options), live=False))
        if dialect in ("auto", "tui") and can_ask(sys.stdin, sys.stdout, os.environ):
            return self._wizard
        if dialect == "plain" or (dialect in ("auto", "tui") and sys.stdin is not None and sys.stdin.isatty()):
            return PlainFrontend(self._screen, sys.stdin)
        return ReplayFrontend(self._screen)

    def host(self, run_id: str, reporter: Reporter) -> Host:
        """Wire the real adapters; nothing is connected before it is used."""
        from hosted_setup.adapters.channel import UnixGuests  # noqa: PLC0415
        from hosted_setup.adapters.disk_tools import UtilLinux  # noqa: PLC0415
        from hosted_setup.adapters.gluster_cli import GlusterCli  # noqa: PLC0415
        from hosted_setup.adapters.iscsi_user import UserInitiator  # noqa: PLC0415
        from hosted_setup.adapters.kernel_mounts import KernelMounts  # noqa: PLC0415
        from hosted_setup.adapters.libvirt_hypervisor import LibvirtHypervisor  # noqa: PLC0415
        from hosted_setup.adapters.linux_machine import LinuxMachine  # noqa: PLC0415
        from hosted_setup.adapters.netlink_network import NetlinkNetwork  # noqa: PLC0415
        from hosted_setup.adapters.open_iscsi import OpenIscsi  # noqa: PLC0415
        from hosted_setup.adapters.paramiko_shell import ParamikoShells  # noqa: PLC0415
        from hosted_setup.adapters.qemu_images import QemuImages  # noqa: PLC0415
        from hosted_setup.adapters.rest_engine import RestEngines  # noqa: PLC0415
        from hosted_setup.adapters.system_clock import SystemClock  # noqa: PLC0415
        from hosted_setup.adapters.system_luns import SystemLuns  # noqa: PLC0415
        from hosted_setup.adapters.system_names import SystemNames  # noqa: PLC0415
        from hosted_setup.adapters.system_trees import SystemTrees  # noqa: PLC0415
        from hosted_setup.ports.host import Host  # noqa: PLC0415

        hypervisor, machine = LibvirtHypervisor(self._options.libvirt_uri), LinuxMachine()
        named = self.paths.root / "etc/iscsi/initiatorname.iscsi"
        initiator = UserInitiator(named, lambda: machine.facts().uuid)
        return Host(
            paths=self.paths,
            run_id=run_id,
            hypervisor=hypervisor,
            images=QemuImages(hypervisor.secret_value),
            trees=SystemTrees(),
            mounts=KernelMounts(),
            disk_tools=UtilLinux(),
            initiator=initiator,
            sessions=OpenIscsi(initiator.name),
            luns=SystemLuns(),
            gluster=GlusterCli(),
            machine=machine,
            network=NetlinkNetwork(),
            names=SystemNames(),
            guests=UnixGuests(),
            engines=RestEngines(),
            shells=ParamikoShells(),
            clock=SystemClock(),
            reporter=reporter,
            timeout_factor=self._options.timeout_factor,
        )

    @property
    def fragile(self) -> bool:
        """Look for SSH, and for tmux or screen."""
        from hosted_setup.adapters.background import is_fragile  # noqa: PLC0415

        return is_fragile(os.environ)

    @property
    def at_terminal(self) -> bool:
        """Look at the standard streams."""
        from hosted_setup.adapters.background import has_terminal  # noqa: PLC0415

        return has_terminal()

    def detach(self, output: Path) -> int | None:
        """Fork, where there is a terminal."""
        from hosted_setup.adapters.background import detach  # noqa: PLC0415

        return detach(output) if self.at_terminal else None

    def redact(self, text: str) -> str:
        """Mask every secret this process has held."""
        from hosted_setup.adapters.log import redact  # noqa: PLC0415

        return redact(text)

    def now_id(self) -> str:
        """Give an id for a new run."""
        from hosted_setup.adapters.system_clock import SystemClock  # noqa: PLC0415
        from hosted_setup.pipeline.session import new_run_id  # noqa: PLC0415

        return new_run_id(SystemClock().now())

    def observe(self, when: str, record: Record) -> None:
        """Nobody watches."""

    @cached_property
    def _machine(self) -> Frontend:
        from hosted_setup.interview.frontends.machine import MachineFrontend, Telling, is_nobody  # noqa: PLC0415
        from hosted_setup.interview.frontends.replay import ReplayFrontend  # noqa: PLC0415

        telling = Telling(sys.stdout, self.redact, options=_again(self._options))
        return ReplayFrontend(telling) if is_nobody(sys.stdin) else MachineFrontend(telling, sys.stdin)

    @cached_property
    def _wizard(self) -> Frontend:
        from hosted_setup.interview.frontends.tui import TuiFrontend  # noqa: PLC0415
        from hosted_setup.interview.frontends.tui_screen import LiveScreen  # noqa: PLC0415

        wizard = TuiFrontend(LiveScreen(sys.stdout, options=_again(self._options)))
        self._ends.callback(wizard.close)
        return wizard

    @cached_property
    def _screen(self) -> Screen:
        from hosted_setup.interview.frontends.screen import Screen  # noqa: PLC0415

        return Screen(sys.stdout, options=_again(self._options))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; give its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands = _commands(third_parties=False)
    parser = _parser(commands)
    name, rest = _split(arguments, commands)
    if name is None:
        commands = _commands(third_parties=True)
        name, rest = _split(arguments, commands)
        parser = _parser(commands)
    if name is None:
        parser.parse_args(rest)
        parser.print_help()
        return 2
    command = commands[name]
    own = argparse.ArgumentParser(
        prog=f"hosted-engine {name}", description=_(command.help), parents=[_common()], allow_abbrev=False
    )
    command.arguments(own)
    options = own.parse_args(rest)
    from hosted_setup.adapters import interrupts  # noqa: PLC0415 - not for --help

    interrupts.end_on_signals()
    return _run(command, options)


def _run(command: Command, options: argparse.Namespace) -> int:
    """Run a command; what no run of its own has dealt with ends it here."""
    from hosted_setup.model.problem import Aborted, ExitCode, Interrupted, Problem, exit_code_of  # noqa: PLC0415

    try:
        with closing(RealApp(options)) as app:
            return command.run(options, app)
    except (KeyboardInterrupt, Interrupted, Aborted):
        from hosted_setup.interview.frontends.text import with_options  # noqa: PLC0415 - the rare case

        told = _("Interrupted. See what there is to do:  hosted-engine run status")
        print(with_options(told, _again(options)), file=sys.stderr)  # noqa: T201
        return ExitCode.INTERRUPTED
    except Problem as problem:
        return _failed(options, problem, exit_code_of(problem))
    except OSError as error:
        from hosted_setup.ports.problems import STATUS, refused_by_system  # noqa: PLC0415 - the rare case

        return _failed(options, refused_by_system(error, then=STATUS), ExitCode.FAILED)


def _failed(options: argparse.Namespace, problem: Problem, code: int) -> int:
    from hosted_setup.model.events import End, Failed  # noqa: PLC0415 - the rare case

    frontend = RealApp(options).frontend(getattr(options, "dialect", "auto"))
    frontend.emit(Failed(problem))
    frontend.emit(End(code))
    return code


def _commands(*, third_parties: bool) -> dict[str, Command]:
    return {command.name: command for command in Registry(COMMANDS, third_parties=third_parties).commands()}


def _split(arguments: list[str], commands: dict[str, Command]) -> tuple[str | None, list[str]]:
    """Find the command, written `deploy` or, as operators know it, `--deploy`."""
    for at, word in enumerate(arguments):
        name = word.removeprefix("--")
        if name in commands and (word != name or not _is_value(arguments, at)):
            return name, arguments[:at] + arguments[at + 1 :]
        if word in ("-h", "--help"):
            break
    return None, arguments


def _is_value(arguments: list[str], at: int) -> bool:
    """Tell whether the word is the value of an option before it, as in `--root deploy`."""
    return at > 0 and arguments[at - 1] in ("--root", "--libvirt-uri", "--timeout-factor")


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--root",
        metavar="DIR",
        default=os.environ.get("HOSTED_ENGINE_ROOT", "/"),
        help=_("keep all files under DIR instead of /"),
    )
    common.add_argument(
        "--libvirt-uri", metavar="URI", default="qemu:///system", help=_("the hypervisor (default %(default)s)")
    )
    common.add_argument(
        "--timeout-factor", metavar="X", type=_factor, default=1.0, help=_("multiply every deadline by X")
    )
    return common


def _again(options: argparse.Namespace) -> str:
    """Give the common options of this call, quoted for a shell, as the next call needs them; none that is usual."""
    usual = _common().parse_args([])
    given = {
        "root": str(Path(options.root).absolute()),  # wherever the next call is made
        "libvirt_uri": options.libvirt_uri,
        "timeout_factor": f"{options.timeout_factor:g}",
    }
    names = (name for name in given if getattr(options, name) != getattr(usual, name))
    return shlex.join(f"--{name.replace('_', '-')}={given[name]}" for name in names)


def _factor(text: str) -> float:
    factor = float(text)
    if not 0.01 <= factor <= 1000:  # noqa: PLR2004 - beyond that it is a typing error
        message = _("between 0.01 and 1000")
        raise argparse.ArgumentTypeError(message)
    return factor


def _parser(commands: dict[str, Command]) -> argparse.ArgumentParser:
    width = max(len(name) for name in commands)
    listing = "\n".join(f"  {command.name:<{width}}  {_(command.help)}" for command in commands.values())
    return argparse.ArgumentParser(
        prog="hosted-engine",
        usage="hosted-engine [--root DIR] [--libvirt-uri URI] [--timeout-factor X] COMMAND [OPTION …]",
        description=_("Deploy a management engine as a VM on this host, and look after it."),
        epilog=_(
            "commands (also in the form --COMMAND):\n{listing}\n\nhosted-engine COMMAND --help tells the "
            "options of each.",
            listing=listing,
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common()],
        allow_abbrev=False,
    )


if __name__ == "__main__":  # by systemd, which has no PATH to look for the program in
    sys.exit(main())
