"""The reader of otopi's answer files, and the writer against it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hosted_setup.interview import answer_file
from hosted_setup.interview.answer_file import Kind, Layer, Parsed, is_plain
from hosted_setup.interview.answer_writer import typed
from hosted_setup.model.problem import ExitCode
from hosted_setup.model.secret import Secret

HERE = Path("/answers.conf")


def parse(text: str, secret: str = "") -> Parsed:
    return answer_file.parse(text, HERE, lambda key: key == secret)


def one(line: str) -> Parsed:
    return parse(f"[environment:default]\n{line}\n")


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("A/b=str:x", Kind.STR, "x"),
        ("A/b=str:", Kind.STR, ""),
        ("A/b = str:x", Kind.STR, "x"),
        ("A/b=str: kept in front, not behind ", Kind.STR, " kept in front, not behind"),
        ("A/b=str:a=b:c;d#e", Kind.STR, "a=b:c;d#e"),
        ("A/b=str:%(interpolated)s %", Kind.STR, "%(interpolated)s %"),
        ("A/b=int:-3", Kind.INT, "-3"),
        ("A/b=bool:True", Kind.BOOL, "True"),
        ("A/b=bool:false", Kind.BOOL, "false"),
        ("A/b=none:None", Kind.NONE, ""),
        ("A/b=none:", Kind.NONE, ""),
        ("A/b=multi-str:x\n  y\n\tz", Kind.MULTI, "x\ny\nz"),
        ("A/b=multi-str:\n  y\n  z", Kind.MULTI, "y\nz"),
        ("A/b=multi-str:x\n  # a remark\n  y", Kind.MULTI, "x\ny"),
        ("A/b=multi-str:x\n  k=v\n  [y]", Kind.MULTI, "x\nk=v\n[y]"),
        ("A/b=str:ümläut ✓", Kind.STR, "ümläut ✓"),
        ("A/b=str:x\r", Kind.STR, "x"),
    ],
)
def test_values(line: str, kind: Kind, text: str) -> None:
    parsed = one(line)
    assert not parsed.problems
    assert [(entry.kind, entry.text, entry.line, entry.place) for entry in parsed.entries] == [
        (kind, text, 2, "/answers.conf:2")
    ]


def test_sections_comments_and_empty_lines() -> None:
    text = "\n".join(
        f"# remark\n; remark\n\n[environment:{layer}]\nA/b=str:{layer}" for layer in ("default", "enforce")
    )
    parsed = parse(text)
    assert not parsed.problems
    assert [(entry.layer, entry.text, entry.line) for entry in parsed.entries] == [
        (Layer.DEFAULT, "default", 5),
        (Layer.ENFORCE, "enforce", 10),
    ]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("[environment:default]\nA/b=bool:no", "HE-ANSWERS-BOOL", 2),
        ("[environment:default]\nA/b=bool:0", "HE-ANSWERS-BOOL", 2),
        ("[environment:default]\nA/b=bool:", "HE-ANSWERS-BOOL", 2),
        ("[environment:default]\nA/b=bool:t", "HE-ANSWERS-BOOL", 2),
        ("[environment:default]\n\nA/b=bool:TRUE", "HE-ANSWERS-BOOL", 3),
        ("[environment:default]\nA/b=float:1", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=STR:1", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=value", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=int:4.5", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=int:", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=int:٣", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=none:x", "HE-ANSWERS-TYPE", 2),
        ("[environment:default]\nA/b=str:1\nA/b=str:1", "HE-ANSWERS-DUPLICATE", 3),
        (
            "[environment:default]\n[environment:default]\nA/b=str:1\n\n[environment:default]\nA/b=str:1",
            "HE-ANSWERS-DUPLICATE",
            6,
        ),
        ("[environment:Default]\nA/b=str:1", "HE-ANSWERS-SYNTAX", 1),
        ("[general]\nA/b=str:1", "HE-ANSWERS-SYNTAX", 1),
        ("[environment:default] # remark\n", "HE-ANSWERS-SYNTAX", 1),
        ("A/b=str:1", "HE-ANSWERS-SYNTAX", 1),
        ("[environment:default]\nno answer", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\nA/b: str:1", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\nlower/b=str:1", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\n  A/b=str:1", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\nA/b=str:1\n  more", "HE-ANSWERS-SYNTAX", 3),
        ("[environment:default]\nA/b=multi-str:1\n\n  more", "HE-ANSWERS-SYNTAX", 4),
        ("[environment:default]\nA/b=str:a\0b", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\nA/b=str:a\x1b[2Jb", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\nA/b=str:a\rb", "HE-ANSWERS-SYNTAX", 2),
        ("[environment:default]\nA/b=str:a\u2028b", "HE-ANSWERS-SYNTAX", 2),
    ],
)
def test_mistakes(text: str, code: str, line: int) -> None:
    (problem,) = parse(text).problems
    assert (problem.code, problem.where) == (code, f"/answers.conf:{line}")
    assert problem.exit_code is ExitCode.USAGE
    assert problem.command == f"sed -n {line}p /answers.conf"
    assert problem.why


def test_the_accepted_words_are_named() -> None:
    (problem,) = one("A/b=bool:no").problems
    assert "True and False" in problem.why


def test_every_mistake_is_told() -> None:
    parsed = parse("x\n[environment:default]\nA/b=bool:no\nA/c=str:good\nA/d=what\n[y]\nA/e=int:x\n")
    assert [int(problem.where.rpartition(":")[2]) for problem in parsed.problems] == [1, 3, 5, 6, 7]
    assert [entry.key for entry in parsed.entries] == ["A/c"]
    assert parsed.refused == {"A/b", "A/d", "A/e"}


def test_a_secret_is_closed_at_once() -> None:
    (entry,) = parse("[environment:init]\nA/b=str:x1y2", secret="A/b").entries
    assert entry.text == Secret("x1y2")


@pytest.mark.parametrize("text", [" x1y2", "x1y2 ", "\tx1 y2\t", "\u00a0x1y2\u00a0", "x1y2;#=", " "])
def test_a_secret_is_taken_as_it_stands(text: str) -> None:
    for end in ("", "\n", "\r\n"):
        (entry,) = parse(f"[environment:init]\nA/b = str:{text}{end}", secret="A/b").entries
        assert entry.text == Secret(text)


@pytest.mark.parametrize("line", ["A/b=x1y2", "A/b=bool:x1y2", "A/b=int:x1y2", "A/b=x1y2:z", "x1y2", "[x1y2", "  x1y2"])
def test_no_mistake_quotes_a_value(line: str) -> None:
    (problem,) = one(line).problems
    assert "x1y2" not in repr(vars(problem))


@given(st.text(st.characters(codec="utf-8")))
@example("[environment:default]\nA/b=multi-str:\n ")
def test_any_text_is_read_or_refused(text: str) -> None:
    lines = text.count("\n") + 1
    for problem in parse(text).problems:
        assert 1 <= int(problem.where.rpartition(":")[2]) <= lines


_TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
_LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")))).map("\n".join)


@settings(max_examples=200)
@given(st.one_of(st.booleans(), st.integers(), _TEXT, _LINES, st.none()))
@example("multi\nline")
@example("#not a comment")
@example("[environment:enforce]")
@example("  blanks around  ")
@example("a\n#b")
def test_what_is_written_reads_back(value: bool | int | str | None) -> None:  # noqa: FBT001 - one of many types
    try:
        line = typed(value)
    except ValueError:
        items = str(value).strip().split("\n")
        assert any(not item.strip() or not is_plain(item.strip()) or item.strip()[0] in "#;" for item in items)
        return
    parsed = one(f"A/b={line}")
    assert not parsed.problems
    (entry,) = parsed.entries
    expected = "" if value is None else "\n".join(item.strip() for item in str(value).strip().split("\n"))
    assert entry.text == expected
