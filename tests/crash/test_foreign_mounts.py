"""What somebody mounts where an undo removes is neither taken away nor reached through; it has to go first."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.image.disk import RemoveVolume
from hosted_plugins.storage.steps import RemoveDomain
from hosted_plugins.vm.steps import RemoveVm
from hosted_setup.pipeline.journal import Committed, Intent, Journal, Record
from hosted_setup.pipeline.run_files import RemoveRunFile
from hosted_setup.testing.crash import in_a_process_of_its_own
from hosted_setup.testing.portrait import changes
from tests.crash.test_foreign import DONE, UNFINISHED, folder_of, journal_of, paths_of, take_back, undo_of
from tests.lab.inside import bind, mount

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosted_setup.pipeline.undo import Undo
    from tests.crash.conftest import Scene

NEW_MOUNTS: Final = 0x00020000  # CLONE_NEWNS
THEIRS: Final = "somebody else's\n"


def among_private_mounts(body: Callable[[], None], folder: Path) -> None:
    """Run `body` in a process whose mounts nobody else sees, and which are gone with it."""

    def call() -> int:
        if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS):
            raise OSError(ctypes.get_errno(), "unshare")
        mount("--make-rprivate", "/")
        body()
        return 0

    errors = folder / "errors"
    assert in_a_process_of_its_own(call, errors) == 0, errors.read_text()


def everything(path: Path) -> dict[str, bytes]:
    """Give what is at `path`, or in it."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(one.relative_to(path)): one.read_bytes() if one.is_file() else b"" for one in path.rglob("*")}


def places(undo: Undo, run_dir: Path) -> list[Path]:
    """Give every path that an undo removes, or looks into for what it removes."""
    found = paths_of(undo, run_dir.name)
    match undo:
        case RemoveDomain():
            names = ("conf", "conf/vm.conf", "images", "ha_agent", "dom_md", "dom_md/metadata")
            found += [folder_of(undo.domain) / name for name in names]
        case RemoveVolume():
            found.append(folder_of(undo.domain) / "images" / undo.volume / undo.volume)
        case RemoveRunFile():
            found.append(run_dir / undo.name_in_run)
        case RemoveVm():
            found += run_dir.glob("*.log")
    return found


def standing(scene: Scene) -> list[Path]:
    """Give all that an undo of the scene's run would remove now."""
    journal = journal_of(scene)
    with Journal(journal) as read:
        undos = [undo_of(one) for one in read.records if isinstance(one, Intent)]
    found = dict.fromkeys(path for undo in undos for path in places(undo, journal.parent))
    return [path for path in found if path.exists()]


@pytest.fixture(scope="module")
def ends(scene: Scene) -> dict[str, tuple[str, ...]]:
    """Keep a world just before the commit point; give how each kept world is taken back."""
    scene.back_to("start")
    committed = next(at for at, record in enumerate(scene.records) if isinstance(record, Committed))
    assert scene.kill(committed, "before", "restore")
    scene.keep("killed")
    return {"killed": ("deploy", "--abort"), "end": ("cleanup", "--yes")}


@pytest.mark.parametrize("world", ["killed", "end"])
def test_what_was_mounted_over_ours(scene: Scene, ends: dict[str, tuple[str, ...]], world: str, tmp_path: Path) -> None:
    scene.back_to(world)
    found = standing(scene)
    assert len(found) > 8
    for number, path in enumerate(found):
        copy = scene.program.world.root.parent / f"theirs-{world}-{number}"  # of the same file system

        def body(path: Path = path, copy: Path = copy) -> None:
            scene.back_to(world)
            # As like ours as can be: the same names, contents and marks.
            shutil.copytree(path, copy, symlinks=True) if path.is_dir() else shutil.copy2(path, copy)
            before = everything(copy)
            bind(copy, path)
            assert scene.call(*ends[world]) == UNFINISHED, scene.screen()
            assert "HE-UNDO" in scene.screen()
            assert f"something is mounted on {path}: it is left alone" in scene.screen()
            assert everything(path) == before
            subprocess.run(["umount", path], check=True)
            assert everything(copy) == before
            assert scene.call(*ends[world]) == DONE, scene.screen()
            assert changes(scene.before, scene.portrait()) == {}

        among_private_mounts(body, tmp_path)


def test_what_was_mounted_before_the_deed(scene: Scene, tmp_path: Path) -> None:
    intents = [record for record in scene.records if isinstance(record, Intent)]
    mounted = 0
    for number in range(len(intents)):
        for which in range(2):
            noted = tmp_path / f"noted-{number}-{which}"

            def watch(when: str, record: Record, number: int = number, which: int = which, noted: Path = noted) -> None:
                if when == "after" and isinstance(record, Intent) and record.number == number:
                    for path in paths_of(undo_of(record), journal_of(scene).parent.name)[which : which + 1]:
                        if not path.exists():
                            path.mkdir()
                            mount("-t", "tmpfs", "tmpfs", str(path))
                            (path / "file").write_text(THEIRS)
                            noted.write_text(str(path))

            def body(watch: Callable[[str, Record], None] = watch, noted: Path = noted) -> None:
                scene.back_to("start")
                scene.call("restore", watch=watch)
                assert "HE-BUG" not in scene.screen()
                if noted.exists():
                    path = Path(noted.read_text())
                    take_back(scene)
                    told = ("is undone", f"something is mounted on {path}: it is left alone", "HE-RUN-COMMITTED")
                    assert any(one in scene.screen() for one in told), scene.screen()
                    assert os.path.ismount(path)
                    assert (path / "file").read_text() == THEIRS

            among_private_mounts(body, tmp_path)
            mounted += noted.exists()
    assert mounted > 5
