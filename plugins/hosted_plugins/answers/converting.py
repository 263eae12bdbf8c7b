"""Answers from the variables of the Ansible role, and variables from answers; secrets go into neither."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hosted_plugins.answers.problems import VariablesName, VariablesSyntax
from hosted_plugins.answers.variables import KNOWN, OTHER_NAMES, ROWS, SECRET_WITHOUT_ANSWER, WITHOUT_ANSWER, Row
from hosted_plugins.answers.yaml_reading import Variable, read_variables
from hosted_plugins.network import MODE, OF_BRIDGE, NetworkMode
from hosted_setup.interview import keys, original, secrets
from hosted_setup.interview.answer_file import Kind, show_line
from hosted_setup.interview.answer_writer import secret_remark, typed
from hosted_setup.interview.problems import AnswersValue
from hosted_setup.interview.store import Given, questions_by_key, refusal, value_of
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.messages import N_, _
from hosted_setup.model.problem import Problem, Problems
from hosted_setup.model.question import parse_as
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from hosted_setup.model.question import Question

_TYPES: Final = {Kind.BOOL: bool, Kind.INT: int, Kind.STR: str}
_BOOLS: Final = {"yes": "True", "true": "True", "on": "True", "no": "False", "false": "False", "off": "False"}
_MEND: Final = N_("Mend the line, then run the same command again.")


@dataclass
class Converted:
    """The lines of the file to write, and what of the other file is not in it."""

    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def text(self, *head: str) -> str:
        """Give the file's text: the remarks are comments at its end."""
        return "\n".join(
            [*head, *self.lines, *(["", *(f"# {one}" for one in self.remarks)] if self.remarks else []), ""]
        )


def to_variables(answers: Mapping[str, Given], prompts: Mapping[str, str]) -> Converted:
    """Turn accepted answers, by key, into the lines of a YAML file; `prompts` are the questions' by key."""
    made = Converted()
    rows = {row.key: row for row in ROWS}
    for key, given in answers.items():
        row = rows.get(key)
        if row is None:
            made.remarks.append(_("{key}: not written, the role has no such variable", key=key))
        elif isinstance(given.text, Secret):
            told = _("{name} is secret and not written: give it by ansible-vault", name=row.variables[0])
            made.lines += _commented(prompts.get(key), f"# {told}")
        elif given.text.casefold() == "false" and given.kind is Kind.BOOL and row.kind is not Kind.BOOL:
            continue  # the original's way of saying that there is none
        else:
            made.lines += _commented(prompts.get(key), *_assignments(row, given.text, made.remarks))
    return made


def to_answers(path: Path, sections: tuple[type[Any], ...]) -> Converted:
    """Turn a YAML file of variables into the lines of an answer file.

    Raises:
        Problems: everything that is wrong in it.
        AnswersUnreadable, VariablesSyntax: it cannot be read at all.
        SecretsMode: it holds a secret, and others may read it.
    """
    content = secrets.read(path)
    variables = read_variables(content.text, path)
    asked = questions_by_key(sections)
    by_name = {OTHER_NAMES.get(one.name, one.name): one for one in variables}
    by_name |= {one.name: one for one in variables}
    made, problems = Converted(), [problem for one in variables if (problem := _unknown(one))]
    for row in ROWS:
        own = [by_name[name] for name in row.variables if name in by_name and not by_name[name].is_null]
        if not own:
            continue
        try:
            made.lines += _answer(row, own, asked, made.remarks)
        except Problem as problem:
            problems.append(problem)
        if row.key in keys.SECRET and content.unfit and not own[0].is_closed:
            problems.append(secrets.at_line(content.unfit, own[0].name, own[0].place))
    if MODE in asked and any(line.partition("=")[0] in OF_BRIDGE for line in made.lines):
        made.lines += _commented(asked[MODE][0].prompt, f"{MODE}={typed(NetworkMode.BRIDGE)}")
    for one in variables:
        if one.name in SECRET_WITHOUT_ANSWER and content.unfit and not one.is_closed:
            problems.append(secrets.at_line(content.unfit, one.name, one.place))
        if one.name in WITHOUT_ANSWER:
            made.remarks.append(_("{name}: not written, no answer says the same", name=one.name))
    if problems:
        raise Problems(problems)
    return made


