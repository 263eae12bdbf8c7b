"""Replies of another program that are well-formed and still none for what was asked."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from hosted_setup.interview.frontend import Decline, Preview
from hosted_setup.interview.frontends.machine import MachineFrontend, Telling

if TYPE_CHECKING:
    from collections.abc import Callable


def told(reply: str, good: str, ask: Callable[[MachineFrontend], object]) -> tuple[str, object]:
    """Give why `reply` was rejected, and what `good` was then taken for."""
    out = io.StringIO()
    given = ask(MachineFrontend(Telling(out, lambda text: text), io.StringIO(f"{reply}\n{good}\n")))
    (rejected,) = (one for one in map(json.loads, out.getvalue().splitlines()) if one["type"] == "rejected")
    return rejected["reason"], given


@pytest.mark.parametrize(
    ("reply", "refused", "reason"),
    [
        ('{"reopen": 3}', False, "there is no answer 3"),
        ('{"answer": "yes"}', False, "a review wants confirm or reopen"),
        ('{"confirm": true}', True, "the problems that were told are still there"),
    ],
)
def test_a_reply_to_a_review(reply: str, refused: bool, reason: str) -> None:  # noqa: FBT001 - a table
    preview = Preview((), refused=refused)
    assert told(reply, '{"confirm": false}', lambda one: one.review(preview)) == (reason, Decline())


def test_a_reply_to_a_yes_or_no() -> None:
    ask: Callable[[MachineFrontend], object] = lambda one: one.confirm("Sure?", default=False)  # noqa: E731
    assert told('{"answer": "yes"}', '{"confirm": true}', ask) == ("confirm is wanted", True)
