"""Ctrl-D at every question, Ctrl-C anywhere: before the confirmation nothing is changed, after it nothing is lost."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.problem import Interrupted
from hosted_setup.pipeline.journal import Committed, Confirmed, End, Intent, Record, Undone
from hosted_setup.testing.crash import Counter
from hosted_setup.testing.portrait import changes, portrait
from tests.flow.program import ADMIN, ROOT

if TYPE_CHECKING:
    from tests.flow.program import Done, Program

QUESTIONS = 25


class Operator(io.StringIO):
    """A terminal at which the replies run out: then `end` is raised, or the input ends."""

    def __init__(self, replies: list[str], end: BaseException | None) -> None:
        super().__init__("".join(f"{reply}\n" for reply in replies))
        self._end = end

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override] # IOBase speaks of bytes
        line = super().readline(-1 if size is None else size)
        if not line and self._end is not None:
            raise self._end
        return line


def replies(program: Program) -> list[str]:
    """Give what an operator types who takes every default."""
    return [
        "", str(program.world.storage), "",  # storage, network
        str(program.inputs.appliance),
        "", "", "", "", "", ROOT, ROOT, "", "",  # FQDN of the backup, CPUs, memory, disk, MAC, password, key, access
        "", "", "", "", ADMIN, ADMIN,  # lines in /etc/hosts, data center, cluster, name of the host, password
        "", "", "", "", "",  # renewed certificates, mail server, port, sender, recipients
        "yes",
    ]  # fmt: skip


def typed(program: Program, lines: list[str], end: BaseException | None = None) -> Done:
    program.stdin = Operator(lines, end)
    return program("deploy", "--dialect=plain", f"--restore-from-file={program.inputs.archive}")


def test_an_operator_who_answers_everything_gets_an_engine(program: Program) -> None:
    done = typed(program, replies(program))
    assert done.code == 0, done.out
    assert len(replies(program)) == QUESTIONS
    assert ROOT not in done.out
    assert ADMIN not in done.out


@pytest.mark.parametrize(
    "end", [None, KeyboardInterrupt(), Interrupted("SIGTERM")], ids=["Ctrl-D", "Ctrl-C", "SIGTERM"]
)
@pytest.mark.parametrize("answered", range(QUESTIONS))
def test_leaving_at_any_question_changes_nothing(program: Program, answered: int, end: BaseException | None) -> None:
    before = portrait(program.world)
    done = typed(program, replies(program)[:answered], end)
    assert done.code == 130, done.out
    assert "Traceback" not in done.out
    assert changes(before, portrait(program.world)) == {}
    assert program("run", "status").code == 0


def test_a_no_at_the_confirmation_changes_nothing(program: Program) -> None:
    before = portrait(program.world)
    done = typed(program, [*replies(program)[:-1], "no"])
    assert (done.code, "nothing was changed" in done.out) == (130, True)
    assert changes(before, portrait(program.world)) == {}
    assert program("run", "status").code == 0


def test_answers_typed_before_leaving_are_kept(program: Program) -> None:
    typed(program, replies(program)[:6])
    (written,) = (program.world.paths.state / "answers").glob("*.conf")
    assert f"OVEHOSTED_VM/ovfArchive=str:{program.inputs.appliance}" in written.read_text()


class Interrupting:
    """A watch at which Ctrl-C is pressed, at record number `place`."""

    def __init__(self, place: int, when: str) -> None:
        self._place = place
        self._when = when
        self._seen = -1

    def __call__(self, when: str, record: Record) -> None:
        self._seen += when == "before"
        if (self._seen, when) == (self._place, self._when):
            raise KeyboardInterrupt


def nothing(_when: str, _record: Record) -> None:
    """Watch nothing."""


@pytest.fixture
def records(program: Program) -> list[Record]:
    """Give the records of an undisturbed run, after which the world is as before."""
    counter = Counter()
    program.observe = counter
    assert program.restore().code == 0
    found = list(counter.records)
    program.observe = nothing
    assert program("cleanup", "--yes").code == 0
    return found


def places(records: list[Record]) -> list[int]:
    """Give the places of the records around which something happens: every fifth, and all that matter."""
    kinds = (Confirmed, Intent, Committed, End)
    return [at for at, record in enumerate(records) if at % 5 == 1 or isinstance(record, kinds)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_anywhere_keeps_the_run(program: Program, records: list[Record], when: str) -> None:
    before = portrait(program.world)
    for place in places(records):
        program.observe = Interrupting(place, when)
        done = program.restore()
        told = f"Ctrl-C {when} record {place}: {records[place]}\n{done.out}"
        assert done.code == 130, told
        assert "Traceback" not in done.out, told
        program.observe = nothing
        status = program("run", "status")
        if status.code == 0:  # nothing had been changed, or all had been done
            deployed = program("cleanup", "--yes")
            assert deployed.code == 0, told
        else:
            assert "hosted-engine deploy --resume" in done.out + status.out, told
            assert program("deploy", "--resume").code == 0, told
            assert program("cleanup", "--yes").code == 0, told
        assert changes(before, portrait(program.world)) == {}, told


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_anywhere_undoes_the_run_where_the_operator_chose_so(
    program: Program, records: list[Record], when: str
) -> None:
    before = portrait(program.world)
    committed = next(at for at, record in enumerate(records) if isinstance(record, Committed))
    for place in (at for at in places(records) if at < committed):
        program.observe = Interrupting(place, when)
        done = program.restore("--on-failure=abort")
        assert done.code == 130, done.out
        assert changes(before, portrait(program.world)) == {}, f"Ctrl-C {when} record {place}: {records[place]}"
        program.observe = nothing
        assert program("run", "status").code == 0


def test_ctrl_c_while_a_run_is_taken_back_leaves_it_to_be_taken_back_again(program: Program) -> None:
    before = portrait(program.world)
    program.world.behaviour.health = "DB Down!"

    def watch(when: str, record: Record) -> None:
        if when == "before" and isinstance(record, Undone) and record.number == 2:
            raise KeyboardInterrupt

    program.observe = watch
    done = program.restore("--on-failure=abort", "--timeout-factor=0.1")
    assert done.code == 130, done.out
    assert "Traceback" not in done.out
    program.observe = nothing
    assert program("run", "status").code == 4
    assert program("deploy", "--abort").code == 0
    assert changes(before, portrait(program.world)) == {}
