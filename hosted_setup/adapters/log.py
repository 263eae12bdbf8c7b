"""The log file of a run: one line an event, 0600, secrets masked."""

from __future__ import annotations

import base64
import os
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from hosted_setup.model import events
from hosted_setup.model.secret import known_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.model.events import Event

MASK: Final = "********"


def redact(text: str) -> str:
    """Mask every secret this process has held, also base64- and URL-encoded: the second net behind `Secret`."""
    for secret in known_secrets():
        raw = secret.encode()
        for form in (secret, quote(secret), quote_plus(secret), quote(secret, safe=""), base64.b64encode(raw).decode()):
            text = text.replace(form, MASK)
    return text


class FileLog:
    """Writes events to a file as they come."""

    def __init__(self, path: Path) -> None:
        """Create the file; its folder is made when missing."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = str(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)
        self._waiting = ""

    def emit(self, event: Event) -> None:
        """Write `event`; a wait is written once a step, not at every look."""
        if isinstance(event, events.Waiting):
            if event.kind == self._waiting:
                return
            self._waiting = event.kind
        elif isinstance(event, events.StepBegun):
            self._waiting = ""
        for line in _text(event).splitlines():
            self._write(line)

    def traceback(self, text: str) -> None:
        """Write a traceback."""
        for line in text.splitlines():
            self._write("BUG     " + line)

    def _write(self, line: str) -> None:
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {redact(line)}\n"
        os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))


def _text(event: Event) -> str:  # noqa: PLR0911 - one return a kind of event
    match event:
        case events.Heading(text):
            return f"STAGE   {text}"
        case events.StepBegun(title, number, total):
            return f"STEP    {number}/{total} {title}"
        case events.Info(text):
            return f"INFO    {text}"
        case events.Warn(text):
            return f"WARNING {text}"
        case events.GuestLine(text):
            return f"GUEST   |- {text}"
        case events.Waiting(what):
            return f"WAIT    for {what}"
        case events.Summary(lines):
            return "\n".join(f"SUMMARY {line}" for line in lines)
        case events.End(code):
            return f"END     with exit code {code}"
        case events.Failed(problem):
            return "\n".join(
                f"ERROR   {one} | why: {one.why} | where: {one.where} | next: {one.hint} {one.command}"
                for one in problem.problems()
            )
