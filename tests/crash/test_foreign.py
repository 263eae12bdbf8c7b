"""What is somebody else's stays, under whatever name that an undo could hit, whenever it came there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.image.disk import RemovePointer, RemoveVolume
from hosted_plugins.network.handover import ClaimBridge, RemoveBridge
from hosted_plugins.network.steps import RemoveNetwork
from hosted_plugins.storage.steps import RemoveDomain
from hosted_plugins.vm.steps import RemoveVm
from hosted_setup.pipeline.codec import decode
from hosted_setup.pipeline.journal import Committed, Intent, Journal, Record
from hosted_setup.pipeline.run_files import RemoveRunFile
from hosted_setup.pipeline.undo import Undo
from hosted_setup.pipeline.writing import PutBack, RemoveFile, RemoveFolder
from hosted_setup.testing.portrait import changes
from hosted_setup.testing.state import Domain, Network, load, save

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosted_setup.storage.domain import StorageDomain
    from hosted_setup.testing.world import World
    from tests.crash.conftest import Scene

DONE, USAGE, UNFINISHED = 0, 2, 4
THEIRS: Final = "somebody else's\n"
DOMAIN: Final = "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid></domain>"
NETWORK: Final = "<network><name>{name}</name><uuid>{uuid}</uuid></network>"
OTHER: Final = "0b5e55ed-0000-4000-8000-000000000000"


def journal_of(scene: Scene) -> Path:
    (journal,) = scene.program.world.paths.runs.glob("*/journal.jsonl")
    return journal


def undo_of(intent: Intent) -> Undo:
    return decode(intent.data, Undo.registry[intent.undo])


def folder_of(domain: StorageDomain) -> Path:
    return Path(str(domain))


def paths_of(undo: Undo, run_id: str) -> list[Path]:
    """Give every path that an undo could remove.

    What lies in the run's own folder is left out: that folder is made exclusively, 0700, with the run's id in its name.
    """
    paths: list[Path] = []
    match undo:
        case RemoveDomain():
            root = folder_of(undo.domain)
            paths = [root.with_name(f".{root.name}.{run_id}"), root]
        case RemoveVolume():
            paths = [folder_of(undo.domain) / "images" / undo.volume]
        case RemovePointer():
            paths = [folder_of(undo.domain) / "images/current.json"]
        case RemoveFile() | RemoveFolder():
            paths = [undo.path]
        case PutBack():
            paths = [undo.kept]
        case RemoveRunFile() | RemoveVm() | RemoveNetwork() | RemoveBridge() | ClaimBridge():
            pass
        case _:
            message = f"{type(undo).__name__}: say here which names it could hit"
            raise AssertionError(message)
    return paths


def plant_file(path: Path) -> None:
    path.write_text(THEIRS)


def plant_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text(THEIRS)


def is_theirs(path: Path) -> bool:
    return (path / "file" if path.is_dir() else path).read_text() == THEIRS


def clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def plant_machine(world: World, undo: Undo, name: str, uuid: str | None) -> None:
    """Put a domain or network of somebody else's under a UUID or a name."""
    if isinstance(undo, RemoveVm):
        mine = uuid or undo.uuid
        xml = DOMAIN.format(name=name, uuid=mine)
        save(world.hypervisor.domain_file(mine), Domain(mine, name, xml, live=xml, boot=99))
    elif isinstance(undo, RemoveNetwork):
        mine = uuid or undo.uuid
        save(
            world.hypervisor.network_file(mine), Network(mine, name, NETWORK.format(name=name, uuid=mine), active=True)
        )


KINDS = {"a file": plant_file, "a folder with a file": plant_folder}


class Planter:
    """A watch that plants something under name number `which` of intent number `number`, before the deed."""

    def __init__(self, scene: Scene, number: int, which: int, plant: Callable[[Path], None]) -> None:
        self._scene = scene
        self._number = number
        self._which = which
        self._plant = plant

    def __call__(self, when: str, record: Record) -> None:
        if when == "after" and isinstance(record, Intent) and record.number == self._number:
            paths = paths_of(undo_of(record), journal_of(self._scene).parent.name)
            if self._which < len(paths) and not paths[self._which].exists():
                self._plant(paths[self._which])
                self._scene.note(json.dumps(str(paths[self._which])))


