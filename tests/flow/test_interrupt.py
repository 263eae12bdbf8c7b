"""Long, since every moment is here: Ctrl-D at each question, Ctrl-C anywhere; nothing is changed or lost by it."""

from __future__ import annotations

import io
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.model.problem import Interrupted
from hosted_setup.pipeline.journal import Committed, Confirmed, End, Intent, Record, Undone
from hosted_setup.testing.crash import Counter
from hosted_setup.testing.portrait import changes, portrait
from tests.flow.program import ADMIN, CHAP, ROOT
from tests.flow.test_questions import declare

if TYPE_CHECKING:
    from collections.abc import Callable

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


def on_a_bridge(program: Program) -> list[str]:
    """Give what is typed for a new engine on the bridge, with an address and all that an appliance can be told."""
    declare(program, "grafana keycloak openscap fips")
    return [
        "", str(program.world.storage),
        "bridge", "", "", "", "tcp", "192.0.2.1", "443",  # NIC, gateway, address of this host, test, its address, port
        str(program.inputs.appliance),
        "engine.example.com", "", "", "", "", ROOT, ROOT, "", "",
        "", "192.0.2.5/24", "", "",  # domain, address, lines in /etc/hosts, name servers
        "yes", "pci-dss", "yes",  # OpenSCAP, its profile, FIPS
        "", "", "", ADMIN, ADMIN, "no",  # Keycloak
        "", "", "", "",
        "yes",
    ]  # fmt: skip


def on_iscsi(program: Program) -> list[str]:
    """Give what is typed for an engine on a LUN behind two passwords."""
    program.on_iscsi(discovery=True)
    return [
        "iscsi", "192.0.2.5", "", "finder", "host", CHAP, CHAP, CHAP, CHAP, "1", "1",  # both passwords, target, LUN
        *replies(program)[2:],
    ]  # fmt: skip


@dataclass(frozen=True)
class Interview:
    """What is typed, and after how many replies one is where no interview before this one has come to."""

    replies: Callable[[Program], list[str]]
    places: range
    fresh: bool = False
    """Nothing is restored."""


INTERVIEWS: Final = {
    "NAT": Interview(replies, range(QUESTIONS)),
    "bridge": Interview(on_a_bridge, range(3, 32), fresh=True),
    "iSCSI": Interview(on_iscsi, range(1, 12)),
}


def typed(program: Program, lines: list[str], end: BaseException | None = None, *, fresh: bool = False) -> Done:
    program.stdin = Operator(lines, end)
    restored = () if fresh else (f"--restore-from-file={program.inputs.archive}",)
    return program("deploy", "--dialect=plain", *restored)


@pytest.mark.parametrize("interview", INTERVIEWS.values(), ids=INTERVIEWS)
def test_an_operator_who_answers_everything_gets_an_engine(program: Program, interview: Interview) -> None:
    lines = interview.replies(program)
    done = typed(program, lines, fresh=interview.fresh)
    assert done.code == 0, done.out
    assert program.stdin.read() == ""
    assert len(lines) >= interview.places.stop
    assert not [secret for secret in (CHAP, ROOT, ADMIN) if secret in done.out]


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


def asked_last(done: Done) -> str:
    """Give the question at which a call ended; after half of a secret that is its first half."""
    rows = [row.strip() for row in done.out.splitlines() if row.startswith(" " * 10) and row.rstrip().endswith(":")]
    return rows[-1].rpartition(" " * 10)[2].partition(" [")[0].replace(" (again, to be sure)", "").rstrip(":")


def go_on(program: Program, named: str, *lines: str) -> Done:
    """Call the command that an interrupted call has named, as it was named."""
    program.stdin = Operator(list(lines), None)
    return program(*[word for word in shlex.split(named)[1:] if not word.startswith("--root=")])


def secrets_of(lines: list[str]) -> list[str]:
    """Give the secrets that were given in full, twice each."""
    return [secret for secret in (CHAP, ROOT, ADMIN) for _ in range(lines.count(secret) // 2 * 2)]


@pytest.mark.parametrize(
    ("kind", "answered"), [(kind, answered) for kind, interview in INTERVIEWS.items() for answered in interview.places]
)
def test_the_command_that_is_named_comes_back_to_the_question(program: Program, kind: str, answered: int) -> None:
    interview = INTERVIEWS[kind]
    lines = interview.replies(program)[:answered]
    left = typed(program, lines, fresh=interview.fresh)
    told = program("run", "status").out
    (named, *again) = re.findall(r"(?:left|there):  (hosted-engine deploy .*)", left.out + told)
    assert again == ([named] if answered else [])
    back = go_on(program, named, *secrets_of(lines))
    assert (back.code, asked_last(back)) == (130, asked_last(left)), back.out


@pytest.mark.parametrize("answered", [1, 10, 16, QUESTIONS - 1])
def test_from_there_it_goes_on_to_the_end(program: Program, answered: int) -> None:
    lines = replies(program)
    left = typed(program, lines[:answered], KeyboardInterrupt())
    (named,) = re.findall("left:  (hosted-engine deploy .*)", left.out)
    halves = 1 if lines[:answered].count(ROOT) == 1 else 0
    done = go_on(program, named, *secrets_of(lines[:answered]), *lines[answered - halves :])
    assert done.code == 0, done.out
    assert "left at its questions" not in program("run", "status").out


def test_what_the_command_line_chose_is_chosen_again(program: Program) -> None:
    chosen = (
        "--4",
        "--ignore-check=time-synchronisation",
        "--pause-after=host",
        "--on-failure=abort",
        f"--generate-answer={program.world.root}/x y",
    )
    program.stdin = Operator([], None)
    left = program("deploy", "--dialect=plain", *chosen)
    (named,) = re.findall("left:  (hosted-engine deploy .*)", left.out)
    words = shlex.split(named)
    assert words[2:-1] == [*chosen, "--dialect=plain"]


def test_a_new_deploy_tells_how_to_go_on_with_the_last_one(program: Program) -> None:
    typed(program, replies(program)[:6], Interrupted("SIGHUP"))
    anew = typed(program, [])
    assert "The last run was left at its questions. Go on there:  hosted-engine deploy" in anew.out


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


@pytest.mark.parametrize(("kind", "options"), [(Intent, ()), (Committed, ("--on-failure=abort",))])
def test_ctrl_c_right_after_a_record_finds_it_on_disk(
    program: Program, records: list[Record], kind: type[Record], options: tuple[str, ...]
) -> None:
    before = portrait(program.world)
    place = next(at for at, record in enumerate(records) if isinstance(record, kind))
    program.observe = Interrupting(place, "after")
    done = program.restore(*options)
    assert (done.code, "hosted-engine deploy --resume" in done.out) == (130, True), done.out
    program.observe = nothing
    assert program("deploy", "--resume").code == 0
    assert program("cleanup", "--yes").code == 0
    assert changes(before, portrait(program.world)) == {}


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
