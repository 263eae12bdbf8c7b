"""Trees of files that storage domains are laid out in: the same rules wherever they are."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.system_trees import SystemTrees
from hosted_setup.ports.locations import DirectoryHome, NfsHome
from hosted_setup.ports.trees import Kind, unfinished
from tests.lab.nfs_server import SERVER, Export, NfsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hosted_setup.ports.trees import Tree
    from tests.lab.laboratory import Laboratory

OWNER = (4711, 4712)
MIB = 1 << 20


class Ground:
    """A tree, and the same folder as this host's kernel sees it."""

    def __init__(self, tree: Tree, folder: Path, owner: tuple[int, int]) -> None:
        self.tree = tree
        self.folder = folder
        self.owner = owner

    def give(self, name: str) -> None:
        """Have something belong to the tree's owner, as all does that the tree makes."""
        os.chown(self.folder / name, *self.owner)

    def look(self, name: str) -> tuple[int, int, int]:
        """Give mode and owner."""
        status = (self.folder / name).lstat()
        return status.st_mode & 0o7777, status.st_uid, status.st_gid


@pytest.fixture(scope="module")
def exported(lab: Laboratory) -> Path:
    """Give the folder that the laboratory's server exports."""
    return lab.folder("export")


@pytest.fixture(scope="module")
def server(lab: Laboratory, exported: Path) -> Iterator[NfsServer]:
    """Serve it as /export."""
    with NfsServer(lab, {"/export": Export(exported)}) as server:
        yield server


