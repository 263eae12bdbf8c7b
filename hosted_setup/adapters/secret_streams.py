"""Secrets that come through a pipe: a file descriptor the caller passed, or the output of the caller's program."""

from __future__ import annotations

import os
import shlex
import subprocess
from time import monotonic
from typing import Final

from hosted_setup.adapters.readable import readable
from hosted_setup.interview.secrets import MOST, Stream, no_secrets
from hosted_setup.model.messages import _

COMMAND: Final = "--secret-command"


def of_descriptor(number: int, within: float) -> Stream:
    """Read the descriptor to its end, or a byte beyond `MOST`, and close it; `within` is in seconds.

    Raises:
        SecretsSource: it was not passed to this program, cannot be read or does not end in time.
    """
    name = f"--secret-fd={number}"
    try:
        # Only what was there when the program started is inheritable: nothing of our own is read or closed by mistake.
        if not os.get_inheritable(number):
            raise no_secrets(name, _("no such descriptor was passed to this program"))
        try:
            return Stream(name, _read(number, monotonic() + within))
        finally:
            _close(number)
    except TimeoutError:
        raise no_secrets(name, _("it does not end within {within:g} s", within=within)) from None
    except OSError as error:
        raise no_secrets(name, error.strerror or str(error)) from error


def of_command(command: str, within: float) -> Stream:
    """Run the program, without a shell and with no input, and read what it prints; `within` is in seconds.

    What it writes on its standard error goes to the operator.

    Raises:
        SecretsSource: it cannot be started, ends with another code than 0, or does not end in time.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise no_secrets(COMMAND, _("it cannot be split into words: {error}", error=error)) from None
    if not words:
        raise no_secrets(COMMAND, _("it is empty"))
    try:
        data, code = _run(words, monotonic() + within)
    except (TimeoutError, subprocess.TimeoutExpired):
        raise no_secrets(
            COMMAND, _("{program} does not end within {within:g} s", program=words[0], within=within)
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL among the words
        raise no_secrets(COMMAND, f"{words[0]}: {getattr(error, 'strerror', None) or error}") from error
    if code:
        raise no_secrets(COMMAND, _("{program} ended with {code}", program=words[0], code=code))
    return Stream(COMMAND, data)


def _run(words: list[str], end: float) -> tuple[bytes, int]:
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            data = _read(process.stdout.fileno(), end) if process.stdout else b""
            if len(data) > MOST:  # the reader of the stream refuses it
                process.kill()
                return data, 0
            return data, process.wait(max(0.0, end - monotonic()))
        except BaseException:
            process.kill()
            raise


def _read(descriptor: int, end: float) -> bytes:
    data = b""
    while len(data) <= MOST:
        if not readable(descriptor, end - monotonic()):
            raise TimeoutError
        piece = os.read(descriptor, MOST + 1 - len(data))
        if not piece:
            break
        data += piece
    return data


def _close(number: int) -> None:
    if number:
        os.close(number)
        return
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # standard input stays open: nothing else may become 0
    os.dup2(nothing, 0)
    os.close(nothing)
