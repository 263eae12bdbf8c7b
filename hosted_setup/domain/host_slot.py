"""Who has which host id of a storage domain: numbers from 1, which sanlock and the hosts' agents tell hosts by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Container

MOST: Final = 2000
"""sanlock's lockspace has no room for more."""


class HostSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reservation: the host's name and system UUID, the run that made it, and when (ISO 8601)."""

    number: int
    name: str
    uuid: str
    run: str
    time: str


def next_free(taken: Container[int]) -> int | None:
    """Give the least number that nobody has; None where all are taken."""
    return next((number for number in range(1, MOST + 1) if number not in taken), None)
