"""The words before a reply."""

from __future__ import annotations

import pytest

from hosted_setup.interview.frontends.wording import help_of, line_of
from hosted_setup.interview.section_interview import Prompt
from hosted_setup.model.answer import Origin, Source
from hosted_setup.model.question import questions_of
from tests.unit.interview.sections import ALL

SECRET = next(one for section in ALL for one in questions_of(section) if one.secret)


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, SECRET.prompt),
        (Origin(Source.DEFAULT), SECRET.prompt),
        (Origin(Source.TYPED), f"{SECRET.prompt} (empty keeps it)"),
        (Origin(Source.FILE, "a.conf:3"), f"{SECRET.prompt} (empty keeps it)"),
    ],
)
def test_a_secret_that_is_there_can_be_kept(origin: Origin | None, line: str) -> None:
    assert line_of(Prompt(SECRET, "", origin)) == line


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (Origin(Source.DEFAULT), "An empty reply takes the default."),
        (Origin(Source.FILE, "a.conf:3"), "An empty reply takes the default, which is from: a.conf:3."),
    ],
)
def test_the_help_tells_what_an_empty_reply_takes(origin: Origin, line: str) -> None:
    assert line in help_of(Prompt(SECRET, "", origin))
