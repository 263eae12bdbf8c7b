"""kill -9 before and after every record of a deploy with restore; then it is resumed, and in another copy aborted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosted_setup.pipeline.journal import Committed, Confirmed, Head, Intent
from hosted_setup.testing.portrait import changes

if TYPE_CHECKING:
    from tests.crash.conftest import Scene

KILLED, DONE, USAGE, UNFINISHED = -9, 0, 2, 4


def describe(scene: Scene, place: int, when: str) -> str:
    return f"killed {when} record {place}, {scene.records[place]}\n{scene.screen()}"


def place_of(scene: Scene, kind: type[object]) -> int:
    return next(at for at, record in enumerate(scene.records) if isinstance(record, kind))


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_record_it_is_resumed_or_taken_back(scene: Scene, when: str) -> None:
    committed = place_of(scene, Committed)
    for place in range(len(scene.records)):
        scene.back_to("start")
        assert scene.kill(place, when, "restore"), f"it was to be killed {when} record {place}"
        scene.keep("killed")
        headless = place == place_of(scene, Head) and when == "before"
        forward_only = place + (when == "after") > committed
        ended = place == len(scene.records) - 1 and when == "after"

        assert scene.call("deploy", "--resume") == (USAGE if headless or ended else DONE), describe(scene, place, when)
        if not headless:
            assert changes(scene.undisturbed, scene.portrait()) == {}, describe(scene, place, when)

        scene.back_to("killed")
        killed = scene.portrait()
        code = scene.call("deploy", "--abort")
        if headless or ended:
            assert code == USAGE
        elif forward_only:
            assert code == UNFINISHED
            assert "HE-RUN-COMMITTED" in scene.screen()
            assert changes(killed, scene.portrait()) == {}
        else:
            assert code == DONE, describe(scene, place, when)
            assert changes(scene.before, scene.portrait()) == {}, describe(scene, place, when)


def test_killed_at_every_change_it_copies_anew_or_takes_its_copies_back(copied_scene: Scene) -> None:
    scene = copied_scene
    assert "bridge.remove" in [record.undo for record in scene.records if isinstance(record, Intent)]
    for place in range(place_of(scene, Confirmed), place_of(scene, Committed)):
        scene.back_to("start")
        assert scene.kill(place, "after", "restore")
        scene.keep("killed")
        assert scene.call("deploy", "--resume") == DONE, describe(scene, place, "after")
        assert changes(scene.undisturbed, scene.portrait()) == {}, describe(scene, place, "after")
        scene.back_to("killed")
        assert scene.call("deploy", "--abort") == DONE, describe(scene, place, "after")
        assert changes(scene.before, scene.portrait()) == {}, describe(scene, place, "after")


def test_killed_at_every_change_on_a_lun_it_goes_on_or_leaves_the_lun_empty(iscsi_scene: Scene) -> None:
    scene = iscsi_scene
    assert "secret.remove" in [record.undo for record in scene.records if isinstance(record, Intent)]
    assert any(name.startswith("lun ") and "he-disk" in text for name, text in scene.undisturbed.items())
    for place in range(place_of(scene, Confirmed), place_of(scene, Committed)):
        scene.back_to("start")
        assert scene.kill(place, "after", "restore")
        scene.keep("killed")
        assert scene.call("deploy", "--resume") == DONE, describe(scene, place, "after")
        assert changes(scene.undisturbed, scene.portrait()) == {}, describe(scene, place, "after")
        scene.back_to("killed")
        assert scene.call("deploy", "--abort") == DONE, describe(scene, place, "after")
        assert changes(scene.before, scene.portrait()) == {}, describe(scene, place, "after")


def test_a_run_has_all_the_records_that_matter(scene: Scene) -> None:
    undos = [record.undo for record in scene.records if isinstance(record, Intent)]
    assert len(scene.records) > 80
    assert {
        "network.remove", "storage-domain.remove", "volume.remove", "run.file", "vm.remove", "disk.pointer",
        "folder.remove", "file.remove", "file.put-back",
    } == set(undos)  # fmt: skip
    assert place_of(scene, Confirmed) < place_of(scene, Intent) < place_of(scene, Committed)


def intents(scene: Scene) -> list[int]:
    """Give the places of the intents before the commit, each a world with one thing more to take back."""
    committed = place_of(scene, Committed)
    return [at for at, record in enumerate(scene.records[:committed]) if isinstance(record, Intent)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_is_taken_back_it_is_taken_back_again(scene: Scene, when: str) -> None:
    for place in intents(scene):
        scene.back_to("start")
        assert scene.kill(place + 1, "before", "restore")
        scene.keep("killed")
        kills = 0
        while scene.kill(kills, when, "deploy", "--abort"):
            assert scene.call("deploy", "--abort") in (DONE, USAGE)  # usage: it was killed after its very end
            assert changes(scene.before, scene.portrait()) == {}, describe(scene, place, f"and at undo {kills}")
            scene.back_to("killed")
            kills += 1
        assert kills == 2 + intents(scene).index(place), "one record an undo, and the end"


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_is_resumed_it_is_resumed_again(scene: Scene, when: str) -> None:
    scene.back_to("start")
    assert scene.kill(intents(scene)[4] + 1, "before", "restore")  # a VM that was started, with much to take back
    scene.keep("killed")
    kills = 0
    while scene.kill(kills, when, "deploy", "--resume"):
        assert scene.call("deploy", "--resume") in (DONE, USAGE), scene.screen()
        assert changes(scene.undisturbed, scene.portrait()) == {}, f"killed {when} record {kills} of the resume"
        scene.back_to("killed")
        kills += 1
    assert kills > 20


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_is_cleaned_up_it_is_cleaned_up_again(scene: Scene, when: str) -> None:
    kills = 0
    scene.back_to("end")
    while scene.kill(kills, when, "cleanup", "--yes"):
        assert scene.call("cleanup", "--yes") == DONE, scene.screen()
        assert changes(scene.before, scene.portrait()) == {}, f"killed {when} record {kills} of the cleanup"
        scene.back_to("end")
        kills += 1
    assert kills == 1 + len([record for record in scene.records if isinstance(record, Intent)])
