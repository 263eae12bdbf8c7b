"""Products as JSON: what comes back is what went in, and a Secret never goes in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.codec import decode, encode


class Colour(Enum):
    """An enum."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    """Nested data."""

    number: int
    path: Path | None


@dataclass(frozen=True)
class Product:
    """What a product may hold."""

    text: str
    colour: Colour
    inner: tuple[Inner, ...]
    table: dict[str, int]
    perhaps: str | None = None


@dataclass(frozen=True)
class Careless:
    """A product that would leak."""

    name: str
    password: Secret


@dataclass(frozen=True)
class Sly:
    """A product that hides its leak from the type."""

    things: tuple[object, ...]


PATHS = st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)).map(
    lambda parts: Path(str(PurePosixPath("/", *parts)))
)
INNER = st.builds(Inner, st.integers(-(2**63), 2**63 - 1), st.none() | PATHS)
PRODUCTS = st.builds(
    Product,
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(Colour),
    st.lists(INNER, max_size=3).map(tuple),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9), max_size=3),
    st.none() | st.just("there"),
)


@given(PRODUCTS)
def test_what_comes_back_is_what_went_in(product: Product) -> None:
    assert decode(encode(product), Product) == product


@pytest.mark.parametrize("product", [Careless("root", Secret("hunter2")), Sly((1, Secret("hunter2")))])
def test_a_secret_is_refused(product: object) -> None:
    with pytest.raises(TypeError, match="Secret cannot be written to a journal") as caught:
        encode(product)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"number": "7", "path": null}',  # another type
        '{"number": 7}',  # a field missing
        '{"number": 7, "path": 7}',  # no path
        "[]",
    ],
)
def test_what_another_version_wrote_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(msgspec.Raw(text.encode()), Inner)
