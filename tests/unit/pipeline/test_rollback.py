"""Changes are taken back in reverse, all that can be, however often the process dies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pytest

from hosted_setup.model.problem import ExitCode, Problems
from hosted_setup.pipeline.codec import encode
from hosted_setup.pipeline.journal import End, Intent, Past, Record, Undone
from hosted_setup.pipeline.rollback import roll_back
from hosted_setup.pipeline.undo import Undo
from tests.unit.pipeline.kit import Killed, journal_of, recorded

if TYPE_CHECKING:
    from collections.abc import Collection

    from hosted_setup.ports.host import Host

APPLIED: list[str] = []
FAILING: dict[str, Exception] = {}


@dataclass(frozen=True)
class Tell(Undo, name="test.tell"):
    """Tells that it was applied."""

    word: str

    def apply(self, host: Host) -> None:
        if self.word in FAILING:
            raise FAILING[self.word]
        APPLIED.append(self.word)

    def describe(self) -> str:
        return f"the word {self.word}"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    APPLIED.clear()
    FAILING.clear()


def intend(host: Host, *words: str, step: str = "a") -> None:
    with journal_of(host) as journal:
        for word in words:
            journal.append(Intent(Past(journal.records).next_intent, step, "test.tell", encode(Tell(word))))


def back(host: Host, steps: Collection[str] | None = None, die_at: int | None = None) -> None:
    def watch(when: str, record: Record) -> None:
        if when == "before" and isinstance(record, Undone) and record.number == die_at:
            raise Killed

    with journal_of(host, watch) as journal:
        roll_back(journal, Past(journal.records), host, steps)


def test_the_latest_change_is_taken_back_first(host: Host) -> None:
    intend(host, "one", "two", "three")
    back(host)
    assert APPLIED == ["three", "two", "one"]
    assert recorded(host)[3:] == [Undone(2), Undone(1), Undone(0)]


def test_only_the_changes_of_some_steps(host: Host) -> None:
    intend(host, "one")
    intend(host, "two", step="b")
    intend(host, "three", step="c")
    back(host, {"b", "c"})
    assert APPLIED == ["three", "two"]
    assert [intent.number for intent in Past(recorded(host)).open_intents()] == [0]


@pytest.mark.parametrize("error", [OSError("device busy"), ZeroDivisionError("a fault of the undo's own")])
def test_one_that_fails_stops_nothing(host: Host, error: Exception) -> None:
    intend(host, "one", "two", "three")
    FAILING["two"] = error
    with pytest.raises(Problems) as caught:
        back(host)
    (problem,) = caught.value.members
    assert APPLIED == ["three", "one"]
    assert problem.code == "HE-UNDO"
    assert problem.detail == "the word two"
    assert problem.exit_code is ExitCode.UNFINISHED
    assert str(error) in problem.why
    assert problem.command == "hosted-engine deploy --abort"
    FAILING.clear()
    back(host)
    assert APPLIED == ["three", "one", "two"]


def test_one_that_fails_in_a_finished_run_is_for_the_cleanup(host: Host) -> None:
    intend(host, "one")
    with journal_of(host) as journal:
        journal.append(End("done"))
    FAILING["one"] = OSError("device busy")
    with pytest.raises(Problems) as caught:
        back(host)
    FAILING.clear()
    assert [problem.command for problem in caught.value.members] == ["hosted-engine cleanup"]


@pytest.mark.parametrize(
    "intent",
    [
        Intent(1, "a", "gone.with-its-plugin", msgspec.Raw(b"{}")),
        Intent(1, "a", "test.tell", msgspec.Raw(b'{"phrase":"of another version"}')),
    ],
)
def test_one_that_cannot_be_read_stops_nothing(host: Host, intent: Intent) -> None:
    intend(host, "one")
    with journal_of(host) as journal:
        journal.append(intent)
    with pytest.raises(Problems) as caught:
        back(host)
    assert [(one.code, one.detail) for one in caught.value.members] == [("HE-UNDO", f"{intent.undo} of step a")]
    assert APPLIED == ["one"]


@pytest.mark.parametrize("die_at", [2, 1, 0])
def test_a_killed_rollback_goes_on_where_it_died(host: Host, die_at: int) -> None:
    intend(host, "one", "two", "three")
    with pytest.raises(Killed):
        back(host, die_at=die_at)
    words = ["one", "two", "three"]
    assert words[: die_at - 1 if die_at else None : -1] == APPLIED
    APPLIED.clear()
    back(host)
    assert words[die_at::-1] == APPLIED  # the one that was cut is applied once more: every undo is idempotent
    assert not Past(recorded(host)).open_intents()


def test_nothing_is_taken_back_twice(host: Host) -> None:
    intend(host, "one")
    back(host)
    back(host)
    assert APPLIED == ["one"]
