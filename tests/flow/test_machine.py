"""Another program drives whole runs through the machine dialect."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest

from hosted_setup.interview import dialect
from hosted_setup.testing.portrait import changes, portrait
from tests.flow.program import ADMIN, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.flow.program import Done, Program

    Driver = Callable[[dict[str, Any]], str | None]

KINDS: Final = {
    "STORAGE/domainType": "choice", "STORAGE/storageDomainConnection": "path", "VM/vmVCpus": "integer",
    "VM/vmMACAddr": "text", "VM/rootSshAccess": "choice", "VM/cloudinitRootPwd": "secret",
    "CORE/renewPKIonRestore": "boolean",
}  # fmt: skip
ASKED: Final = frozenset({"question", "review", "confirm"})


class Pipe(io.StringIO):
    """Both ends of the program's input: `driver` reads what was told last and replies a line, or ends by None."""

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self._driver = driver
        self._left = ""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override] # IOBase speaks of bytes
        if not self._left:
            assert isinstance(sys.stdout, io.StringIO)
            last = json.loads(sys.stdout.getvalue().splitlines()[-1])
            assert last["type"] in ASKED, last
            reply = self._driver(last)
            self._left = "" if reply is None else f"{reply}\n"
        end = len(self._left) if size is None or size < 0 else size
        line, self._left = self._left[:end], self._left[end:]
        return line


def drive(program: Program, driver: Driver, *arguments: str) -> Done:
    """Run `deploy --dialect=machine` with a driver."""
    program.stdin = Pipe(driver)
    return program("deploy", "--dialect=machine", *arguments)


def lines(done: Done) -> list[dict[str, Any]]:
    """Give what was told: nothing but lines of the dialect."""
    told = [json.loads(line) for line in done.out.splitlines()]
    schema = jsonschema.Draft202012Validator(dialect.schema())
    for one in told:
        schema.validate(one)
    return told


def taking_defaults(program: Program) -> Driver:
    """Give a driver that replies with the default wherever there is one."""
    answers = {
        "OVEHOSTED_STORAGE/storageDomainConnection": str(program.world.storage),
        "OVEHOSTED_VM/ovfArchive": str(program.inputs.appliance),
        "OVEHOSTED_VM/cloudinitRootPwd": ROOT,
        "OVEHOSTED_ENGINE/adminPassword": ADMIN,
        "OVEHOSTED_NETWORK/fqdn": "engine.example.com",
    }

    def reply(asked: dict[str, Any]) -> str:
        if asked["type"] == "review":
            return '{"confirm": true}'
        return json.dumps({"answer": answers.get(asked["key"])})

    return reply


def test_a_program_that_answers_everything_gets_an_engine(program: Program) -> None:
    done = drive(program, taking_defaults(program), f"--restore-from-file={program.inputs.archive}")
    assert done.code == 0, done.out
    told = lines(done)
    kinds = [one["type"] for one in told]
    assert {"heading", "step", "info", "waiting", "guest", "question", "preview", "review", "summary"} <= set(kinds)
    assert told[-1] == {"type": "end", "v": 1, "code": 0}
    assert kinds.index("review") == kinds.index("preview") + 1
    asked = {one["key"]: one["kind"] for one in told if one["type"] == "question"}
    assert {key: asked[f"OVEHOSTED_{key}"] for key in KINDS} == KINDS
    preview = told[kinds.index("preview")]
    assert [one["number"] for one in preview["answers"]] == list(range(1, len(preview["answers"]) + 1))
    assert all(one["value"] is None for one in preview["answers"] if one["secret"])
    for secret in (ADMIN, ROOT):
        assert json.dumps(secret)[1:-1] not in done.out
        assert secret not in done.out


def test_the_summary_is_data_too(program: Program) -> None:
    done = drive(program, taking_defaults(program), f"--restore-from-file={program.inputs.archive}")
    (summary,) = (one for one in lines(done) if one["type"] == "summary")
    facts, commands = ({one["name"]: one["value"] for one in summary[part]} for part in ("facts", "commands"))
    assert facts["engine"] == "https://engine.example.com/ovirt-engine/"
    assert facts["administrator"] == "admin@internal"
    assert set(facts) >= {"address", "version", "ca-sha256", "storage-domain", "configuration"}
    assert commands["shell"] == f"ssh root@{facts['address']}"
    assert commands["remove"].startswith("hosted-engine cleanup --root=")
    for value in (*facts.values(), *commands.values()):
        assert any(line.endswith(f" {value}") for line in summary["lines"]), value


