"""Where the answers of a run come from: the options that name it, and what of them a journal records."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from argparse import Namespace

    from hosted_setup.app import App
    from hosted_setup.interview.loading import Option
    from hosted_setup.interview.secrets import Stream


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--config-append", metavar="F", action="append", default=[], help=_("answer file (repeats; F.d/*.conf too)")
    )
    parser.add_argument("--secrets-file", metavar="F", default="", help=_("answer file with the passwords, mode 0600"))
    parser.add_argument(
        "--secret-fd", metavar="N", type=_descriptor, help=_("read lines KEY=str:VALUE from this open file descriptor")
    )
    parser.add_argument(
        "--secret-command",
        metavar="CMD",
        default="",
        help=_("read lines KEY=str:VALUE from what CMD prints (no shell)"),
    )


@dataclass(frozen=True)
class Sources:
    """What the options say; paths are absolute, "" and None stand for an option that was not given."""

    files: tuple[str, ...] = ()
    secrets_file: str = ""
    secret_fd: int | None = None
    secret_command: str = ""

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """Take them from the command line."""
        files = tuple(str(Path(one).absolute()) for one in options.config_append)
        secrets = str(Path(options.secrets_file).absolute()) if options.secrets_file else ""
        return cls(files, secrets, options.secret_fd, options.secret_command)

    @classmethod
    def recalled(cls, recorded: tuple[str, ...]) -> Self:
        """Take them from what `recorded` gave a journal, among what else the command line chose."""
        parser = ArgumentParser(add_help=False)
        arguments(parser)
        return cls.of(parser.parse_known_args(recorded)[0])

    def recorded(self) -> tuple[str, ...]:
        """Give the options as words that a later process can read."""
        words = [f"--config-append={one}" for one in self.files]
        words += [f"--secrets-file={self.secrets_file}"] if self.secrets_file else []
        words += [] if self.secret_fd is None else [f"--secret-fd={self.secret_fd}"]
        words += [f"--secret-command={self.secret_command}"] if self.secret_command else []
        return tuple(words)

    def or_those_of(self, then: Sources) -> Sources:
        """Fill up with what was named when the run began: its answer files, and its secrets unless some are named now.

        A descriptor of that time is not there any more.
        """
        files = self.files or then.files
        if self.names_secrets:
            return Sources(files, self.secrets_file, self.secret_fd, self.secret_command)
        return Sources(files, then.secrets_file, None, then.secret_command)

    @property
    def names_secrets(self) -> bool:
        """Whether any source of secrets is among them."""
        return bool(self.secrets_file or self.secret_command or self.secret_fd is not None)

    def streams(self, app: App) -> tuple[Stream, ...]:
        """Read what is no file.

        Raises:
            SecretsSource: a source gives none.
        """
        found = [] if self.secret_fd is None else [app.secrets_of_descriptor(self.secret_fd)]
        if self.secret_command:
            found.append(app.secrets_of_command(self.secret_command))
        return tuple(found)


def answers_of(options: Namespace) -> tuple[Option, ...]:
    """Give the answers that have options of their own."""
    from hosted_plugins.checks import FORCE4, FORCE6  # noqa: PLC0415 - commands are light until they run
    from hosted_plugins.deploy.ignoring import IGNORE  # noqa: PLC0415
    from hosted_plugins.pauses import AFTER_HOST, AFTER_RESTORE  # noqa: PLC0415
    from hosted_plugins.storage import WIPE  # noqa: PLC0415
    from hosted_setup.interview.loading import Option  # noqa: PLC0415

    given = (
        ("yes" if options.only4 else "", FORCE4, "--4"),
        ("yes" if options.only6 else "", FORCE6, "--6"),
        (",".join(options.ignore_check), IGNORE, "--ignore-check"),
        (options.wipe_lun or "", WIPE, "--wipe-lun"),
        ("yes" if "restore" in options.pause_after else "", AFTER_RESTORE, "--pause-after=restore"),
        ("yes" if "host" in options.pause_after else "", AFTER_HOST, "--pause-after=host"),
    )
    return tuple(Option(key, text, place) for text, key, place in given if text)


def _descriptor(text: str) -> int:
    number = int(text)
    if number < 0 or number in (1, 2):
        message = _("a descriptor that can be read: 0, or 3 and greater")
        raise ArgumentTypeError(message)
    return number
