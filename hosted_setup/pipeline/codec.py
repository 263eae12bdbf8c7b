"""Products as JSON for the journal: strict both ways, and a Secret is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def encode(value: object) -> msgspec.Raw:
    """Give `value`, a dataclass of plain data, as JSON.

    Raises:
        TypeError: for anything that is no plain data, a Secret above all.
    """
    return msgspec.Raw(msgspec.json.encode(value, enc_hook=_to_plain))


def decode(raw: msgspec.Raw, kind: type[T]) -> T:
    """Read what `encode` wrote for a value of `kind`.

    Raises:
        msgspec.ValidationError: when it is something else.
    """
    return msgspec.json.decode(raw, type=kind, dec_hook=_from_plain)


def _to_plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    message = f"{type(value).__name__} cannot be written to a journal"
    raise TypeError(message)


def _from_plain(kind: type[Any], value: object) -> Path:
    if kind is Path and isinstance(value, str):
        return Path(value)
    message = f"{kind.__name__} cannot be read from a journal"
    raise TypeError(message)
