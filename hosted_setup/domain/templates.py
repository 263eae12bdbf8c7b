"""Renders the templates; every value is escaped for the format it goes into."""

from __future__ import annotations

import shlex
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render_xml(template: str, /, **values: object) -> str:
    """Render an XML template; values are XML-escaped."""
    return _environment(escape=True).get_template(template).render(values)


def render(template: str, /, **values: object) -> str:
    """Render a template in which each value goes through `tojson` or `shell`, or is plain by its type."""
    return _environment(escape=False).get_template(template).render(values)


def source(name: str) -> str:
    """Give a template's text as it is."""
    return files("hosted_templates").joinpath(name).read_text()


@cache
def _environment(*, escape: bool) -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - 30 ms that `--help` need not pay

    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=escape,  # noqa: S701 - XML is; other formats quote in the template
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["shell"] = shlex.quote
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True}
    return environment
