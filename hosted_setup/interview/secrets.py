"""Where secret answers come from besides the prompt: the environment, descriptors, programs, and private files.

An answer file with a secret in it, and a `--secrets-file` whatever is in it, must belong to the caller, be a regular
file and have no group or other bits. It is opened once, and what was opened is what is judged.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.interview.problems import AnswersUnreadable, SecretsMode, SecretsSource
from hosted_setup.model.messages import _
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

PREFIX: Final = "HOSTED_ENGINE_SECRET_"
HELP: Final = "hosted-engine deploy --help"
MOST: Final = 1 << 20
"""Bytes an answer file may have; the largest the original writes is under 10 KiB."""

_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
# A capital begins a word, except after a single leading letter: iSCSIPortalPassword is ISCSI_PORTAL_PASSWORD.
_WORD: Final = re.compile(r"(?<=[A-Za-z0-9][a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def variable_of(key: str) -> str:
    """Give the environment variable of a secret key: the key's last part in capitals, words parted by `_`.

    `OVEHOSTED_ENGINE/adminPassword` is answered by `HOSTED_ENGINE_SECRET_ADMIN_PASSWORD`.
    """
    return PREFIX + _WORD.sub("_", key.rpartition("/")[2]).upper()


def take_from_environment(environ: MutableMapping[str, str]) -> dict[str, Secret]:
    """Take every secret variable out of `environ`, so that no program started later inherits one."""
    names = [name for name in environ if name.startswith(PREFIX)]
    return {name: Secret(environ.pop(name)) for name in names}


@dataclass(frozen=True)
class Content:
    """The text of a file as it was opened, and why it is not fit for secrets (None if it is)."""

    text: str
    unfit: SecretsMode | None


def read(path: Path) -> Content:
    """Read an answer file of at most `MOST` bytes.

    Raises:
        AnswersUnreadable: when it is not there, is no regular file, is too long or is not UTF-8.
    """
    try:
        descriptor, link = _open(path)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise unreadable(path, _("it is not a regular file"))
            data = _read(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    if len(data) > MOST:
        raise unreadable(path, _("it is longer than {most} bytes", most=MOST))
    try:
        return Content(data.decode("utf-8-sig"), _unfit(path, status, link=link))
    except UnicodeDecodeError as error:
        raise unreadable(path, _("it is not UTF-8 text (byte {byte})", byte=error.start)) from None


@dataclass(frozen=True)
class Stream:
    """Answers that were read from no file: `name` is the option they came by, `data` what was read."""

    name: str
    data: bytes

    def text(self) -> str:
        """Give the text.

        Raises:
            SecretsSource: when it is too long or is not UTF-8.
        """
        if len(self.data) > MOST:
            raise no_secrets(self.name, _("there is more than {most} bytes", most=MOST))
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise no_secrets(self.name, _("it is not UTF-8 text (byte {byte})", byte=error.start)) from None


def no_secrets(name: str, why: str) -> SecretsSource:
    """Build the problem of a source, by its option's name, that gives no secrets."""
    hint = _("It has to give lines KEY=str:VALUE in UTF-8; how secrets are given:")
    return SecretsSource(name, why=why, where=name, hint=hint, command=HELP)


def _open(path: Path) -> tuple[int, bool]:
    try:
        return os.open(path, _OPEN | os.O_NOFOLLOW), False
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    # A link is fine for an answer file without secrets; `_unfit` refuses it for the others.
    return os.open(path, _OPEN), True


def _read(descriptor: int) -> bytes:
    """Read to the end, or one byte more than is accepted."""
    data = b""
    while len(data) <= MOST and (piece := os.read(descriptor, MOST + 1 - len(data))):
        data += piece
    return data


def _unfit(path: Path, status: os.stat_result, *, link: bool) -> SecretsMode | None:
    name = shlex.quote(str(path))
    mode = stat.S_IMODE(status.st_mode)
    if link:
        return _mode_problem(path, _("it is a symbolic link"), f"readlink -f {name}")
    if status.st_uid != os.geteuid():
        why = _("it belongs to uid {owner}, this program runs as uid {own}", owner=status.st_uid, own=os.geteuid())
        return _mode_problem(path, why, f"chown {os.geteuid()} {name}")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return _mode_problem(path, _("its mode is {mode:04o}: others may open it", mode=mode), f"chmod 600 {name}")
    return None


def _mode_problem(path: Path, why: str, command: str) -> SecretsMode:
    hint = _("Secrets are read only from a regular file of the caller's with mode 0600.")
    return SecretsMode(str(path), why=why, where=str(path), hint=hint, command=command)


def at_line(problem: SecretsMode, key: str, place: str) -> SecretsMode:
    """Give the same problem, told of the secret at `place` (file:line)."""
    return SecretsMode(key, why=problem.why, where=place, hint=problem.hint, command=problem.command)


def unreadable(path: Path, why: str) -> AnswersUnreadable:
    """Build the problem of an answer file that cannot be read."""
    hint = _("Name a text file that is there and that this user may read; look at this one with:")
    command = f"ls -ld {shlex.quote(str(path))}"
    return AnswersUnreadable(str(path), why=why, where=str(path), hint=hint, command=command)
