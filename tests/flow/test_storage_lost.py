"""Storage that fails under a VM at work: told at once, waited for within limits, gone on with when it is back."""

from __future__ import annotations

import errno
import os
import re
from threading import Event
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.ports.machine import Space
from hosted_setup.storage import watch
from hosted_setup.testing.behaviour import HEALTH, RESTORE_FAILS
from hosted_setup.testing.domains import FakeDomains
from hosted_setup.testing.images import FakeImages
from hosted_setup.testing.portrait import changes, portrait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosted_setup.ports.images import DiskSource
    from tests.flow.program import Program

QUICK = ("--timeout-factor=0.05",)
REFUSED = f"nas:/export: {os.strerror(errno.ECONNREFUSED)}"


def full(_tree: LocalTree) -> Space:
    return Space(1 << 40, 5 << 20)


def down(_tree: LocalTree) -> Space:
    raise ConnectionRefusedError(errno.ECONNREFUSED, REFUSED)


@pytest.fixture
def hung() -> Iterator[Callable[[LocalTree], Space]]:
    over = Event()

    def space(_tree: LocalTree) -> Space:
        over.wait()
        return Space(1 << 40, 1 << 40)

    yield space
    over.set()


def stalling(program: Program) -> None:
    """Have the guest meet an error of its storage in the middle of the restore."""
    script = program.world.behaviour.guest
    script.restore = (*script.restore[:2], "!stall", *script.restore[2:])


def test_a_vm_that_its_storage_stopped_goes_on_by_itself(program: Program) -> None:
    stalling(program)
    done = program.restore()
    assert done.code == 0, done.out


LOST = ("HE-STORAGE-LOST: The engine VM has lost its storage", "did not come back within 15 s")
FULL = ("HE-STORAGE-FULL: The engine VM's storage is full", "got no room within 15 s")


@pytest.mark.parametrize(("space", "why", "problem"), [(full, "it is full (5 MiB free)", FULL), (down, REFUSED, LOST)])
def test_it_is_told_at_once_and_a_resume_goes_on_with_the_same_vm(
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    space: Callable[[LocalTree], Space],
    why: str,
    problem: tuple[str, str],
) -> None:
    stalling(program)
    with monkeypatch.context() as patch:
        patch.setattr(LocalTree, "space", space)
        done = program.restore(*QUICK)
    assert done.code == 4, done.out
    assert f"The engine VM has to wait for the storage {program.world.storage} to come back: {why}" in done.out
    assert problem[0] in done.out
    assert f"{program.world.storage} {problem[1]}" in done.out
    (volume,) = program.world.storage.glob("*/images/*-*")
    resumed = program("deploy", "--resume")
    assert resumed.code == 0, resumed.out
    assert volume.is_dir()


def test_it_is_taken_back_while_it_is_full(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    before = portrait(program.world)
    stalling(program)
    monkeypatch.setattr(LocalTree, "space", full)
    assert program.restore(*QUICK).code == 4
    aborted = program("deploy", "--abort")
    assert aborted.code == 0, aborted.out
    assert changes(before, portrait(program.world)) == {}


def test_what_comes_back_in_time_is_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = LocalTree.space, iter(range(99))
    stalling(program)
    monkeypatch.setattr(LocalTree, "space", lambda tree: down(tree) if next(asked) < 3 else real(tree))
    done = program.restore()
    assert done.code == 0, done.out
    assert "The storage is back; the engine VM goes on" in done.out


def test_a_vm_that_cannot_go_on_is_told_and_made_anew_once_it_is_off(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalling(program)
    with monkeypatch.context() as patch:
        patch.setattr(FakeDomains, "go_on", lambda *_: None)
        done = program.restore(*QUICK)
    assert done.code == 4, done.out
    assert "it answers, and yet an error of it stops the engine VM again and again" in done.out
    assert "the engine VM did not go on within 15 s" in done.out
    (uuid,) = re.findall(r"virsh -c \S+ destroy (\S+)", done.out)
    (volume,) = program.world.storage.glob("*/images/*-*")
    program.world.hypervisor.destroy(uuid)
    resumed = program("deploy", "--resume")
    assert resumed.code == 0, resumed.out
    assert not volume.is_dir(), "nobody can vouch for what that VM has left"


def test_a_server_that_hangs_ends_in_a_problem(
    program: Program, monkeypatch: pytest.MonkeyPatch, hung: Callable[[LocalTree], Space]
) -> None:
    monkeypatch.setattr(watch, "SILENT", 0.05)
    monkeypatch.setattr(LocalTree, "space", hung)
    done = program.restore(*QUICK)
    assert (done.code, "HE-STORAGE-LOST" in done.out) == (4, True), done.out
    assert "no answer for 0.05 s" in done.out


def test_it_is_looked_at_while_the_engine_is_waited_for(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour = program.world.behaviour
    behaviour.guest.setup = (*behaviour.guest.setup, "!stall")
    behaviour.health = "DB Down!"
    with monkeypatch.context() as patch:
        patch.setattr(LocalTree, "space", full)
        done = program.restore(*QUICK)
    assert done.code == 4, done.out
    assert FULL[0] in done.out.partition("] Wait for the engine (")[2]
    behaviour.health = HEALTH
    resumed = program("deploy", "--resume")
    assert resumed.code == 0, resumed.out


def test_an_appliance_that_cannot_be_read_past_the_cache_is_copied_before_the_vm_starts(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.on_iscsi()
    monkeypatch.setattr("hosted_plugins.image.disk.passes_cache", lambda path: path != program.inputs.appliance)
    real, copied = FakeImages.convert, []

    def convert(images: FakeImages, source: DiskSource, disk: DiskSource, progress: Callable[[float], None]) -> None:
        copied.append(str(source.at))
        real(images, source, disk, progress)

    monkeypatch.setattr(FakeImages, "convert", convert)
    done = program.restore()
    assert done.code == 0, done.out
    assert len(copied) == 1


def test_it_is_looked_at_while_the_disk_is_written(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    real_create, real, asked, back = FakeImages.create, LocalTree.space, iter(range(9999)), Event()

    def create(images: FakeImages, disk: DiskSource, size: int) -> None:
        assert back.wait(60)
        real_create(images, disk, size)

    def space(tree: LocalTree) -> Space:
        times = next(asked)
        if times > 3:  # what the third look has found is told by now
            back.set()
        return down(tree) if times < 2 else real(tree)

    monkeypatch.setattr(watch, "EVERY", 0.01)
    monkeypatch.setattr(FakeImages, "create", create)
    monkeypatch.setattr(LocalTree, "space", space)
    done = program.restore()
    assert done.code == 0, done.out
    waits = f"The copy of the disk has to wait for the storage {program.world.storage} to come back: {REFUSED}"
    assert done.out.count(waits) == 1
    assert done.out.count("The storage is back; the copy of the disk goes on") == 1


def test_what_an_abort_cannot_reach_is_named_and_taken_back_once_it_is_there(program: Program) -> None:
    lun = program.on_iscsi()
    before = portrait(program.world)
    program.world.behaviour.guest.restore = RESTORE_FAILS
    assert program.restore().code == 4
    lun.rename(lun.with_suffix(".away"))
    away = program("deploy", "--abort")
    assert away.code == 4, away.out
    (told,) = re.findall(r"What: +(storage domain .*)", away.out)
    assert "HE-UNDO" in away.out
    assert "hosted-engine deploy --abort" in away.out.partition(told)[2]
    assert "libvirt's secret" in away.out.partition("[ ERROR ]")[2], "without it nobody would reach what is left"
    lun.with_suffix(".away").rename(lun)
    done = program("deploy", "--abort")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}
