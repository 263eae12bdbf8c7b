"""What an operator is told goes through the catalogue, with the fields it says."""

from __future__ import annotations

import ast
import re
import string
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.file_problem import FileProblem
from tools.catalogue import MARKS, held_in, literals, modules, problems, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLD: Final = frozenset({"Info", "Warn", "Waiting", "Rejected", "Choice", "Summary", "ValueError", "EOFError"})
NO_TEXT: Final = frozenset({"where", "command", "from_"})
WAITS: Final = frozenset({"wait_until", "wait_for", "wait"})
PROTOCOL: Final = re.compile(r"(HTTP|POST) ")
OURS: Final = "a token has "  # begins what only a fault of ours could bring up


def as_text(node: ast.AST) -> str:
    """Give a literal text, an f-string's values left out."""
    if isinstance(node, ast.JoinedStr):
        return "".join(as_text(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def is_wordy(text: str) -> bool:
    return bool(re.search(r"[A-Za-z]{2}.* | .*[A-Za-z]{2}", text)) and not (
        PROTOCOL.match(text) or text.startswith(OURS)
    )


def told(call: ast.Call) -> Iterator[ast.expr]:
    """Give the arguments that an operator reads."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in TOLD or name in {kind.__name__ for kind in problems().values()}:
        yield from call.args
        yield from (one.value for one in call.keywords if one.arg not in NO_TEXT)
    elif name in WAITS:
        yield from (one.value for one in call.keywords if one.arg == "what")


def loose(node: ast.expr, held: dict[str, list[ast.expr]]) -> Iterator[ast.expr]:
    """Give the literal texts in an expression, and in what its variables are set to, that are not marked."""
    match node:
        case ast.Constant() | ast.JoinedStr():
            if is_wordy(as_text(node)):
                yield node
        case ast.Name(id=name):
            values = held.pop(name, [])
            for value in values[-1:] if name == "message" else values:  # each message is raised where it is made
                yield from loose(value, held)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*loose(body, held), *loose(orelse, held))
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
            yield from (one for part in parts for one in loose(part, held))
        case ast.BinOp(left=left, right=right):
            yield from (*loose(left, held), *loose(right, held))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_what_an_operator_is_told_is_marked_for_the_catalogue() -> None:
    found = {
        f"{path}:{text.lineno}: {ast.unparse(text)}"
        for path, tree in modules().items()
        for function in functions(tree)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        for argument in told(call)
        for text in loose(argument, held_in(function, before=call))
    }
    assert not found, "\n".join(sorted(found))


def test_a_problem_tells_why_and_what_next() -> None:
    """What happened is its first argument; a file's problem has the rest from its class."""
    names = {kind.__name__ for kind in problems().values() if not issubclass(kind, FileProblem)}
    found = [
        f"{path}:{call.lineno}: {call.func.id} without {', '.join(lacking)}"
        for path, tree in modules().items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names
        if (lacking := sorted({"why", "hint", "command"} - {one.arg for one in call.keywords}))
    ]
    assert not found, "\n".join(found)


def test_a_text_that_is_looked_up_is_a_literal_or_declared_elsewhere() -> None:
    """An f-string, a sum or a formatted text would never be found in a catalogue."""
    found = [
        f"{path}:{call.lineno}: {ast.unparse(call)}"
        for path, tree in modules().items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in MARKS
        if not (
            call.args and isinstance(call.args[0], ast.Constant | ast.Name | ast.Attribute | ast.Subscript | ast.Call)
        )
    ]
    assert not found, "\n".join(found)


def test_the_fields_of_a_text_are_the_values_it_is_given() -> None:
    found = []
    for path, tree in modules().items():
        for call in ast.walk(tree):
            text = text_of(call)
            if text is None or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            given = {one.arg for one in call.keywords}
            fields = {name for _text, name, _form, _kind in string.Formatter().parse(text) if name is not None}
            if call.func.id == "_" and (given or "{" in text) and fields != given:
                found.append(f"{path}:{call.lineno}: {text!r} has {sorted(fields)}, is given {sorted(map(str, given))}")
    assert not found, "\n".join(found)


def test_texts_that_differ_by_blanks_or_their_last_sign_are_one_text() -> None:
    alike: dict[str, set[str]] = {}
    for text in literals():
        alike.setdefault(" ".join(text.split()).rstrip(".:"), set()).add(text)
    assert not [texts for texts in alike.values() if len(texts) > 1]