def take_back(scene: Scene) -> None:
    """Take the run back, by whatever way there is; after the commit point an unfinished run has none."""
    if scene.call("deploy", "--abort") == USAGE:
        scene.call("cleanup", "--yes")


def numbers(scene: Scene) -> range:
    return range(len([record for record in scene.records if isinstance(record, Intent)]))


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_before_the_deed_is_left_alone(scene: Scene, kind: str) -> None:
    planted = 0
    for number in numbers(scene):
        for which in range(2):
            scene.back_to("start")
            scene.call("restore", watch=Planter(scene, number, which, KINDS[kind]))
            if (noted := scene.noted()) is None:
                continue
            path = Path(json.loads(noted))
            told = f"{kind} at {path}, before intent {number}\n{scene.screen()}"
            assert "HE-BUG" not in scene.screen(), told
            take_back(scene)
            assert is_theirs(path), told
            planted += 1
    assert planted > 10


@pytest.mark.parametrize("kind", KINDS)
def test_what_took_our_place_is_left_alone(scene: Scene, kind: str) -> None:
    for number in numbers(scene):
        for which in range(2):
            scene.back_to("end")
            journal = journal_of(scene)
            with Journal(journal) as read:
                intent = next(one for one in read.records if isinstance(one, Intent) and one.number == number)
            paths = paths_of(undo_of(intent), journal.parent.name)
            if which < len(paths):
                clear(paths[which])
                KINDS[kind](paths[which])
                scene.call("cleanup", "--yes")
                places = [paths[which], paths[which].with_name("answers.conf")]  # what was kept is put back, never lost
                assert any(is_theirs(place) for place in places if place.exists()), (
                    f"{kind} at {paths[which]}, intent {number}\n{scene.screen()}"
                )


@pytest.mark.parametrize("undo", ["vm.remove", "network.remove"])
@pytest.mark.parametrize("taken", ["the name", "the UUID"])
def test_a_machine_of_somebody_elses_is_left_alone(scene: Scene, undo: str, taken: str) -> None:
    names = {"vm.remove": "HostedEngine", "network.remove": "hosted-engine"}
    name, uuid = (names[undo], OTHER) if taken == "the name" else ("theirs", None)

    def watch(when: str, record: Record) -> None:
        if when == "after" and isinstance(record, Intent) and record.undo == undo:
            plant_machine(scene.program.world, undo_of(record), name, uuid)
            scene.note("planted")

    scene.back_to("start")
    assert scene.call("restore", watch=watch) == UNFINISHED
    assert scene.noted() == "planted"
    assert ("HE-NAME-TAKEN" if taken == "the name" else "HE-LIBVIRT-FAULT") in scene.screen(), scene.screen()
    there = theirs(scene, name)
    assert there is not None
    assert scene.call("deploy", "--abort") == DONE
    assert theirs(scene, name) == there
    assert list(changes(scene.before, scene.portrait())) == [f"{'domain' if undo == 'vm.remove' else 'network'} {name}"]


@pytest.mark.parametrize("undo", ["vm.remove", "network.remove"])
def test_a_machine_that_took_our_place_is_left_alone(scene: Scene, undo: str) -> None:
    scene.back_to("start")
    committed = next(at for at, record in enumerate(scene.records) if isinstance(record, Committed))
    assert scene.kill(committed, "before", "restore")
    with Journal(journal_of(scene)) as read:
        intent = next(one for one in read.records if isinstance(one, Intent) and one.undo == undo)
    plant_machine(scene.program.world, undo_of(intent), "theirs", None)
    there = theirs(scene, "theirs")
    assert scene.call("deploy", "--abort") == DONE, scene.screen()
    assert theirs(scene, "theirs") == there


def theirs(scene: Scene, name: str) -> tuple[str, int] | str | None:
    """Give what tells that somebody else's machine is as it was."""
    hypervisor = scene.program.world.hypervisor
    for path in hypervisor.domains.glob("*.json"):
        domain = load(path, Domain)
        if domain is not None and domain.name == name:
            return domain.live, domain.boot
    for path in hypervisor.networks.glob("*.json"):
        network = load(path, Network)
        if network is not None and network.name == name and network.active:
            return network.xml
    return None
