"""What an operator reads at a question."""

from __future__ import annotations

from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy import sections
from hosted_setup.model.question import questions_of
from hosted_setup.registry import Registry


def test_every_question_that_is_asked_has_a_line_of_help() -> None:
    found = sections(Registry((*COMMANDS, *FEATURES), third_parties=False))
    helps = {one.key: one.help for section in found for one in questions_of(section) if one.asked}
    assert helps
    assert [key for key, text in helps.items() if not text or "\n" in text] == []
