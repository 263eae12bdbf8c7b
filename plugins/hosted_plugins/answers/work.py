"""Shows, checks, describes and converts answer files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hosted_plugins.answers.converting import Converted, to_answers, to_variables
from hosted_plugins.answers.schema import schema_of, violations
from hosted_plugins.deploy import sections
from hosted_plugins.storage import StorageBackends
from hosted_setup.interview import keys, original
from hosted_setup.interview.answer_file import Kind
from hosted_setup.interview.answer_writer import put
from hosted_setup.interview.loading import load
from hosted_setup.interview.store import questions_by_key
from hosted_setup.model.events import Failed, Info, Warn
from hosted_setup.model.messages import N_, _
from hosted_setup.model.problem import ExitCode, Problem, Problems, exit_code_of
from hosted_setup.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from hosted_setup.app import App
    from hosted_setup.interview.answer_file import Entry
    from hosted_setup.interview.store import Answers

_HEADS: Final = {
    "otopi": (
        N_("Answers of hosted-engine, from Ansible variables. Use them with --config-append=THIS_FILE."),
        "[environment:default]",
    ),
    "ansible": (
        N_("Variables of the Ansible role ovirt.ovirt.hosted_engine_setup, from answers of hosted-engine."),
        "---",
    ),
}


def show(app: App, files: Sequence[Path], *, as_json: bool) -> int:
    """Print every answer that the files give, and what is wrong; 2 when anything is."""
    asked = sections(app.registry())
    answers = load(asked, files=files)
    known = questions_by_key(asked)
    told = [(entry, *_state(entry, answers, known)) for entry in answers.entries]
    if as_json:
        _print(json.dumps(_as_json(told, answers), indent=2, ensure_ascii=False))
        return ExitCode.USAGE if answers.problems else ExitCode.DONE
    for key in dict.fromkeys(entry.key for entry, *_rest in told):
        _print(key)
        for entry, state, place in told:
            if entry.key == key:
                where = f"({entry.place}, {entry.layer.name.lower()})"
                _print(f"    {_shown(entry)}  {where}  {_(state, place=place)}")
    return _told(app, answers)


def lint(app: App, files: Sequence[Path]) -> int:
    """Tell everything that is wrong in the files, and what they leave open; 2 when anything is wrong."""
    registry = app.registry()
    asked = sections(registry)
    answers = load(asked, files=files, products={StorageBackends: StorageBackends(registry.storage_backends())})
    code = _told(app, answers, tuple(violations(asked, answers)))
    frontend = app.frontend("replay")
    if answers.complete:
        for question in answers.unanswered(sections(registry, answers)):
            frontend.emit(Info(_("Not answered here: {prompt} ({key})", prompt=question.prompt, key=question.key)))
    if code == ExitCode.DONE:
        frontend.emit(Info(_("Nothing is wrong. Answers: {count}.", count=len(answers.entries))))
    return code


def schema(app: App) -> int:
    """Print the JSON Schema of a deploy's answers."""
    _print(json.dumps(schema_of(sections(app.registry())), indent=2, ensure_ascii=False))
    return ExitCode.DONE


def convert(app: App, file: Path, to: str, output: Path | None) -> int:
    """Write what `file` says in the other format, to `output` or on standard output; 2 when anything is wrong."""
    asked = sections(app.registry())
    frontend = app.frontend("replay")
    try:
        made = to_answers(file, asked) if to == "otopi" else _variables(file, asked)
        head, begin = _HEADS[to]
        text = made.text(f"# {_(head)}", begin)
        if output:
            put(output, text)
    except Problem as problem:
        frontend.emit(Failed(problem))
        return exit_code_of(problem)
    if output is None:
        _print(text.removesuffix("\n"))
        return ExitCode.DONE
    for remark in made.remarks:
        frontend.emit(Info(remark))
    frontend.emit(Info(_("Written: {output}", output=output)))
    return ExitCode.DONE


def _variables(file: Path, asked: tuple[type[Any], ...]) -> Converted:
    answers = load(asked, files=[file], checks=False)
    if answers.problems:
        raise Problems(answers.problems)
    prompts = {key: questions[0].prompt for key, questions in questions_by_key(asked).items()}
    made = to_variables({**answers.given, **answers.unused}, prompts)
    retired = {entry.key: None for entry in answers.entries if entry.key in keys.RETIRED}
    made.remarks += [_("{key}: not written, retired in 2018", key=key) for key in retired]
    return made


def _told(app: App, answers: Answers, more: tuple[Problem, ...] = ()) -> int:
    frontend = app.frontend("replay")
    for notice in answers.notices:
        frontend.emit(notice)
    problems = Problems((*answers.problems, *more))
    if not problems.members:
        return ExitCode.DONE
    frontend.emit(Failed(problems))
    return exit_code_of(problems)


def _state(entry: Entry, answers: Answers, asked: Collection[str]) -> tuple[str, str]:
    """Say what became of one answer, and where the one stands that overrules it; `asked` are the keys of questions."""
    winner = answers.given.get(entry.key) or answers.unused.get(entry.key)
    if winner and winner.origin.place != entry.place:
        return N_("overruled by {place}"), winner.origin.place
    if winner:
        return N_("wins") if entry.key in answers.given else N_("without effect here"), ""
    if entry.key in answers.refused:
        return N_("refused"), ""
    match keys.standing(entry.key, asked):
        case keys.Standing.RETIRED:
            return N_("retired"), ""
        case keys.Standing.UNKNOWN:
            return N_("unknown"), ""
    return N_("takes the answer back") if original.takes_back(entry) else N_("taken back"), ""


def _shown(entry: Entry) -> str:
    if entry.kind is Kind.NONE:
        return _("(none)")
    return str(entry.text).replace("\n", ", ") or _("(empty)")


def _as_json(told: Sequence[tuple[Entry, str, str]], answers: Answers) -> dict[str, Any]:
    return {
        "answers": [
            {
                "key": entry.key,
                "type": entry.kind,
                "value": None if isinstance(entry.text, Secret) else entry.text,
                "secret": isinstance(entry.text, Secret),
                "file": str(entry.path),
                "line": entry.line,
                "section": entry.layer.name.lower(),
                "state": state.format(place=place),  # as it is in the code: programs read it
            }
            for entry, state, place in told
        ],
        "notices": [notice.text for notice in answers.notices if isinstance(notice, Info | Warn)],
        "problems": [
            {name: getattr(problem, name) for name in ("code", "title", "detail", "why", "where", "hint", "command")}
            for problem in answers.problems
        ],
    }


def _print(text: str) -> None:
    print(text)  # noqa: T201 - the output asked for
