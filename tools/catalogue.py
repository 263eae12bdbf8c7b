"""The catalogue of texts: every literal of `_` and `N_` in the code, and all that is declared.

`tests/golden` keeps `hosted_setup/locale/hosted-engine.pot` and `docs/problems.md` current with it.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from babel.messages.catalog import Catalog

import hosted_plugins
import hosted_setup
from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy.work import plan_of
from hosted_setup.domain.file_problem import FileProblem
from hosted_setup.model.answer import Source
from hosted_setup.model.problem import Problem
from hosted_setup.model.question import questions_of, title_of
from hosted_setup.pipeline.plan import Ask
from hosted_setup.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
MARKS: Final = ("_", "N_")
_PACKAGES: Final = (hosted_setup, hosted_plugins)
_TEST_KIT: Final = "hosted_setup.testing"


@dataclass(frozen=True)
class Place:
    """Where a text stands."""

    path: str
    line: int


@cache
def modules() -> dict[str, ast.Module]:
    """Import every module of the product, so that all it declares is known; give their trees by path."""
    trees = {}
    for package in _PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = import_module(found.name)
            if not found.name.startswith(_TEST_KIT) and module.__file__:
                path = Path(module.__file__).resolve()
                trees[str(path.relative_to(ROOT))] = ast.parse(path.read_text())
    return dict(sorted(trees.items()))


def text_of(node: ast.AST) -> str | None:
    """Give the text that is marked here, if one is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args:
        (first, *_more) = node.args
        return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    return None


@cache
def literals() -> dict[str, tuple[Place, ...]]:
    """Give every text that is marked in the code, with its places."""
    found: dict[str, list[Place]] = {}
    for path, tree in modules().items():
        for node in ast.walk(tree):
            text = text_of(node)
            if text is not None and isinstance(node, ast.Call):
                found.setdefault(text, []).append(Place(path, node.lineno))
    return {text: tuple(sorted(places, key=lambda one: (one.path, one.line))) for text, places in found.items()}


def problems() -> dict[str, type[Problem]]:
    """Give the project's own kinds of problems, by code."""
    modules()
    ours = tuple(f"{package.__name__}." for package in _PACKAGES)
    return {code: kind for code, kind in sorted(Problem.registry.items()) if kind.__module__.startswith(ours)}


def declared() -> Iterator[tuple[str, str]]:
    """Give every text that is declared without a mark, and what it is of."""
    registry = Registry((*COMMANDS, *FEATURES), third_parties=False)
    for command in registry.commands():
        yield command.help, f"hosted-engine {command.name}"
    for item in plan_of(registry):
        if isinstance(item, Ask):
            yield title_of(item.section), f"section {item.section.__name__}"
            for question in questions_of(item.section):
                yield question.prompt, f"question {question.key}"
                yield question.help, f"help of {question.key}"
        else:
            yield item.title, item.name
    for backend in registry.storage_backends().values():
        yield backend.title, f"storage {backend.kind}"
    for source in Source:
        yield source.words, "origin of an answer"
    for code, kind in problems().items():
        yield kind.title, code
        if issubclass(kind, FileProblem):
            yield kind.reason, code
            yield kind.advice, code


def catalogue() -> Catalog:
    """Give all texts, in their order: marked ones by place, then what is declared."""
    made = Catalog(project="hosted-engine", charset="utf-8", fuzzy=False)
    for text, places in sorted(literals().items(), key=lambda one: (one[1][0].path, one[1][0].line)):
        paths = dict.fromkeys(place.path for place in places)
        made.add(text, locations=[(path, 0) for path in paths], flags=_flags(text))
    for text, what in declared():
        if text:
            made.add(text, auto_comments=[what])
    return made


def page() -> str:
    """Give the page of all problem codes, in Markdown."""
    return _HEAD + "".join(_entry(code, kind) for code, kind in problems().items())


_HEAD: Final = """\
# Problem codes

Every problem has a code, which is stable, and an exit code ([exit-codes.md](exit-codes.md)). What it tells is listed as
it stands in the catalogue: a word in braces stands for a name or a number of the case. The command to run next is
complete when it is told.

"""


def _flags(text: str) -> tuple[str, ...]:
    return ("python-brace-format",) if "{" in text else ()


def _entry(code: str, kind: type[Problem]) -> str:
    about = [f"Exit code {int(kind.exit_code)}."]
    if issubclass(kind, FileProblem):
        about += [text[:1].upper() + text[1:].removesuffix(".") + "." for text in (kind.reason, kind.advice) if text]
    told = "".join(f"- {_inline(text)}\n" for text in _told().get(kind.__name__, ()))
    return f"## {code}\n\n**{kind.title}.** {_said(kind)}\n\n{' '.join(about)}\n\n{told}{told and chr(10)}"


def _said(kind: type[Problem]) -> str:
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def _inline(text: str) -> str:
    return "`" + text.strip().replace("\n", " ⏎ ") + "`"


@cache
def _told() -> dict[str, tuple[str, ...]]:
    """Give the texts of each class of problems: those in its calls, and in those of the functions that make it."""
    names = {kind.__name__ for kind in problems().values()}
    functions = {
        path: [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] for path, tree in modules().items()
    }
    makers = {path: {one.name: made for one in own if (made := names & _named(one))} for path, own in functions.items()}
    shared = {name: made for own in makers.values() for name, made in own.items() if not name.startswith("_")}
    found: dict[str, dict[str, None]] = {}
    for path, own in functions.items():
        known = shared | makers[path]
        for one in own:
            held = held_in(one)
            for call in (node for node in ast.walk(one) if isinstance(node, ast.Call)):
                kinds = {_called(call)} & names or _passed(call) & names or known.get(_called(call), set())
                if len(kinds) == 1:
                    texts = [text for argument in _arguments(call) for text in _texts(argument, held)]
                    found.setdefault(next(iter(kinds)), {}).update(dict.fromkeys(texts))
    return {name: tuple(texts) for name, texts in found.items()}


def _named(function: ast.FunctionDef) -> set[str]:
    """Give what a function calls, and what it passes on by name."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {_called(call) for call in calls}.union(*(_passed(call) for call in calls))


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _passed(call: ast.Call) -> set[str]:
    return {argument.id for argument in call.args if isinstance(argument, ast.Name)}


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def held_in(function: ast.FunctionDef, before: ast.Call | None = None) -> dict[str, list[ast.expr]]:
    """Give what each local variable is set to, in whatever branch, `before` a call."""
    held: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and (before is None or node.lineno < before.lineno):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                for name, value in pairs:
                    if isinstance(name, ast.Name):
                        held.setdefault(name.id, []).append(value)
    return held


def _texts(node: ast.expr, held: dict[str, list[ast.expr]]) -> Iterator[str]:
    """Give the marked texts in an expression, and in what the variables in it are set to."""
    for inner in ast.walk(node):
        text = text_of(inner)
        if text is not None:
            yield text
        elif isinstance(inner, ast.Name):
            for value in held.get(inner.id, ()):
                yield from (text for one in ast.walk(value) if (text := text_of(one)) is not None)
