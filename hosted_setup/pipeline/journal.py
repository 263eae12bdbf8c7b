"""The journal: JSON lines, written ahead; what a run did and what would take it back.

A record is on disk (fsync) before the deed it announces. There is one writer: a lock, held as long as the process
lives, refuses a second one. A torn last line is what a power cut leaves; it is cut off. Any other damage is an error.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import msgspec

from hosted_setup.model.answer import Recorded
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.ports.problems import BUNDLE, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

FORMAT = 1


class JournalDamaged(Problem):
    """A journal does not read as one; somebody or something wrote into it."""

    code = "HE-JOURNAL-DAMAGED"
    title = "The journal of the unfinished run is damaged"
    exit_code = ExitCode.UNFINISHED


class RunLocked(Problem):
    """Another installer process works on this host."""

    code = "HE-RUN-LOCKED"
    title = "Another run is at work on this host"


class Record(msgspec.Struct, tag_field="record", frozen=True):
    """A line of the journal."""


class Head(Record, tag="head", frozen=True):
    """The first line: what run this is. `secrets` are the keys a resume must get again; `sources` where from."""

    run: str
    flow: str
    format: int
    begun: str
    request: msgspec.Raw
    sources: tuple[str, ...] = ()


class Answered(Record, tag="answered", frozen=True):
    """Answers of one section, as key and text, `typed` by the operator or not; secrets are never among them."""

    section: str
    answers: tuple[tuple[str, str], ...]
    typed: bool = False


class Confirmed(Record, tag="confirmed", frozen=True):
    """The operator confirmed the preview."""


class Begun(Record, tag="begun", frozen=True):
    """A step begins."""

    step: str
    version: int


class Intent(Record, tag="intent", frozen=True):
    """A change is about to be made; `undo` with `data` takes it back."""

    number: int
    step: str
    undo: str
    data: msgspec.Raw


class Undone(Record, tag="undone", frozen=True):
    """Intent `number` was taken back."""

    number: int


class Reverted(Record, tag="reverted", frozen=True):
    """A step and all after it were taken back and are to be done again."""

    step: str


class Done(Record, tag="done", frozen=True):
    """A step is complete; `product` is what it gave."""

    step: str
    product: msgspec.Raw


class Committed(Record, tag="committed", frozen=True):
    """The commit point: from here on forward only."""


class End(Record, tag="end", frozen=True):
    """The run is over: done, refused, aborted or failed (and undone)."""

    outcome: str


AnyRecord = Head | Answered | Confirmed | Begun | Intent | Undone | Reverted | Done | Committed | End
_decoder = msgspec.json.Decoder(AnyRecord)


class RunLock:
    """The lock that makes one process the writer; the kernel drops it when the process dies."""

    def __init__(self, runs: Path) -> None:
        """Take the lock in the folder of runs, which is made when missing (0700).

        Raises:
            RunLocked: when another process holds it.
        """
        runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(runs / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise RunLocked(
                _("{path} is held by a running installer", path=runs / ".lock"),
                why=_("two runs at once would undo each other's changes"),
                hint=_("Wait for it to end, or look at it:"),
                command=STATUS,
            ) from None

    def release(self) -> None:
        """Let go of the lock."""
        os.close(self._fd)


def refuse_if_at_work(runs: Path) -> None:
    """Refuse while another process is at work; makes no folder.

    Raises:
        RunLocked: see above.
    """
    if (runs / ".lock").exists():
        RunLock(runs).release()


class Journal:
    """The journal of one run, open for appending."""

    def __init__(self, path: Path, watch: Callable[[str, Record], None] | None = None) -> None:
        """Open or create the journal at `path`; `watch` is told "before" and "after" each record (crash tests)."""
        self.path = path
        self._watch = watch
        self.records: list[AnyRecord] = list(read_journal(path)) if path.exists() else []
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not self.records:
            _sync_folder(path.parent)

    def append(self, record: AnyRecord) -> None:
        """Write `record`; it is on disk when this returns."""
        if self._watch:
            self._watch("before", record)
        line = msgspec.json.encode(record) + b"\n"
        if os.write(self._fd, line) != len(line):
            message = f"{self.path}: short write"
            raise OSError(message)
        os.fsync(self._fd)
        self.records.append(record)
        if self._watch:
            self._watch("after", record)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


class Past:
    """What a journal's records add up to."""

    def __init__(self, records: list[AnyRecord]) -> None:
        """Read `records` in order."""
        self.head: Head | None = None
        self.answers: dict[str, Recorded] = {}
        self.confirmed = self.committed = False
        self.done: dict[str, msgspec.Raw] = {}
        self.versions: dict[str, int] = {}
        self.intents: dict[int, Intent] = {}
        self.outcome: str | None = None
        self._intent_count = 0
        for record in records:
            self.take(record)

    @property
    def next_intent(self) -> int:
        """Give the number of the next intent."""
        return self._intent_count

    def open_intents(self) -> tuple[Intent, ...]:
        """Give the intents not yet undone, the latest first."""
        return tuple(sorted(self.intents.values(), key=lambda intent: -intent.number))

    def steps_from(self, step: str) -> tuple[str, ...]:
        """Give `step` and every step that began after it."""
        order = list(self.versions)
        return tuple(order[order.index(step) :])

    def take(self, record: AnyRecord) -> None:  # noqa: C901 - one arm a kind of record
        """Take one more record into account."""
        match record:
            case Head():
                self.head = record
            case Answered():
                for key, text in record.answers:
                    self.answers[key] = Recorded(text, record.section, record.typed)
            case Confirmed():
                self.confirmed = True
            case Begun():
                self.versions[record.step] = record.version
            case Intent():
                self.intents[record.number] = record
                self._intent_count = record.number + 1
            case Undone():
                self.intents.pop(record.number, None)
            case Reverted():
                for name in self.steps_from(record.step):
                    self.done.pop(name, None)
                    del self.versions[name]
            case Done():
                self.done[record.step] = record.product
            case Committed():
                self.committed = True
            case End():
                self.outcome = record.outcome


def read_journal(path: Path) -> Iterator[AnyRecord]:
    """Give the records of a journal; a torn last line is cut off.

    Raises:
        JournalDamaged: for any other line that is no record.
    """
    data = path.read_bytes()
    whole, newline, torn = data.rpartition(b"\n")
    if torn:
        os.truncate(path, len(whole) + len(newline))
    for number, line in enumerate(whole.split(b"\n"), 1):
        if not line:
            continue
        try:
            yield _decoder.decode(line)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise JournalDamaged(
                _("one of its lines cannot be read"),
                why=str(error),
                where=f"{path}:{number}",
                hint=_("Keep the file and collect everything for a report:"),
                command=BUNDLE,
            ) from error


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def unfinished(runs: Path) -> tuple[Path, Past] | None:
    """Find the run that has no end, if there is one.

    Raises:
        JournalDamaged: see the class.
    """
    for path in sorted(runs.glob("*/journal.jsonl")):
        past = Past(list(read_journal(path)))
        if past.head is not None and past.outcome is None:
            return path, past
    return None