def test_the_precheck_s_results_are_data_too(program: Program) -> None:
    done = drive(program, taking_defaults(program), "--precheck")
    (summary,) = (one for one in lines(done) if one["type"] == "summary")
    results = {one["name"]: one["value"] for one in summary["facts"]}
    assert (done.code, results["memory"], results["engine-name"]) == (0, "passed", "inapplicable"), done.out


def test_back_and_reopen(program: Program) -> None:
    defaults = taking_defaults(program)
    asked: list[str] = []
    script = iter(('{"back": true}', '{"answer": 2}', '{"answer": null}'))

    def reply(question: dict[str, Any]) -> str | None:
        asked.append(question.get("key", question["type"]))
        if asked.count("review") == 1 and question["type"] == "review":
            return '{"reopen": 1}'
        if question.get("key") == "OVEHOSTED_VM/vmMemSizeMB" and asked.count("OVEHOSTED_VM/vmMemSizeMB") == 1:
            return next(script)
        return defaults(question)

    done = drive(program, reply)
    assert done.code == 0, done.out
    assert asked.count("OVEHOSTED_VM/vmVCpus") == 2
    assert asked.count("review") == 2
    assert asked.count("OVEHOSTED_STORAGE/domainType") == 2


HOSTILE: Final = (
    "", "null", "[]", "{}", "hello", '{"answer": {"a": 1}}', '{"answer": "x"', '{"back": 1}', '{"reopen": 10000}',
    '{"confirm": true}', '{"answer": "' + "x" * 200_000 + '"}', "[" * 50_000, '{"answer": "a\\u0000b"}', "\udcff",
)  # fmt: skip


def test_a_hostile_program_is_refused_line_by_line(program: Program) -> None:
    defaults = taking_defaults(program)
    rest: Iterator[str] = iter(HOSTILE)
    done = drive(program, lambda question: next(rest, None) or defaults(question))
    assert done.code == 0, done.out[-2000:]
    told = lines(done)
    refused = [one for one in told if one["type"] == "rejected"]
    assert len(refused) == len(HOSTILE) - 1  # an empty line became the default
    assert all(len(one["reason"]) < 300 for one in refused)
    for at, one in enumerate(told):
        if one["type"] == "rejected":
            assert told[at + 1] == told[at - 1]


@pytest.mark.parametrize("answered", range(6))
def test_an_end_of_input_is_an_abort(program: Program, answered: int) -> None:
    before = portrait(program.world)
    defaults = taking_defaults(program)
    left = iter(range(answered))
    done = drive(program, lambda question: None if next(left, None) is None else defaults(question))
    assert done.code == 130, done.out
    assert lines(done)[-1] == {"type": "end", "v": 1, "code": 130}
    assert changes(before, portrait(program.world)) == {}


def test_a_no_changes_nothing(program: Program) -> None:
    before = portrait(program.world)
    defaults = taking_defaults(program)
    done = drive(program, lambda one: '{"confirm": false}' if one["type"] == "review" else defaults(one))
    assert done.code == 130
    assert changes(before, portrait(program.world)) == {}


def test_problems_are_told_with_their_codes(program: Program) -> None:
    program.world.behaviour.health = "DB Down!"
    done = drive(program, taking_defaults(program), "--timeout-factor=0.1")
    told = lines(done)
    (problem,) = next(one for one in told if one["type"] == "failed")["problems"]
    assert problem["code"].startswith("HE-")
    assert problem["exit_code"] == 1
    assert told[-1]["code"] == done.code == 4
    assert any("--timeout-factor=0.1" in one.get("text", "") for one in told)  # the next command, as it has to be given
    done = drive(program, taking_defaults(program), "--abort")
    assert (done.code, lines(done)[-1]["code"]) == (0, 0)


def test_what_is_refused_before_anything_begins_is_told(program: Program) -> None:
    done = drive(program, taking_defaults(program), "--resume")
    told = lines(done)
    assert told[0]["problems"][0]["code"] == "HE-RUN-NONE"
    assert told[-1]["code"] == done.code == 2