@pytest.fixture(params=["local", "nfs"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """Give a tree of each kind."""
    os.umask(0o022)
    if request.param == "local":
        yield Ground(SystemTrees().at(DirectoryHome(tmp_path, *OWNER)), tmp_path, OWNER)
        return
    request.getfixturevalue("server")
    exported: Path = request.getfixturevalue("exported")
    lab: Laboratory = request.getfixturevalue("lab")
    folder = exported / tmp_path.name
    folder.mkdir()
    os.chown(folder, *OWNER)
    with lab.network():
        yield Ground(SystemTrees().at(NfsHome(SERVER, f"/export/{folder.name}", *OWNER)), folder, OWNER)


def test_a_folder_is_made_exclusively(ground: Ground) -> None:
    ground.tree.make_folder("one")
    assert ground.look("one") == (0o755, *ground.owner)
    with pytest.raises(FileExistsError):
        ground.tree.make_folder("one")
    with pytest.raises(FileNotFoundError):
        ground.tree.make_folder("two/three")
    (ground.folder / "file").touch()
    with pytest.raises(FileExistsError):
        ground.tree.make_folder("file")


def test_a_file_is_made_exclusively_and_written_in_one_pass(ground: Ground) -> None:
    ground.tree.make_file("file", 0o660, (bytes([number]) * (MIB + 1) for number in range(3)))
    assert (ground.folder / "file").read_bytes() == b"".join(bytes([number]) * (MIB + 1) for number in range(3))
    assert ground.look("file") == (0o660, *ground.owner)
    with pytest.raises(FileExistsError):
        ground.tree.make_file("file", 0o660, [b"other"])
    (ground.folder / "link").symlink_to("nothing")
    with pytest.raises(FileExistsError):
        ground.tree.make_file("link", 0o660)
    assert (ground.folder / "file").stat().st_size == 3 * (MIB + 1)
    ground.tree.make_file("empty", 0o600)
    assert ground.look("empty") == (0o600, *ground.owner)


def test_a_file_is_written_whole_or_not_at_all(ground: Ground) -> None:
    (ground.folder / unfinished("file")).write_text("what a killed process has left, and more of it")
    ground.give(unfinished("file"))
    ground.tree.write("file", b"first", 0o644)
    assert ground.look("file") == (0o644, *ground.owner)
    ground.tree.write("file", b"second", 0o644)
    assert (ground.folder / "file").read_bytes() == b"second"
    with pytest.raises(FileExistsError):
        ground.tree.write("file", b"third", 0o644, new=True)
    assert (ground.folder / "file").read_bytes() == b"second"
    ground.tree.write("other", b"new", 0o600, new=True)
    assert ground.look("other") == (0o600, *ground.owner)
    (ground.folder / unfinished("file")).unlink()
    assert sorted(path.name for path in ground.folder.iterdir()) == ["file", "other"]


def test_what_is_read(ground: Ground) -> None:
    (ground.folder / "file").write_bytes(bytes(range(256)) * 8192)
    assert ground.tree.read("file", 5 * MIB) == bytes(range(256)) * 8192
    assert ground.tree.read("file", 300) == (bytes(range(256)) * 2)[:300]
    (ground.folder / "empty").touch()
    assert ground.tree.read("empty", 10) == b""
    with pytest.raises(FileNotFoundError):
        ground.tree.read("nothing", 10)
    with pytest.raises(IsADirectoryError):
        ground.tree.read(".", 10)
    with pytest.raises(NotADirectoryError):
        ground.tree.read("file/below", 10)


def test_what_bears_a_name(ground: Ground) -> None:
    (ground.folder / "file").touch()
    (ground.folder / "folder").mkdir()
    (ground.folder / "link").symlink_to("file")
    (ground.folder / "dangling").symlink_to("nothing")
    names = ("file", "folder", "link", "dangling", "nothing", "file/below")
    kinds = (Kind.FILE, Kind.FOLDER, Kind.OTHER, Kind.OTHER, None, None)
    assert tuple(ground.tree.kind(name) for name in names) == kinds


def test_names_in_a_folder(ground: Ground) -> None:
    (ground.folder / "folder").mkdir()
    assert ground.tree.names("folder") == ()
    for name in ("b", "a", ".hidden", "ä"):
        (ground.folder / "folder" / name).touch()
    assert ground.tree.names("folder") == (".hidden", "a", "b", "ä")
    with pytest.raises(FileNotFoundError):
        ground.tree.names("nothing")
    with pytest.raises(NotADirectoryError):
        ground.tree.names("folder/a")


def test_a_name_changes_in_one_move(ground: Ground) -> None:
    (ground.folder / "old").mkdir()
    (ground.folder / "old/file").touch()
    ground.tree.rename("old", "new")
    assert [path.name for path in (ground.folder / "new").iterdir()] == ["file"]
    with pytest.raises(FileNotFoundError):
        ground.tree.rename("old", "other")


def test_what_is_removed(ground: Ground) -> None:
    (ground.folder / "folder").mkdir()
    (ground.folder / "folder/file").touch()
    ground.give("folder")
    with pytest.raises(OSError, match="not empty") as caught:
        ground.tree.remove_folder("folder")
    assert caught.value.errno == errno.ENOTEMPTY
    ground.tree.remove("folder/file")
    ground.tree.remove_folder("folder")
    for deed in (ground.tree.remove, ground.tree.remove_folder):
        with pytest.raises(FileNotFoundError):
            deed("folder")
    assert list(ground.folder.iterdir()) == []


def test_space(ground: Ground) -> None:
    status = os.statvfs(ground.folder)
    found = ground.tree.space()
    assert found.total == status.f_blocks * status.f_frsize
    assert abs(found.free - status.f_bavail * status.f_frsize) < 256 * MIB  # others write meanwhile


def test_an_export_of_a_server_without_version_3_is_looked_at_by_version_4(
    lab: Laboratory, server: NfsServer, exported: Path
) -> None:
    folder = exported / "four"
    folder.mkdir()
    os.chown(folder, *OWNER)
    with server.alone(), lab.network():
        with pytest.raises(OSError, match=r"."):
            SystemTrees().at(NfsHome(SERVER, "/export/four", *OWNER), 4.0).names("")
        tree = SystemTrees().at(NfsHome(SERVER, "/export/four", *OWNER, version=4), 4.0)
        tree.make_folder("one")
        assert tree.names("") == ("one",)
    assert (folder / "one").stat().st_uid == OWNER[0]
