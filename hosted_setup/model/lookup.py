"""Calling a function with its parameters looked up by type, as steps, suggestions and checks are called."""

from __future__ import annotations

import inspect
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def parameters_of(function: Callable[..., Any], *, skip: int = 0) -> dict[str, Any]:
    """Give name and annotation of the parameters of `function` after the first `skip` ones.

    Raises:
        TypeError: when a parameter has no annotation.
    """
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)[skip:]
    bare = [name for name in names if name not in hints]
    if bare:
        message = f"{_name(function)}: no annotation on {', '.join(bare)}; parameters are looked up by type"
        raise TypeError(message)
    return {name: hints[name] for name in names}


def call_with(function: Callable[..., Any], products: Mapping[type, object], *first: object) -> Any:  # noqa: ANN401 - the function's own result
    """Call `function` with `first`, then each further parameter taken from `products` by its annotation.

    A parameter annotated `X | None` is given None where there is no X.

    Raises:
        TypeError: when a product is missing or a parameter has no annotation; both are mistakes of the author.
    """
    wanted = parameters_of(function, skip=len(first))
    given = {name: _find(function, kind, products) for name, kind in wanted.items()}
    return function(*first, **given)


def _find(function: Callable[..., Any], kind: Any, products: Mapping[type, object]) -> object:  # noqa: ANN401 - a type form
    if get_origin(kind) in (UnionType, Union) and NoneType in get_args(kind):
        return next((products[one] for one in get_args(kind) if one in products), None)
    try:
        return products[kind]
    except KeyError:
        message = f"{_name(function)} asks for {getattr(kind, '__name__', kind)}, which nothing has given yet"
        raise TypeError(message) from None


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
