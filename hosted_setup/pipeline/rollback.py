"""Takes changes back, the latest first; each is recorded, so that a killed rollback goes on where it died."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, Problems
from hosted_setup.pipeline.codec import decode
from hosted_setup.pipeline.journal import Undone
from hosted_setup.pipeline.undo import Undo
from hosted_setup.ports.problems import ABORT, CLEANUP

if TYPE_CHECKING:
    from collections.abc import Collection

    from hosted_setup.pipeline.journal import Intent, Journal, Past
    from hosted_setup.ports.host import Host


class UndoFailed(Problem):
    """A change could not be taken back; the run stays unfinished."""

    code = "HE-UNDO"
    title = "A change could not be taken back"
    exit_code = ExitCode.UNFINISHED


def refuse_harm(past: Past, host: Host) -> None:
    """Ask every change that is to be taken back whether that harms somebody else; nothing is taken back.

    Raises:
        Problem: it would.
    """
    for intent in past.open_intents():
        if intent.undo in Undo.registry:
            decode(intent.data, Undo.registry[intent.undo]).refuse(host)


def roll_back(journal: Journal, past: Past, host: Host, steps: Collection[str] | None = None) -> None:
    """Take back the open intents of `steps` (of all steps when None), the latest first.

    One that fails stops nothing: the others are still tried.

    Raises:
        Problems: with an UndoFailed for each that failed.
    """
    failures: list[Problem] = []
    for intent in past.open_intents():
        if steps is not None and intent.step not in steps:
            continue
        try:
            _take_back(intent, host)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must still be tried
            failures.append(
                UndoFailed(
                    _named(intent),
                    why=_cause(error),
                    where=str(journal.path),
                    hint=_("Mend the cause, then run:"),
                    command=ABORT if past.outcome is None else CLEANUP,
                )
            )
            continue
        record = Undone(intent.number)
        journal.append(record)
        past.take(record)
    if failures:
        raise Problems(failures)


def _cause(error: Exception) -> str:
    """Tell why it failed, and for a problem what to do about it."""
    if isinstance(error, Problem):
        way = f"{error.hint} {error.command}" if error.command and error.command != CLEANUP else ""
        return f"{error}. {way}" if way else str(error)
    return str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


def _take_back(intent: Intent, host: Host) -> None:
    kind = Undo.registry.get(intent.undo)
    if kind is None:
        message = _("the plugin that made this change is not installed")
        raise LookupError(message)
    undo = decode(intent.data, kind)
    host.reporter.emit(Info(_("Taking back: {change}", change=undo.describe())))
    undo.apply(host)


def _named(intent: Intent) -> str:
    """Name what is left; what cannot be read, as the journal calls it."""
    with suppress(KeyError, msgspec.ValidationError):
        return decode(intent.data, Undo.registry[intent.undo]).describe()
    return _("{change} of step {step}", change=intent.undo, step=intent.step)
