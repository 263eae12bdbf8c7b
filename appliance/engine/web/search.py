"""The search language of the lists: ``name=web* and cluster="edge"``."""

from __future__ import annotations

import re

_TERM = re.compile(r'\s*(?P<key>[a-z_.]+)\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))\s*', re.IGNORECASE)
_AND = re.compile(r"and\s", re.IGNORECASE)


class SearchError(Exception):
    """The search cannot be understood."""


def to_sql(query: str, columns: dict[str, str], *, case_sensitive: bool) -> tuple[str, list[str]]:
    """Translate into a condition with parameters; ``columns`` says which keys there are.

    A key stands for a column, or for a condition with ``{like} %s`` in it.
    """
    conditions, values = [], []
    rest = query.strip()
    while rest:
        match = _TERM.match(rest)
        if match is None or match["key"].lower() not in columns:
            message = f"cannot understand the search at '{rest[:60]}'; keys are: {', '.join(sorted(columns))}"
            raise SearchError(message)
        value = match["bare"] if match["quoted"] is None else match["quoted"]
        column = columns[match["key"].lower()]
        template = column if "{like}" in column else f"{column} {{like}} %s"
        conditions.append(template.format(like="LIKE" if case_sensitive else "ILIKE"))
        values.append(_pattern(value))
        rest = rest[match.end() :]
        if rest:
            joint = _AND.match(rest)
            if joint is None or joint.end() == len(rest):
                message = f"cannot understand the search at '{rest[:60]}'; terms are joined by 'and'"
                raise SearchError(message)
            rest = rest[joint.end() :]
    return " AND ".join(conditions) or "true", values


def _pattern(value: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", value)
    return escaped.replace("*", "%")
