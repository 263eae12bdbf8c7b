"""Kills a run at a record of its journal, for real: SIGKILL in a process of its own, so that nothing is tidied up."""

from __future__ import annotations

import gc
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosted_setup.pipeline.journal import Record


@dataclass
class Killer:
    """A watch of the journal that kills its process `when` ("before" or "after") record number `place` is written.

    Records are counted from the first one that this process writes.
    """

    place: int
    when: str
    seen: int = field(default=-1, init=False)

    def __call__(self, when: str, record: Record) -> None:  # noqa: ARG002 - the form of a watch
        """Strike, if this is the place."""
        self.seen += when == "before"
        if (self.seen, when) == (self.place, self.when):
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Counter:
    """A watch of the journal that keeps the records."""

    records: list[Record] = field(default_factory=list)

    def __call__(self, when: str, record: Record) -> None:
        """Keep `record`."""
        if when == "after":
            self.records.append(record)


def in_a_process_of_its_own(call: Callable[[], int], errors: Path) -> int:
    """Give what `call` returns in a forked process, or minus the signal that killed it.

    An exception ends the process with 70 (EX_SOFTWARE) and its traceback is in `errors`.
    """
    child = os.fork()
    if child == 0:
        gc.freeze()  # a collection would touch, and so copy, every page that is shared with the tests
        code = 70
        try:
            code = call()
        except BaseException:  # noqa: BLE001 - there is nobody above
            _write_traceback(errors)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _write_traceback(errors: Path) -> None:
    import traceback  # noqa: PLC0415 - the rare case

    errors.write_text(traceback.format_exc())
