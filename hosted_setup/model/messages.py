"""Texts that operators read: looked up in the catalogue of their language, then filled in with the values of the case.

A text with values is a literal of `_` where it arises; one that is declared (a title, a question, a choice) stays plain
there and is looked up where it is shown. What a program reads is never looked up (docs/decisions/0011-messages.md).
"""

from __future__ import annotations

import gettext
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

DOMAIN: Final = "hosted-engine"
LOCALE: Final = "HOSTED_ENGINE_LOCALE"
"""The environment variable of a folder with catalogues, `LANGUAGE/LC_MESSAGES/hosted-engine.mo`, in place of ours."""

TOLD: Final = "HOSTED_ENGINE_TOLD"
"""The environment variable of a file that every text is noted in, a line of JSON each: for translators and tests."""


def _(text: str, /, **values: object) -> str:
    """Give `text` in the operator's language, its fields (PEP 3101) filled in with `values`, if there are any.

    A value is put in as it is: it is not looked up, and braces in it mean nothing. A translation that wants other
    fields than its text has is not used: a run does not end over a translator's slip.
    """
    if not text:
        return ""  # gettext would give the head of its catalogue
    told = _lookup()(text)
    if not values:
        return told
    try:
        return told.format_map(values)
    except (LookupError, ValueError, AttributeError):
        return text.format_map(values)


def N_(text: str) -> str:  # noqa: N802 - gettext's own word
    """Mark `text`, which is declared here, for the catalogue, and give it as it is."""
    return text


@cache
def _lookup() -> Callable[[str], str]:
    """Give what looks a text up: by LANGUAGE, LC_ALL, LC_MESSAGES and LANG, as gettext does."""
    folder = os.environ.get(LOCALE) or Path(__file__).parents[1] / "locale"
    look = gettext.translation(DOMAIN, folder, fallback=True).gettext
    noted = os.environ.get(TOLD)
    return _noting(look, Path(noted)) if noted else look


def _noting(look: Callable[[str], str], path: Path) -> Callable[[str], str]:
    """Have every text noted, once a process; several processes add to one file, each line in one write."""
    known: set[str] = set()

    def looked_up(text: str) -> str:
        if text not in known:
            known.add(text)
            with path.open("ab", buffering=0) as stream:
                stream.write(f"{json.dumps(text)}\n".encode())
        return look(text)

    return looked_up
