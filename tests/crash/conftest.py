"""Worlds in which the program is killed."""

from __future__ import annotations

import gzip
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model import secret
from hosted_setup.model.values import GIB
from hosted_setup.testing.crash import Counter, Killer, in_a_process_of_its_own
from hosted_setup.testing.portrait import portrait
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosted_setup.pipeline.journal import Record
    from tests.flow.program import Observer


class Scene:
    """A world that is killed, copied, gone on with and taken back; always at the same place, since paths are in it."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, copied: bool = False, iscsi: bool = False
    ) -> None:
        """See one run through.

        `iscsi`: onto a LUN of a target that asks for a password.

        `copied`: from a gzip'd OVA, on a libvirt that takes no open files, onto the bridge of a host with ifupdown.
        """
        self._folder = folder
        self._place = folder / "world"
        self._errors = folder / "errors"
        self._inputs = Inputs.make(folder / "inputs")
        self._monkeypatch = monkeypatch
        self._answers = {"HOSTED_ENGINE__networkMode": "str:bridge"} if copied else {}
        self._iscsi = iscsi
        self.program = self._open(World.make(self._place))
        if copied:
            self._inputs.appliance.write_bytes(gzip.compress(self._inputs.appliance.read_bytes()))
            self.program.world.behaviour.passes_files = False
            self.program.world.save()
            interfaces = self.program.world.paths.root / "etc/network/interfaces"
            interfaces.parent.mkdir(parents=True)
            interfaces.write_text("auto eno1\niface eno1 inet static\n    address 192.0.2.10/24\n")
        older = self.program.world.paths.etc / "answers.conf"
        older.parent.mkdir(parents=True)
        older.write_text("# of an older deploy\n")
        self.before = self.portrait()
        self.keep("start")
        counter = Counter()
        self.program.observe = counter
        done = self.program.restore()  # imports all there is, too: the forked processes need not
        assert done.code == 0, done.out
        self.records: list[Record] = counter.records
        self.undisturbed = self.portrait()
        self.keep("end")

    def _open(self, world: World) -> Program:
        made = Program(world, self._inputs, self._monkeypatch)
        if self._iscsi:
            made.on_iscsi()
        else:
            made.answer(**self._answers)
        return made

    def portrait(self) -> dict[str, str]:
        return portrait(World.reopen(self._place), {self._inputs.folder: "<inputs>"})

    def keep(self, name: str) -> None:
        """Keep a copy of the world."""
        shutil.rmtree(self._folder / name, ignore_errors=True)
        shutil.copytree(self._place, self._folder / name, symlinks=True, copy_function=_copy)

    def back_to(self, name: str) -> None:
        """Put a kept copy of the world in its place."""
        shutil.rmtree(self._place)
        shutil.copytree(self._folder / name, self._place, symlinks=True, copy_function=_copy)
        self.program = self._open(World.reopen(self._place))

    def call(self, *arguments: str, watch: Observer | None = None) -> int:
        """Run the program in a process of its own; give its exit code, or minus the signal that killed it."""
        (self._folder / "note").unlink(missing_ok=True)
        self.program.observe = watch or (lambda _when, _record: None)
        done = in_a_process_of_its_own(lambda: self._called(*arguments), self._errors)
        assert done != 70, self._errors.read_text()
        return done

    def _called(self, *arguments: str) -> int:
        done = self.program.restore() if arguments == ("restore",) else self.program(*arguments)
        (self._folder / "screen").write_text(done.out)
        return done.code

    def screen(self) -> str:
        """Give what the last call that ended by itself has shown."""
        return (self._folder / "screen").read_text()

    def note(self, text: str) -> None:
        """Let the calling test know something, from within a call."""
        (self._folder / "note").write_text(text)

    def noted(self) -> str | None:
        """Give what the last call noted."""
        note = self._folder / "note"
        return note.read_text() if note.exists() else None

    def kill(self, place: int, when: str, *arguments: str) -> bool:
        """Run the program and kill it at a record; False when it ended before."""
        code = self.call(*arguments, watch=Killer(place, when))
        return code == -9


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    with _scene(copied=False) as made:
        yield made


@pytest.fixture(scope="session")
def copied_scene() -> Iterator[Scene]:
    with _scene(copied=True) as made:
        yield made


@pytest.fixture(scope="session")
def iscsi_scene() -> Iterator[Scene]:
    with _scene(iscsi=True) as made:
        yield made


def _copy(source: str, target: str) -> None:
    """Copy a file; one that stands for a LUN is larger than all memory, so its holes stay holes."""
    if Path(source).stat().st_size < GIB:
        shutil.copy2(source, target)
        return
    with Path(source).open("rb") as old, Path(target).open("xb") as new, suppress(OSError):  # ENXIO: no data any more
        new.truncate(old.seek(0, os.SEEK_END))
        end = 0
        while True:
            at = os.lseek(old.fileno(), end, os.SEEK_DATA)
            end = os.lseek(old.fileno(), at, os.SEEK_HOLE)
            os.pwrite(new.fileno(), os.pread(old.fileno(), end - at, at), at)


@contextmanager
def _scene(*, copied: bool = False, iscsi: bool = False) -> Iterator[Scene]:
    memory = Path("/dev/shm")  # a few hundred worlds are copied: four times as fast as on a disk
    with pytest.MonkeyPatch.context() as monkeypatch, TemporaryDirectory(dir=memory if memory.is_dir() else None) as at:
        monkeypatch.setattr("os.fsync", lambda _: None)  # what a killed process has written is there all the same
        monkeypatch.setattr(secret, "_known", set())
        yield Scene(Path(at), monkeypatch, copied=copied, iscsi=iscsi)
