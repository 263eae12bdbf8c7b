"""otopi answer files: ``[environment:default]`` with ``KEY=type:value``."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING

from .console import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Value = str | int | bool | list[str] | None
# Later sections win over earlier ones, within a section the first file to name a key wins.
SECTIONS = ("environment:default", "environment:init", "environment:override", "environment:enforce")


class Answers:
    """The answers of all files together."""

    def __init__(self, values: dict[str, Value]) -> None:
        self._values = values

    def __repr__(self) -> str:
        return f"Answers({sorted(self._values)})"  # never the values: one of them is the password

    def text(self, key: str) -> str | None:
        """Return a text answer; an empty one counts as none."""
        value = self._values.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, bool | list):
            message = f"{key}: a text is expected"
            raise ToolError(message)
        return str(value)

    def flag(self, key: str) -> bool | None:
        """Return a yes-or-no answer."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            message = f"{key}: bool:True or bool:False is expected"
            raise ToolError(message)
        return value

    def number(self, key: str) -> int | None:
        """Return a whole number."""
        value = self._values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            message = f"{key}: int:NUMBER is expected"
            raise ToolError(message)
        return value


def read_answers(files: Iterable[Path]) -> Answers:
    """Read the files, each with its ``FILE.d/*.conf``; a missing or unreadable one is an error."""
    layers: list[dict[str, Value]] = [{} for _ in SECTIONS]
    for file in _with_folders(files):
        parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#", ";"))
        parser.optionxform = str  # type: ignore[method-assign,assignment]  # keys are case-sensitive
        try:
            parser.read_string(file.read_text(encoding="utf-8"), str(file))
        except (OSError, configparser.Error, UnicodeDecodeError) as problem:
            # configparser quotes the offending line, which may be the one with the password
            message = f"'{file}' cannot be read as an answer file ({type(problem).__name__})"
            raise ToolError(message) from None
        for layer, section in zip(layers, SECTIONS, strict=True):
            if parser.has_section(section):
                for key, raw in parser.items(section):
                    layer.setdefault(key, _value(file, key, raw))
    merged: dict[str, Value] = {}
    for layer in layers:
        merged.update(layer)
    return Answers(merged)


def _with_folders(files: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        found += [file, *sorted(file.with_name(f"{file.name}.d").glob("*.conf"))]
    return found


def _value(file: Path, key: str, raw: str) -> Value:
    kind, colon, text = raw.partition(":")
    if colon and kind == "str":
        return text
    if colon and kind == "multi-str":
        return text.strip("\n").split("\n")
    if kind == "none":
        return None
    if colon and kind == "int" and text.strip().lstrip("-").isdigit():
        return int(text)
    if colon and kind == "bool" and text.strip() in {"True", "False"}:
        return text.strip() == "True"
    message = f"{file}: the value of {key} is not of the form type:value"
    raise ToolError(message)
