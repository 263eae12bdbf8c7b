"""Calling a function with its parameters looked up by type, as steps, suggestions and checks are called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def needs_of(function: Callable[..., Any], skip: int = 0) -> tuple[type[Any], ...]:
    """Give the annotations of the parameters of `function` after the first `skip` ones, in order.

    Raises:
        TypeError: when a parameter has no annotation, a mistake of the author.
    """
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)[skip:]
    bare = [name for name in names if name not in hints]
    if bare:
        message = f"{_name(function)}: no annotation on {', '.join(bare)}; parameters are looked up by type"
        raise TypeError(message)
    return tuple(hints[name] for name in names)


def call_with(function: Callable[..., Any], products: Mapping[type[Any], Any], *first: object) -> Any:  # noqa: ANN401 - the function's own result
    """Call `function` with `first`, then with what `products` holds for the annotation of each further parameter.

    Raises:
        TypeError: when a product is missing or a parameter has no annotation, mistakes of the author.
    """
    wanted = needs_of(function, len(first))
    missing = [need.__name__ for need in wanted if need not in products]
    if missing:
        message = f"{_name(function)} asks for {', '.join(missing)}, which nothing has given yet"
        raise TypeError(message)
    return function(*first, *(products[need] for need in wanted))


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
