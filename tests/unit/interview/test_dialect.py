"""The machine dialect: what is written is read again, what is no reply is refused, and the schema says so."""

from __future__ import annotations

import json

import jsonschema
import pytest

from hosted_setup.interview import dialect
from hosted_setup.interview.dialect import Asking, Confirming, Offered, Previewed, Rejected, Reviewing, Settled, Working
from hosted_setup.model.events import End, Failed, GuestLine, Heading, Info, Item, StepBegun, Summary, Waiting, Warn
from hosted_setup.model.problem import Problem, Problems, exit_code_of
from hosted_setup.model.secret import Secret
from hosted_setup.ports.problems import EngineLogin, HypervisorDown

MESSAGES: tuple[dialect.AnyMessage, ...] = (
    Heading("Setup validation"),
    StepBegun("Create the network", 3, 17),
    Info('„text“ and "text"'),
    Warn("look"),
    GuestLine("\x1b[31mred"),
    Waiting("the engine", 1.5, 900.0, 40.0),
    Waiting("the archive", 1.5),
    Summary(("one", "two")),
    Summary.of([(Item("engine", "https://e"), "Engine: https://e")], [(Item("look", "ls"), "  ls")], "  wait"),
    End(130),
    Asking(
        section="Engine", name="fqdn", key="A/b", prompt="FQDN", kind="text", help="", optional=False, default=None,
        origin="", again=False, words=("yes", "no"), choices=(Offered("a", "b", "c"),), warning="",
    ),
    Previewed(
        answers=(Settled(1, "Engine", "A/b", "FQDN", None, secret=True, origin="typed"),), plan=("Do",), effects=(),
        refused=False,
    ),
    Reviewing(refused=True),
    Confirming(prompt="Sure?", default=False),
    Rejected(reason="no"),
    Working(pid=4711),
)  # fmt: skip
PROBLEM = EngineLogin("admin", why="401", where="https://engine", hint="Look:", command="hosted-engine run status")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_a_message_is_a_line_and_comes_back(message: dialect.AnyMessage) -> None:
    line = dialect.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert dialect.decode(line) == message
    jsonschema.validate(json.loads(line), dialect.schema())


def test_seconds_are_told_to_a_tenth() -> None:
    told = json.loads(dialect.encode(Waiting("the engine", 39.10542870399877, 600.0, 1.26)))
    assert (told["elapsed"], told["within"], told["typical"]) == (39.1, 600.0, 1.3)


@pytest.mark.parametrize("problem", [PROBLEM, Problems([PROBLEM, HypervisorDown("no answer")])])
def test_a_problem_comes_back_with_all_it_says(problem: Problem) -> None:
    line = dialect.encode(Failed(problem))
    jsonschema.validate(json.loads(line), dialect.schema())
    told = dialect.decode(line)
    assert isinstance(told, Failed)
    assert str(told.problem) == str(problem)
    assert exit_code_of(told.problem) == exit_code_of(problem)
    assert dialect.encode(told) == line


def test_every_text_is_made_fit() -> None:
    line = dialect.encode(Failed(EngineLogin("the word is s3cret", why="s3cret")), lambda text: text.replace("s3", "_"))
    assert b"s3" not in line


def test_what_is_no_text_does_not_stop_a_line() -> None:
    assert dialect.decode(dialect.encode(Info("a\udcffb"))) == Info("a\\udcffb")


def test_a_secret_cannot_be_told() -> None:
    with pytest.raises(TypeError, match="Secret cannot be told"):
        dialect.encode(Info(Secret("canary")))  # type: ignore[arg-type] # the mistake that is meant


@pytest.mark.parametrize("line", [b"{}\n", b'{"v":2,"type":"info","text":"x"}\n', b'{"type":"dance"}\n', b"\n"])
def test_another_version_or_kind_is_refused(line: bytes) -> None:
    with pytest.raises(dialect.DecodeError):
        dialect.decode(line)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[]", b"{}", b"hello", b"\xff", b"[" * 100_000, b'{"answer":1.5}', b'{"answer":["a"]}',
        b'{"answer":"a","back":true}', b'{"back":false}', b'{"reopen":0}', b'{"confirm":"yes"}', b'{"other":1}',
    ],
)  # fmt: skip
def test_what_is_no_reply_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        dialect.reply_of(line)


def test_replies() -> None:
    texts = [dialect.reply_of(line).answer for line in (b'{"answer":"a"}', b'{"answer":4}', b'{"answer":null}')]
    assert texts == ["a", 4, None]
    assert dialect.reply_of(b'{"back":true}').back is True
    for line in ('{"answer":null}', '{"back":true}', '{"confirm":false}', '{"reopen":3}'):
        jsonschema.validate(json.loads(line), dialect.schema())
