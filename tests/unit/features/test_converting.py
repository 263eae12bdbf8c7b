"""Answers become variables and come back the same, whatever their texts are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosted_plugins.answers.converting import to_answers, to_variables
from hosted_plugins.answers.variables import KNOWN, OTHER_NAMES, ROWS, WITHOUT_ANSWER, Row
from hosted_setup.interview import keys
from hosted_setup.interview.answer_file import Kind
from hosted_setup.interview.loading import load
from hosted_setup.interview.original import is_open
from hosted_setup.interview.store import Given
from hosted_setup.model.answer import Origin, Source

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: Final = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp")) | st.sampled_from("\t'\"#:{}[]&*!|>%@`\\"), max_size=20
).map(str.strip)
OPEN: Final = [row for row in ROWS if row.key not in keys.SECRET]


def texts(row: Row) -> st.SearchStrategy[str]:
    if row.kind is Kind.BOOL:
        return st.sampled_from(["True", "False"])
    if row.kind is Kind.INT:
        return st.integers(0, 10**9).map(str)
    if len(row.variables) == 2:
        return st.tuples(PLAIN, PLAIN.filter(lambda text: row.separator not in text)).map(row.separator.join)
    if row.separator:
        return st.lists(PLAIN.filter(lambda text: row.separator not in text), min_size=1, max_size=3).map(
            row.separator.join
        )
    return PLAIN


ANSWERS: Final = st.lists(st.sampled_from(OPEN), unique=True).flatmap(
    lambda rows: st.fixed_dictionaries({row.key: texts(row) for row in rows})
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, database=None)
@given(answers=ANSWERS)
def test_there_and_back(answers: dict[str, str], tmp_path: Path) -> None:
    kinds = {row.key: row.kind for row in ROWS}
    origin = Origin(Source.FILE, "a.conf:1")
    made = to_variables({key: Given(key, text, origin, kinds[key]) for key, text in answers.items()}, {})
    assert not made.remarks
    there, back = tmp_path / "there.yml", tmp_path / "back.conf"
    there.write_text(made.text("---"))
    back.write_text(to_answers(there, ()).text("[environment:default]"))
    read = load((), files=[back], checks=False)
    own = {"HOSTED_ENGINE/vmName"}  # no section is given here, so the reader does not know this key
    assert [problem.detail for problem in read.problems] == [key for key in own if key in answers]
    assert {entry.key: entry.text for entry in read.entries} == {
        key: text for key, text in answers.items() if not is_open(key, text)
    }


def test_every_variable_is_there_once() -> None:
    in_rows = [variable for row in ROWS for variable in row.variables]
    assert len(in_rows) == len(set(in_rows))
    assert not set(in_rows) & (WITHOUT_ANSWER | OTHER_NAMES.keys())
    assert len(KNOWN) == 107  # as many as the role has
    assert {row.key for row in ROWS} - keys.ORIGINAL == {"HOSTED_ENGINE/vmName"}
