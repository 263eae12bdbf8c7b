"""The runner: asks, checks all, confirms once, changes with its undo recorded first, goes on from where it died."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hosted_setup.model.events import Heading, StepBegun
from hosted_setup.model.problem import ExitCode, Problems
from hosted_setup.pipeline.journal import Begun, Done, Intent, Record
from hosted_setup.pipeline.runner import Declined, RunOutdated
from hosted_setup.pipeline.step import Step
from tests.unit.pipeline.kit import (
    Broken,
    First,
    Goal,
    Killed,
    Names,
    Refused,
    ScriptedAsker,
    items,
    kinds,
    made,
    recorded,
    run,
    world,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosted_setup.pipeline.plan import Item
    from hosted_setup.ports.host import Host

WHOLE = [
    "Begun look", "Done look", "Answered", "Begun name", "Done name", "Begun size", "Done size", "Confirmed",
    "Begun make_first", "Intent make_first", "Intent make_first", "Done make_first",
    "Begun make_second", "Intent make_second", "Done make_second",
    "Begun switch", "Done switch", "Committed", "Begun close", "Done close",
]  # fmt: skip
EVERYTHING = {"one", "beside", "second"}


def killing(place: int, when: str = "before") -> Callable[[str, Record], None]:
    """Give a watch that ends the process at record number `place`."""
    count = -1

    def watch(now: str, record: Record) -> None:
        nonlocal count
        count += now == "before"
        if count == place and now == when:
            raise Killed

    return watch


def changed(step: str, **fields: Any) -> tuple[Item, ...]:  # noqa: ANN401 - of a Step
    """Give the plan of a version in which `step` is another."""
    return tuple(
        replace(item, **fields) if isinstance(item, Step) and item.name.endswith(step) else item for item in items()
    )


def test_everything_is_recorded_in_order(host: Host) -> None:
    have = run(host)
    assert have[Goal] == Goal("reached")
    assert kinds(recorded(host)) == WHOLE
    assert made(host) == EVERYTHING


def test_an_intent_is_recorded_before_its_deed(host: Host) -> None:
    seen: list[tuple[str, set[str]]] = []

    def watch(when: str, record: Record) -> None:
        if when == "after" and isinstance(record, Intent):
            seen.append((str(bytes(record.data)), made(host)))

    run(host, watch=watch)
    assert [there for _, there in seen] == [set(), {"one"}, {"one", "beside"}]


def test_headings_and_steps_are_told(host: Host) -> None:
    run(host)
    events = host.reporter.events  # type: ignore[attr-defined] # the recorder
    assert [event.text for event in events if isinstance(event, Heading)] == [
        "Initializing", "Environment setup", "Environment customization", "Setup validation",
        "Transaction setup", "Misc configuration", "Transaction commit", "Closing up",
    ]  # fmt: skip
    steps = [event for event in events if isinstance(event, StepBegun)]
    assert steps[0] == StepBegun("Make the first", 1, 4)
    assert [(one.number, one.total) for one in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_all_checks_are_made_and_all_their_problems_told(host: Host) -> None:
    with pytest.raises(Problems) as caught:
        run(host, "size", "name")
    assert [problem.detail for problem in caught.value.members] == ["name", "size"]
    assert made(host) == set()


def test_one_problem_is_told_as_it_is(host: Host) -> None:
    with pytest.raises(Refused, match="size"):
        run(host, "size")


def test_the_confirmation_comes_after_the_checks_and_shows_the_effects(host: Host) -> None:
    asker = ScriptedAsker(yes=False)
    with pytest.raises(Declined):
        run(host, asker=asker)
    assert asker.effects == ("7 things are destroyed",)
    assert kinds(recorded(host))[-1] == "Done size"
    assert made(host) == set()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", range(len(WHOLE)))
def test_killed_at_any_record_it_goes_on_and_ends_the_same(host: Host, place: int, when: str) -> None:
    with pytest.raises(Killed):
        run(host, watch=killing(place, when))
    asker = ScriptedAsker()
    have = run(host, asker=asker)
    assert have[Goal] == Goal("reached")
    assert have[First] == First("one")
    assert made(host) == EVERYTHING
    assert asker.asked == [Names]
    assert (asker.effects is None) == (kinds(recorded(host)).index("Confirmed") < place + (when == "after"))


def test_a_done_step_is_not_done_again(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "second:problem")
    before = len(recorded(host))
    run(host)
    again = kinds(recorded(host))[before:]
    assert "Begun make_first" not in again
    assert again[:3] == ["Undone", "Reverted make_second", "Begun make_second"]


def test_a_step_that_no_longer_holds_is_taken_back_and_done_again(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "second:problem")
    (world(host) / "one").unlink()
    before = len(recorded(host))
    run(host)
    again = kinds(recorded(host))[before:]
    assert again[:5] == ["Undone", "Undone", "Undone", "Reverted make_first", "Begun make_first"]
    assert made(host) == EVERYTHING


def test_after_the_commit_nothing_is_taken_back(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "close:problem")
    (world(host) / "one").unlink()
    before = len(recorded(host))
    run(host)
    assert kinds(recorded(host))[before:] == ["Reverted close", "Begun close", "Done close"]


def test_the_commit_is_recorded_though_the_process_died_just_before(host: Host) -> None:
    with pytest.raises(Killed):
        run(host, watch=killing(WHOLE.index("Committed")))
    before = len(recorded(host))
    run(host)
    assert kinds(recorded(host))[before:] == ["Committed", "Begun close", "Done close"]


def test_a_step_of_another_version_is_not_resumed(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "second:problem")
    with pytest.raises(RunOutdated) as caught:
        run(host, plan=changed("make_first", version=2))
    assert caught.value.code == "HE-RUN-OUTDATED"
    assert caught.value.exit_code is ExitCode.UNFINISHED
    assert caught.value.command == "hosted-engine deploy --abort"
    assert made(host) == EVERYTHING


def test_past_the_commit_the_version_that_began_a_run_has_to_end_it(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "close:problem")
    with pytest.raises(RunOutdated) as caught:
        run(host, plan=changed("make_first", version=2))
    assert "the version of hosted-engine that began the run" in caught.value.hint
    assert caught.value.command == "hosted-engine deploy --resume"


def test_a_product_that_cannot_be_read_is_not_resumed(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "second:problem")
    with pytest.raises(RunOutdated):
        run(host, plan=changed("look", gives=First))


def test_answers_are_recorded_once_unless_they_change(host: Host) -> None:
    with pytest.raises(Broken):
        run(host, "first:problem")
    run(host)
    assert kinds(recorded(host)).count("Answered") == 1


def test_products_are_journaled_as_data(host: Host) -> None:
    run(host)
    done = {record.step: bytes(record.product) for record in recorded(host) if isinstance(record, Done)}
    assert done["tests.unit.pipeline.kit.make_first"] == b'{"name":"one"}'
    assert Begun("tests.unit.pipeline.kit.look", 1) in recorded(host)
