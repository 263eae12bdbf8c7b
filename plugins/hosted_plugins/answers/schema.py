"""The JSON Schema of the answers, made from the questions; and answers held against it.

The answers of a run are one object: a property a key, its value in JSON's own types.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hosted_setup.interview import keys
from hosted_setup.interview.answer_file import Kind
from hosted_setup.interview.store import not_accepted, questions_by_key, refusal, value_of
from hosted_setup.model.messages import _
from hosted_setup.model.question import MISSING, text_of
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hosted_setup.interview.problems import AnswersProblem
    from hosted_setup.interview.store import Answers, Given
    from hosted_setup.model.question import Question

VERSION: Final = 1
"""Raised when a file that was valid no longer is."""
_ANY: Final = {"type": ["null", "boolean", "integer", "string"]}


def schema_of(sections: Iterable[type[Any]]) -> dict[str, Any]:
    """Give the schema of the answers to these sections; what else the original knows may stand there too."""
    asked = questions_by_key(sections)
    properties = {key: _property(questions) for key, questions in asked.items()}
    for key in sorted(keys.ORIGINAL - asked.keys() | {keys.DIALECT, keys.ACCEPT_DEFAULTS}):
        properties[key] = _reference("without-effect") | ({"writeOnly": True} if key in keys.SECRET else {})
    for key in sorted(keys.RETIRED - asked.keys()):
        properties[key] = _reference("retired")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:hosted-engine:answers:{VERSION}",
        "title": _("Answers of hosted-engine"),
        "version": VERSION,
        "type": "object",
        "properties": properties,
        "patternProperties": {f"^{keys.BY_QUESTION.pattern}$": _reference("without-effect")},
        "additionalProperties": False,
        "$defs": {
            "without-effect": {"description": _("Known to the original, without effect here."), **_ANY},
            "retired": {"description": _("Retired by the original in 2018, ignored."), "deprecated": True, **_ANY},
        },
    }


def violations(sections: tuple[type[Any], ...], answers: Answers) -> Iterator[AnswersProblem]:
    """Give what the schema says against the answers that won; secrets are not shown to it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - the rest of the command needs it not

    asked = questions_by_key(sections)
    chosen = {key: _chosen(asked[key], given) for key, given in answers.given.items()}
    shown = {
        key: _in_json(chosen[key], given) for key, given in answers.given.items() if not isinstance(given.text, Secret)
    }
    for error in Draft202012Validator(schema_of(sections)).iter_errors(shown):
        key = str(error.absolute_path[0])
        yield not_accepted(chosen[key], answers.given[key].origin, error.message)


def json_of(value: object) -> Any:  # noqa: ANN401 - any of JSON's types
    """Give the value of an answer in JSON's types.

    Raises:
        TypeError: for a Secret.
    """
    return value if value is None or type(value) in (bool, int) else text_of(value)


def _chosen(questions: list[Question], given: Given) -> Question:
    """Give the question that accepts the answer: two sections may ask for one key."""
    return next((question for question in questions if not refusal([question], given, None)), questions[0])


def _in_json(question: Question, given: Given) -> Any:  # noqa: ANN401 - any of JSON's types
    value = value_of(question, given)
    if given.kind is Kind.BOOL and value is not None:
        return given.text in ("True", "true")  # a text question accepts the word, but hardly means it
    return json_of(value)


def _property(questions: list[Question]) -> dict[str, Any]:
    described = [_described(question) for question in questions]
    return described[0] if len(described) == 1 else {"anyOf": described}


def _described(question: Question) -> dict[str, Any]:
    found = {"title": question.prompt} | ({"description": question.help} if question.help else {}) | _form(question)
    if question.optional:
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    if question.default is not MISSING:
        found["default"] = json_of(question.default)
    return found


def _form(question: Question) -> dict[str, Any]:
    kind = question.plain_type
    if kind is Secret:
        return {"type": "string", "minLength": 1, "writeOnly": True}
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer"}
    if choices := question.choices():
        return {"type": "string", "enum": list(choices)}
    if kind is Path:
        return {"type": "string", "pattern": "^/"}
    pattern = getattr(kind, "pattern", None)
    return {"type": "string"} | ({"pattern": f"^({pattern})$"} if pattern else {})


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}
