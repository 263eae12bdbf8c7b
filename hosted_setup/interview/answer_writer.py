"""Writing answer files: mode 0600 from the first byte, each answer below its question, secrets never."""

from __future__ import annotations

import os
import secrets
import shlex
from enum import Enum
from typing import TYPE_CHECKING, Final

from hosted_setup.interview.answer_file import COMMENTS, is_plain
from hosted_setup.interview.problems import AnswersWrite
from hosted_setup.interview.secrets import variable_of
from hosted_setup.model.messages import _
from hosted_setup.model.question import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hosted_setup.interview.section_interview import Answered

_MODE: Final = 0o600
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def render(answered: Iterable[Answered]) -> str:
    """Give the text of an answer file that replays `answered`; of a secret only how to give it.

    All stands in [environment:default], as in the files the original writes. A key that two sections ask for is
    written once.
    """
    by_key = {one.question.key: one for one in answered}
    lines = [f"# {_('Answers of hosted-engine. Replay them with --config-append=THIS_FILE.')}", "[environment:default]"]
    for one in by_key.values():
        lines += ["", *_answer(one)]
    return "\n".join(lines) + "\n"


def write(path: Path, answered: Iterable[Answered]) -> None:
    """Write the answers to `path`; see `put`."""
    put(path, render(answered))


def put(path: Path, text: str) -> None:
    """Write a text to `path`, replacing what is there in one move; its directory must exist.

    Raises:
        AnswersWrite: with the system's reason.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(temporary, _CREATE, _MODE)
        try:
            _fill(descriptor, text)
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise
        _sync(path.parent)
    except OSError as error:
        why, command = error.strerror or str(error), f"ls -ld {shlex.quote(str(path.parent))}"
        hint = _("Look at the directory that it should lie in:")
        raise AnswersWrite(str(path), why=why, where=str(path), hint=hint, command=command) from error


def typed(value: object) -> str:
    """Give `type:value` for a value, a multi-str's further items on lines of their own.

    Raises:
        ValueError: for a text that no answer file can hold.
        TypeError: for a Secret.
    """
    if isinstance(value, bool):
        return f"bool:{value}"
    if isinstance(value, int) and not isinstance(value, Enum):
        return f"int:{value}"
    items = [item.strip() for item in text_of(value).strip().split("\n")]
    if not all(is_plain(item) for item in items):
        message = _("it holds control characters")
        raise ValueError(message)
    if len(items) == 1:
        return f"str:{items[0]}"
    if not all(item and not item.startswith(COMMENTS) for item in items):
        message = _("it holds empty lines or lines that would read as comments")
        raise ValueError(message)
    return "multi-str:" + "\n    ".join(items)


def secret_remark(key: str) -> str:
    """Give the comment that stands in place of a secret answer."""
    variable = variable_of(key)
    told = _("{key} is secret and not written: give it with --secrets-file or {variable}", key=key, variable=variable)
    return f"# {told}"


def _answer(one: Answered) -> Iterator[str]:
    question = one.question
    yield f"# {' '.join(question.prompt.split())}"
    if question.secret:
        yield secret_remark(question.key)
        return
    try:
        yield f"{question.key}={typed(one.value)}"
    except ValueError as error:
        yield f"# {_('{key}: not written, {error}', key=question.key, error=error)}"


def _fill(descriptor: int, text: str) -> None:
    with open(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), _MODE)  # a strict umask may have taken the owner's bits
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
