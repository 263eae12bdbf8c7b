"""Configuration of `KEY=VALUE` lines: `hosted-engine.conf`, which shells read too, `ha.conf` and `broker.conf`.

Sections and comments may stand between the lines; a key stands once in a file.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

_LINE: Final = re.compile(r"^(?P<key>[A-Za-z0-9_-]+)[ ]?=[ ]?(?P<value>.*)$", re.MULTILINE)


def settings(text: str, *, quoted: bool) -> dict[str, str]:
    """Read the values by key; with `quoted`, they are quoted as for a shell."""
    return {one["key"]: _unquoted(one["value"]) if quoted else one["value"] for one in _LINE.finditer(text)}


def changed(text: str, key: str, value: str, *, quoted: bool) -> str:
    """Give the text with another value for a key that is in it, or with one more line."""
    line = f"{key}={shlex.quote(value) if quoted and value else value}"
    found = next((one for one in _LINE.finditer(text) if one["key"] == key), None)
    if found is None:
        return f"{text}{line}\n"
    return f"{text[: found.start()]}{line}{text[found.end() :]}"


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:  # a quote that is not closed: somebody else's line
        return value
