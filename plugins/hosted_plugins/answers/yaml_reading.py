"""YAML files of variables, read as Ansible reads them (YAML 1.1), but node by node: no object is made of anything.

No message quotes a value: it may be a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from hosted_plugins.answers.problems import VariablesSyntax
from hosted_setup.interview.answer_file import is_plain, show_line
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from pathlib import Path

_DEEPEST: Final = 8
_TAG: Final = "tag:yaml.org,2002:"
_NULL: Final = f"{_TAG}null"
_PLAIN_TAGS: Final = frozenset({f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")})
_UNSAFE: Final = "!unsafe"  # Ansible's word for a text that is no template
_VAULT: Final = "!vault"
_TEMPLATES: Final = ("{{", "{%", "{#")


@dataclass(frozen=True)
class Variable:
    """A variable as it stands in the file: the texts of its items, one for a scalar."""

    name: str
    items: tuple[str, ...]
    place: str  # file:line
    is_list: bool = False
    is_null: bool = False
    is_bool: bool = False
    is_closed: bool = False
    """Its value is encrypted, or a template that only Ansible can fill in."""
    strange: str = ""
    """Why its value is no text and no list of texts."""


def read_variables(text: str, path: Path) -> list[Variable]:
    """Read the top level of a file of variables.

    Raises:
        VariablesSyntax: it is no YAML, or no mapping; it has an alias, a doubled name, or is nested too deeply.
    """
    try:
        _bound(text, path)
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _syntax(path, line, str(error.problem)) from None
    except yaml.YAMLError:
        raise _syntax(path, 1, _("it holds a character that YAML does not allow")) from None
    if document is None or document.tag == _NULL:
        return []
    if not isinstance(document, yaml.MappingNode):
        raise _syntax(path, document.start_mark.line + 1, _("it is not a mapping of variables to values"))
    found: dict[str, Variable] = {}
    for name, value in document.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode) or not is_plain(name.value):
            raise _syntax(path, line, _("a variable's name is a word"))
        if name.value in found:
            raise _syntax(path, line, _("{name} is there twice", name=name.value))
        found[name.value] = _variable(name.value, value, f"{path}:{line}")
    return list(found.values())


def _bound(text: str, path: Path) -> None:
    """Refuse what would cost more than its length, before it is put together."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise _syntax(path, line, _("aliases are not followed"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _syntax(path, line, _("it is nested more than {most} levels deep", most=_DEEPEST))


def _variable(name: str, value: yaml.Node, place: str) -> Variable:
    if value.tag == _VAULT:
        return Variable(name, (), place, is_closed=True)
    if isinstance(value, yaml.ScalarNode):
        return _scalar(name, value, place)
    if isinstance(value, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in value.value):
        items = [_scalar(name, item, place) for item in value.value]
        strange = next((item.strange for item in items if item.strange), "")
        texts = tuple(text for item in items for text in item.items)
        return Variable(
            name, texts, place, is_list=True, is_closed=any(item.is_closed for item in items), strange=strange
        )
    return Variable(name, (), place, strange=_("it is neither a text nor a list of texts"))


def _scalar(name: str, value: yaml.ScalarNode, place: str) -> Variable:
    text = str(value.value)
    if value.tag not in _PLAIN_TAGS and value.tag != _UNSAFE:
        return Variable(name, (), place, strange=_("its tag is none that is known here"))
    if not is_plain(text.rstrip("\n")):
        return Variable(name, (), place, strange=_("it holds line ends or control characters"))
    template = value.tag != _UNSAFE and any(mark in text for mark in _TEMPLATES)
    return Variable(
        name,
        (text.rstrip("\n"),),
        place,
        is_null=value.tag == _NULL,
        is_bool=value.tag == f"{_TAG}bool",
        is_closed=template,
    )


def _syntax(path: Path, line: int, why: str) -> VariablesSyntax:
    place = f"{path}:{line}"
    hint = _("Name a file as ansible-playbook takes it with --extra-vars=@FILE; look at the line with:")
    return VariablesSyntax(str(path), why=why, where=place, hint=hint, command=show_line(place))
