"""The machine dialect: all that is told, asked and replied as JSON, an object a line; its schema is versioned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hosted_setup.model.events import Event, Message
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 1
"""Raised when a program that reads the dialect would have to be changed."""

LONGEST: Final = 1 << 16
"""The characters that a reply may have."""


Kind = Literal["boolean", "integer", "text", "path", "choice", "secret"]


class Offered(msgspec.Struct, frozen=True):
    """An item of a pick list; one that is `unfit`, which tells why, cannot be chosen."""

    text: str
    description: str
    unfit: str


class Asking(Message, frozen=True, kw_only=True, tag="question"):
    """A question: reply `{"answer": …}` with a text, a number, a boolean or null for the default, or `{"back": true}`.

    `default` is the text that null and "" stand for; null: there is none. `again` asks for a secret a second time. With
    a `warning` it is to be decided whether to go on with the answer that was given: `words` are yes and no.
    """

    section: str
    name: str
    key: str
    prompt: str
    kind: Kind
    help: str
    optional: bool
    default: str | None
    origin: str
    again: bool
    words: tuple[str, ...]
    choices: tuple[Offered, ...]
    warning: str


class Settled(msgspec.Struct, frozen=True):
    """An answer in the preview; the `value` of a secret is null."""

    number: int
    section: str
    key: str
    prompt: str
    value: str | None
    secret: bool
    origin: str


class Previewed(Message, frozen=True, kw_only=True, tag="preview"):
    """What a run will do; one that is `refused` cannot be confirmed."""

    answers: tuple[Settled, ...]
    plan: tuple[str, ...]
    effects: tuple[str, ...]
    refused: bool


class Reviewing(Message, frozen=True, kw_only=True, tag="review"):
    """The preview just told waits: reply `{"confirm": true}`, `{"confirm": false}` or `{"reopen": NUMBER}`."""

    refused: bool


class Confirming(Message, frozen=True, kw_only=True, tag="confirm"):
    """A question outside of an interview: reply `{"confirm": true}` or `{"confirm": false}`."""

    prompt: str
    default: bool


class Rejected(Message, frozen=True, kw_only=True, tag="rejected"):
    """The reply was not accepted; what it was for is asked again."""

    reason: str


class Working(Message, frozen=True, kw_only=True, tag="worker"):
    """The process that works on the run from here on; stands in the file of a run's events only."""

    pid: int


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the other program replies: exactly one of these."""

    answer: str | int | bool | UnsetType | None = UNSET
    back: Annotated[bool, msgspec.Meta(extra_json_schema={"const": True})] | UnsetType = UNSET
    confirm: bool | UnsetType = UNSET
    reopen: Annotated[int, msgspec.Meta(ge=1)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse none and more than one."""
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not UNSET]
        if len(given) != 1 or self.back is False:
            message = _("exactly one of: {names}; back is always true", names=", ".join(self.__struct_fields__))
            raise ValueError(message)


class Told(msgspec.Struct, frozen=True):
    """A problem; see `docs/exit-codes.md` for its parts."""

    code: str
    title: str
    detail: str
    why: str
    where: str
    hint: str
    command: str
    exit_code: int


class Retold(Problem):
    """A problem as another process told it."""

    def __init__(self, told: Told) -> None:
        """Take over what was told, the code and the title too."""
        super().__init__(told.detail, why=told.why, where=told.where, hint=told.hint, command=told.command)
        vars(self).update(code=told.code, title=told.title, exit_code=ExitCode(told.exit_code))


AnyMessage = Event | Asking | Previewed | Reviewing | Confirming | Rejected | Working


def as_it_is(text: str) -> str:
    """Give `text`."""
    return text


def encode(message: msgspec.Struct, fit: Callable[[str], str] = as_it_is) -> bytes:
    """Give `message` as a line, its newline included; every text goes through `fit`, which masks secrets."""
    plain = msgspec.to_builtins(message, enc_hook=_to_plain)
    return msgspec.json.encode(_fitted(plain, fit)) + b"\n"


def decode(line: bytes) -> AnyMessage:
    """Read what `encode` wrote.

    Raises:
        msgspec.DecodeError: when it is something else.
    """
    return _decoder.decode(line)


def reply_of(line: bytes) -> Reply:
    """Read a reply.

    Raises:
        ValueError: with a sentence that tells what is wrong.
    """
    try:
        return msgspec.json.decode(line, type=Reply)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        message = _("a reply is a JSON object on one line: {error}", error=error)
        raise ValueError(message) from error


def schema() -> dict[str, Any]:
    """Give the JSON Schema of a line, whoever writes it."""
    (message, reply, _), components = msgspec.json.schema_components(
        (AnyMessage, Reply, list[Told]), schema_hook=_schema_of, ref_template="#/$defs/{name}"
    )
    for one in components.values():
        if "v" in one["properties"]:
            one["required"].append("v")  # it has a value in every message
    components["Reply"] |= {"minProperties": 1, "maxProperties": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hosted-engine:dialect:{VERSION}",
        "title": "The machine dialect of hosted-engine",
        "description": "An object a line: messages on standard output, replies on standard input.",
        "version": VERSION,
        "anyOf": [message, reply],
        "$defs": components,
    }


def told_of(problem: Problem) -> list[Told]:
    """Give a problem, or each of several, as data."""
    return [
        Told(one.code, one.headline, one.detail, one.why, one.where, one.hint, one.command, int(one.exit_code))
        for one in problem.problems()
    ]


def _to_plain(value: object) -> list[Told]:
    if isinstance(value, Problem):
        return told_of(value)
    message = f"{type(value).__name__} cannot be told"
    raise TypeError(message)


def _from_plain(_kind: type[Any], value: object) -> Problem:
    told = [Retold(one) for one in msgspec.convert(value, list[Told])]
    return told[0] if len(told) == 1 else Problems(told)


def _schema_of(_kind: type[Any]) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": "#/$defs/Told"}, "minItems": 1}


def _fitted(plain: Any, fit: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON
    """Give `plain` with every text fit, and as text that UTF-8 can say; seconds to a tenth."""
    if isinstance(plain, str):
        return fit(plain).encode("utf-8", "backslashreplace").decode()
    if isinstance(plain, float):
        return round(plain, 1)
    if isinstance(plain, dict):
        return {name: _fitted(value, fit) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_fitted(one, fit) for one in plain]
    return plain


DecodeError: Final = msgspec.DecodeError
_decoder: Final[msgspec.json.Decoder[AnyMessage]] = msgspec.json.Decoder(AnyMessage, dec_hook=_from_plain)
