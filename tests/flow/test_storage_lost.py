"""Storage that fails under a VM at work: told at once, waited for within limits, gone on with when it is back."""

from __future__ import annotations

import errno
import os
from threading import Event
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.ports.machine import Space
from hosted_setup.storage import watch
from hosted_setup.testing.portrait import changes, portrait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.mark.parametrize(("space", "why"), [(full, "it is full (5 MiB free)"), (down, REFUSED)])
def test_it_is_told_at_once_and_a_resume_goes_on_with_the_same_vm(
    program: Program, monkeypatch: pytest.MonkeyPatch, space: Callable[[LocalTree], Space], why: str
) -> None:
    stalling(program)
    with monkeypatch.context() as patch:
        patch.setattr(LocalTree, "space", space)
        done = program.restore(*QUICK)
    assert done.code == 4, done.out
    assert f"The engine VM has to wait for the storage {program.world.storage} to come back: {why}" in done.out
    assert "HE-STORAGE-LOST: The engine VM has lost its storage" in done.out
    assert f"{program.world.storage} did not come back within 15 s" in done.out
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


def test_a_server_that_hangs_ends_in_a_problem(
    program: Program, monkeypatch: pytest.MonkeyPatch, hung: Callable[[LocalTree], Space]
) -> None:
    monkeypatch.setattr(watch, "SILENT", 0.05)
    monkeypatch.setattr(LocalTree, "space", hung)
    done = program.restore(*QUICK)
    assert (done.code, "HE-STORAGE-LOST" in done.out) == (4, True), done.out
    assert "no answer for 0.05 s" in done.out
