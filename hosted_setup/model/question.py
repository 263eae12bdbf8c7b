"""Questions are typed fields of a section; keyboard, answer file and option go through the same parse and check."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from hosted_setup.model.lookup import needs_of
from hosted_setup.model.messages import _
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hosted_setup.model.answer import Suggestion
    from hosted_setup.model.problem import Problem

T = TypeVar("T")
MISSING: Final = object()
_QUESTION: Final = "question"
_WORDS: Final = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}


@dataclass(frozen=True)
class Choice:
    """An item of a question's pick list; `unfit` tells why it cannot be chosen, where it cannot.

    `problem` tells it with a code of its own to whoever chooses it all the same.
    """

    value: Any
    description: str = ""
    unfit: str = ""
    problem: Problem | None = None

    @property
    def text(self) -> str:
        """Give what stands for it in a reply or an answer file."""
        return text_of(self.value)


@dataclass(frozen=True)
class Question:
    """One question, as frontends draw it and as the answer store finds it.

    `suggest`, `offer`, `when` and `check` are functions whose annotated parameters are looked up among the products
    and sections that came before, and the host, like the parameters of a step. `offer` gives a pick list. `check`
    takes the value first; it refuses by a ValueError or a Problem, and warns by giving a sentence.
    """

    name: str
    prompt: str
    key: str
    type: Any
    default: Any
    suggest: Callable[..., Suggestion[Any] | None] | None
    offer: Callable[..., Sequence[Choice]] | None
    closed: bool
    """Whether nothing is accepted but what is offered."""
    when: Callable[..., bool] | None
    check: Callable[..., str | None] | None
    help: str
    asked: bool
    """False: only files and options answer it, and whoever changes it in the preview."""

    @property
    def plain_type(self) -> Any:  # noqa: ANN401 - a type form
        """The type without the None of an optional one."""
        return _plain(self.type)

    @property
    def secret(self) -> bool:
        """Whether the answer is hidden, asked twice and never written."""
        return self.plain_type is Secret

    @property
    def optional(self) -> bool:
        """Whether None is an answer: the type is `X | None`."""
        return _optional(self.type)

    def needs(self) -> tuple[type[Any], ...]:
        """Give the types that its functions look at, each once, in the order in which they name them."""
        functions = ((self.suggest, 0), (self.offer, 0), (self.when, 0), (self.check, 1))
        found = (need for function, skip in functions if function is not None for need in needs_of(function, skip))
        return tuple(dict.fromkeys(found))

    def parse(self, text: str) -> Any:  # noqa: ANN401 - the type is the question's own
        """Turn what was typed or read into the question's type.

        Raises:
            ValueError: with a sentence for the operator.
        """
        return parse_as(self.type, text)

    def choices(self) -> tuple[str, ...]:
        """Give the closed list of words that are accepted, if there is one."""
        kind = self.plain_type
        if kind is bool:
            return ("yes", "no")
        if isinstance(kind, type) and issubclass(kind, Enum):
            return tuple(str(member.value) for member in kind)
        return ()


def ask(  # noqa: PLR0913 - one argument a property of a question
    prompt: str,
    *,
    key: str,
    default: Any = MISSING,  # noqa: ANN401 - checked against the annotation by `section`
    suggest: Callable[..., Suggestion[Any] | None] | None = None,
    offer: Callable[..., Sequence[Choice]] | None = None,
    closed: bool = True,
    when: Callable[..., bool] | None = None,
    check: Callable[..., str | None] | None = None,
    help: str = "",  # noqa: A002 - the word operators and authors use
    asked: bool = True,
) -> Any:  # noqa: ANN401 - stands where the field's value will be
    """Declare a question as the default of a section's field; the arguments are the fields of `Question`."""
    return dataclasses.field(
        metadata={
            _QUESTION: {
                "prompt": prompt, "key": key, "default": default, "suggest": suggest, "offer": offer,
                "closed": closed, "when": when, "check": check, "help": help, "asked": asked,
            }
        },
    )  # fmt: skip


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(ask,))
def section(title: str) -> Callable[[type[T]], type[T]]:
    """Make a frozen dataclass of questions; `title` is the heading the operator sees."""

    def decorate(cls: type[T]) -> type[T]:
        made = dataclass(frozen=True, kw_only=True)(cls)
        setattr(made, "__section__", title)  # noqa: B010 - not an attribute authors declare
        return made

    return decorate


def is_section(cls: object) -> bool:
    """Tell whether `cls` was made by `section`."""
    return isinstance(cls, type) and "__section__" in cls.__dict__


def title_of(cls: type[Any]) -> str:
    """Give the heading of a section, in the operator's language."""
    return _(cast("str", cls.__dict__["__section__"]))


def questions_of(cls: type[Any]) -> tuple[Question, ...]:
    """Give the questions of a section in the order they are asked, in the operator's language."""
    hints = get_type_hints(cls)
    return tuple(_asked(field, hints[field.name]) for field in dataclasses.fields(cls))


def parse_as(kind: Any, text: str) -> Any:  # noqa: ANN401, PLR0911 - one return a kind
    """Parse `text` as `kind`: Secret, bool, int, str, Path, an Enum, `X | None`, or a class with `parse(text)`.

    Raises:
        ValueError: with a sentence for the operator.
    """
    if _plain(kind) is not Secret:
        text = text.strip()
    if _optional(kind):
        if not text:
            return None
        kind = _plain(kind)
    if kind is Secret:
        return Secret(text)
    if kind is bool:
        return _word(text)
    if kind is int:
        return _number(text)
    if kind is str:
        return text
    if kind is Path:
        return _path(text)
    if issubclass(kind, Enum):
        return _member(kind, text)
    return kind.parse(text)


def text_of(value: object) -> str:
    """Give the text that `parse_as` reads back as `value`; secrets have none.

    Raises:
        TypeError: for a Secret.
    """
    if isinstance(value, Secret):
        message = "a secret has no text form"
        raise TypeError(message)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


def _asked(field: dataclasses.Field[Any], kind: Any) -> Question:  # noqa: ANN401 - a type form
    declared = field.metadata[_QUESTION]
    words = {name: _(declared[name]) for name in ("prompt", "help")}
    return Question(name=field.name, type=kind, **(declared | words))


def _optional(kind: object) -> bool:
    return get_origin(kind) in (UnionType, Union) and NoneType in get_args(kind)


def _plain(kind: Any) -> Any:  # noqa: ANN401 - a type form
    if not _optional(kind):
        return kind
    (inner,) = (argument for argument in get_args(kind) if argument is not NoneType)
    return inner


def _word(text: str) -> bool:
    try:
        return _WORDS[text.casefold()]
    except KeyError:
        message = _("{text!r} is neither yes nor no", text=text)
        raise ValueError(message) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.lstrip("-").isdigit()):
        message = _("{text!r} is not a whole number", text=text)
        raise ValueError(message)
    return int(text)


def _path(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or "\0" in text:
        message = _("{text!r} is not an absolute path", text=text)
        raise ValueError(message)
    return path


def _member(kind: type[Enum], text: str) -> Enum:
    for member in kind:
        if str(member.value) == text:
            return member
    message = _("{text!r} is not one of: {words}", text=text, words=", ".join(str(member.value) for member in kind))
    raise ValueError(message)