def _unknown(variable: Variable) -> Problem | None:
    name = variable.name
    if name in KNOWN:
        return None
    close = difflib.get_close_matches(name, sorted(KNOWN), n=1, cutoff=0.7)
    hint = (
        _("Did you mean {close}?", close=close[0]) if close else _("No known variable is like it. Take the line out.")
    )
    why = _("the role hosted_engine_setup has no such variable, so it would have no effect")
    return VariablesName(name, why=why, where=variable.place, hint=hint, command=show_line(variable.place))


def _answer(row: Row, own: list[Variable], asked: Mapping[str, list[Question]], remarks: list[str]) -> Iterable[str]:
    """Give the lines of one answer.

    Raises:
        VariablesSyntax: a value is none that an answer could be made of.
        AnswersValue: the answer would not be accepted.
    """
    questions = asked.get(row.key, [])
    prompt = questions[0].prompt if questions else None
    names = ", ".join(one.name for one in own)
    if row.key in keys.SECRET:
        return _commented(prompt, secret_remark(row.key))
    for one in own:
        reason = one.strange or (_("only Ansible can tell what stands there") if one.is_closed else "")
        if reason or (one.is_list and not (row.separator and len(row.variables) == 1)):
            why = reason or _("it is a list")
            raise VariablesSyntax(one.name, why=why, where=one.place, hint=_(_MEND), command=show_line(one.place))
    if len(own) < len(row.variables):
        lacking = next(name for name in row.variables if name not in names)
        remarks.append(_("{names}: not written without {lacking}", names=names, lacking=lacking))
        return ()
    text = row.separator.join(item for one in own for item in one.items)
    if text == "max" and row.kind is Kind.INT:
        remarks.append(_("{names}: max is not written, without an answer what is there is measured", names=names))
        return ()
    if original.is_open(row.key, text):
        return ()
    if own[0].is_bool and row.kind is Kind.BOOL:
        text = _BOOLS[text.casefold()]
    if not questions:
        remarks.append(_("{names}: written, {key} has no effect in hosted-engine deploy", names=names, key=row.key))
    return _commented(prompt or names, f"{row.key}={typed(_value(row, questions, text, own[0]))}")


def _value(row: Row, questions: list[Question], text: str, variable: Variable) -> Any:  # noqa: ANN401 - of any question
    given = Given(row.key, text, Origin(Source.FILE, variable.place))
    try:
        reason = refusal(questions, given, None) if questions else ""
        if not reason and questions:
            return value_of(next(one for one in questions if not refusal([one], given, None)), given)
        if not reason:
            return parse_as(_TYPES[row.kind], text)
    except ValueError as error:
        reason = str(error)
    place = variable.place
    raise AnswersValue(variable.name, why=reason, where=place, hint=_(_MEND), command=show_line(place))


def _assignments(row: Row, text: str, remarks: list[str]) -> Iterator[str]:
    if len(row.variables) == 1:
        items = ", ".join(_in_yaml(row.kind, item.strip()) for item in text.split(row.separator or "\n"))
        yield f"{row.variables[0]}: [{items}]" if row.separator else f"{row.variables[0]}: {items}"
        return
    first, separator, second = text.rpartition(row.separator)
    if not separator:
        remarks.append(
            _("{key}: not written, its value is not {form}", key=row.key, form=f" {row.separator} ".join(row.variables))
        )
        return
    yield f"{row.variables[0]}: {_in_yaml(Kind.STR, first)}"
    yield f"{row.variables[1]}: {_in_yaml(Kind.STR, second)}"


def _in_yaml(kind: Kind, text: str) -> str:
    if kind is Kind.BOOL and text.casefold() in _BOOLS:
        return _BOOLS[text.casefold()].lower()
    if kind is Kind.INT and text.isascii() and text.isdigit():
        return str(int(text))
    quoted = json.dumps(text, ensure_ascii=False)
    return f"!unsafe {quoted}" if "{{" in text or "{%" in text or "{#" in text else quoted


def _commented(prompt: str | None, *lines: str) -> list[str]:
    return ["", *([f"# {prompt}"] if prompt else []), *lines] if lines else []
