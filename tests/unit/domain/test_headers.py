"""Headers that no tar program writes, each refused by a sentence of its own."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.domain.tarheader import BLOCK, TarError, next_entry
from tests.unit.domain.builders import SPARSE, header, pax

if TYPE_CHECKING:
    from collections.abc import Iterable


PIECE: Final = b"%011o\0" % 1
FULL: Final = (PIECE * 42).ljust(504, b"\0") + b"\1" + bytes(7)  # 21 pieces, and more to come
STRANGE: Final[dict[str, tuple[str, Iterable[bytes]]]] = {
    "headers without end": ("a member has too many extended headers", repeat(header(b"x"), 100)),
    "half an end mark": ("its end mark is broken", [bytes(BLOCK), b"\1" * BLOCK]),
    "sparse, old pax form": ("a sparse member in an old form (GNU.sparse 0.x)", pax(GNU__sparse__map="0,1")),
    "sparse, later form": (
        "a sparse member in an unknown form",
        [*pax(**SPARSE | {"GNU__sparse__major": "2"}), header(b"0")],
    ),
    "two names": ("extended headers contradict each other", [*pax(path="a"), *pax(path="b"), header(b"0")]),
    "size in words": ("an extended header holds a number that is none", [*pax(size="many"), header(b"0")]),
    "sparse, pieces without end": (
        "a sparse member of more than ",
        chain([header(b"S", 1, PIECE * 8 + b"\1")], repeat(FULL)),
    ),
    "sparse, no map": ("a sparse member whose map cannot be read", [*pax(**SPARSE), header(b"0")]),
}


@pytest.mark.parametrize("case", STRANGE)
def test_a_strange_header_is_refused_by_its_own_words(case: str) -> None:
    told, blocks = STRANGE[case]
    arriving = iter(blocks)

    def read(count: int) -> bytes:
        return b"".join(next(arriving) for _ in range(count // BLOCK))

    with pytest.raises(TarError) as caught:
        next_entry(read)
    assert str(caught.value).startswith(told)
