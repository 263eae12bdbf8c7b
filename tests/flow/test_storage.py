"""Deploys onto each kind of storage in a pretended world."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import pytest

from hosted_plugins.storage import luns, proofs
from hosted_plugins.storage.mounting import StorageAccess
from hosted_plugins.storage.nfs import Nfs, NfsAnswers, NfsVersion
from hosted_setup.model.exports import NfsExport
from hosted_setup.model.mount_options import MountOptions
from hosted_setup.model.problem import Problem
from hosted_setup.ports.connections import MountAt
from hosted_setup.ports.locations import NfsHome
from hosted_setup.ports.mounts import FileSystem
from hosted_setup.storage.connections import Disconnect
from hosted_setup.testing import mounts
from hosted_setup.testing.mounts import FakeMounts, FakeProvingTree
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.trees import FakeTrees, export_file
from hosted_setup.testing.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.trees import Tree
    from tests.flow.program import Program

EXPORT = "nas.example.com:/exports/engine"


def exported(program: Program) -> Path:
    """Have the export; the operator answers it."""
    folder = export_file(program.world.exports, "nas.example.com", "/exports/engine")
    folder.mkdir(parents=True)
    program.answer(OVEHOSTED_STORAGE__domainType="str:nfs", OVEHOSTED_STORAGE__storageDomainConnection=f"str:{EXPORT}")
    return folder


def test_nfs_from_the_answers_to_the_cleanup(program: Program) -> None:
    folder = exported(program)
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 0, done.out
    assert f"{EXPORT}  ({program.inputs.answers}:" in done.out
    found = portrait(program.world)
    assert "<source protocol='nfs' name='/exports/engine/" in found["domain HostedEngine"]
    assert "<host name='nas.example.com'/><identity user='+36' group='+36'/>" in found["domain HostedEngine"]
    assert '"type":"nfs"' in found["entity storagedomains hosted_storage"]
    assert '"local":false' in found["entity datacenters Default"]
    (domain,) = folder.iterdir()
    assert f"nfs://nas.example.com/exports/engine/{domain.name}" in done.out
    assert f"storage={EXPORT}\n" in (domain / "conf/hosted-engine.conf").read_text()
    assert "domainType=nfs\n" in (domain / "conf/hosted-engine.conf").read_text()
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}
    assert list(folder.iterdir()) == []


def test_nfs_that_is_not_there_is_refused_and_nothing_changed(program: Program) -> None:
    exported(program).rmdir()
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 3, done.out
    assert "HE-NFS-EXPORT" in done.out
    assert "showmount --exports nas.example.com" in done.out
    assert changes(before, portrait(program.world)) == {}


def test_nfs_by_the_kernel_is_mounted_once_and_unmounted_in_the_end(program: Program) -> None:
    folder = program.on_mounted_nfs()
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 0, done.out
    point = program.world.paths.mounts / "nas.example.com:_exports_engine"
    host = program.world.host("20260102030405-abcdef")
    mounted = host.mounts.mounted(point)
    assert mounted is not None
    assert (mounted.source, mounted.kind) == (EXPORT, "nfs")
    assert len(list(folder.iterdir())) == 1
    found = portrait(program.world)["domain HostedEngine"]
    assert "/rhev/data-center/mnt/nas.example.com:_exports_engine/" in found
    assert "protocol='nfs'" not in found
    assert "cache='none'" in found, "another host may write to it meanwhile"
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert host.mounts.mounted(point) is None
    assert changes(before, portrait(program.world)) == {}
    assert list(folder.iterdir()) == []


def test_what_was_mounted_before_stays_mounted(program: Program) -> None:
    program.on_mounted_nfs()
    point = program.world.paths.mounts / "nas.example.com:_exports_engine"
    point.mkdir(parents=True)
    host = program.world.host("20260102030405-abcdef")
    theirs = host.mounts.mount(FileSystem("nfs", EXPORT), point)
    done = program.restore()
    assert (done.code, "HE-STORAGE-MOUNTED" in done.out) == (0, True), done.out
    assert program("cleanup", "--yes").code == 0
    assert host.mounts.mounted(point) == theirs


def test_another_mount_in_the_place_is_refused_and_left(program: Program) -> None:
    program.on_mounted_nfs()
    point = program.world.paths.mounts / "nas.example.com:_exports_engine"
    point.mkdir(parents=True)
    export_file(program.world.exports, "nas.example.com", "/other").mkdir()
    host = program.world.host("20260102030405-abcdef")
    theirs = host.mounts.mount(FileSystem("nfs", "nas.example.com:/other"), point)
    done = program.restore()
    assert done.code == 3, done.out
    assert "HE-STORAGE-POINT" in done.out
    assert host.mounts.mounted(point) == theirs


def test_a_mount_that_is_gone_is_not_written_below_and_another_in_its_place_stays(program: Program) -> None:
    folder = program.on_mounted_nfs()
    assert program.restore().code == 0
    point = program.world.paths.mounts / "nas.example.com:_exports_engine"
    host = program.world.host("20260102030405-abcdef")
    host.mounts.unmount(point)  # the host was started anew, say
    done = program("cleanup", "--yes")
    assert done.code != 0
    assert "HE-STORAGE-MOUNT" in done.out
    assert EXPORT in done.out
    point.mkdir(parents=True)
    theirs = host.mounts.mount(FileSystem("nfs", EXPORT), point)
    assert program("cleanup", "--yes").code == 0
    assert host.mounts.mounted(point) == theirs
    assert list(folder.iterdir()) == []


def test_an_undo_leaves_another_mount_alone(program: Program) -> None:
    program.on_mounted_nfs()
    point = program.world.paths.mounts / "nas.example.com:_exports_engine"
    point.mkdir(parents=True)
    host = program.world.host("20260102030405-abcdef")
    host.mounts.mount(FileSystem("nfs", EXPORT), point)
    Disconnect(MountAt("nfs", "nas.example.com:/other", (), str(point))).apply(host)
    assert host.mounts.mounted(point) is not None
    assert isinstance(host.reporter, Recorder)
    assert "and stays" in str(host.reporter.events)


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("kind", ["nfs", "iscsi"])
def test_the_preview_shows_which_way_to_the_storage_was_detected(program: Program, kind: str, *, kernel: bool) -> None:
    if kind == "nfs":
        program.on_mounted_nfs()
    else:
        program.on_iscsi()
    program.world.behaviour.mounts = ("nfs",) if kernel else ()
    program.world.behaviour.initiator = kernel
    program.world.save()
    done = program.restore()
    assert done.code == 0, done.out
    way = "kernel" if kernel else "qemu"
    assert re.search(rf"^ +[0-9]+ Way to the storage *: {way}  \(detected\)$", done.out, re.MULTILINE), done.out


def test_a_kernel_that_cannot_is_told_and_so_is_a_version_that_user_space_has_not(program: Program) -> None:
    exported(program)
    answers = {
        "OVEHOSTED_STORAGE__domainType": "str:nfs",
        "OVEHOSTED_STORAGE__storageDomainConnection": f"str:{EXPORT}",
    }
    program.answer(**answers, HOSTED_ENGINE__storageAccess="str:kernel")
    done = program.restore()
    assert (done.code, "HE-NFS-WAY" in done.out, "modinfo nfs" in done.out) == (3, True, True), done.out
    program.answer(**answers, HOSTED_ENGINE__storageAccess="str:auto", OVEHOSTED_STORAGE__nfsVersion="str:v4_1")
    done = program.restore()
    assert (done.code, "HE-NFS-WAY" in done.out) == (3, True), done.out


@pytest.mark.parametrize("options", ["vers=3", "a b", "timeo=1,,", "ro"])
def test_mount_options_are_read_strictly(program: Program, options: str) -> None:
    program.on_mounted_nfs(OVEHOSTED_STORAGE__mntOptions=f"str:{options}")
    done = program.restore()
    assert (done.code, "HE-ANSWERS-VALUE" in done.out) == (2, True), done.out
    assert options in done.out


def test_locks_that_the_server_refuses_are_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_tree: FakeProvingTree, _path: str) -> None:
        raise OSError(errno.EINVAL, "the lock service said no")

    folder = program.on_mounted_nfs()
    monkeypatch.setattr(FakeProvingTree, "lock", refused)
    done = program.restore()
    assert (done.code, f"locks at {EXPORT}" in done.out) == (3, True), done.out
    assert list(folder.iterdir()) == []


def test_a_lock_service_that_is_not_there_is_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_mounts: FakeMounts, _what: FileSystem) -> None:
        raise OSError(errno.ENOLCK, "rpc.statd is not running but is required for remote locking")

    program.on_mounted_nfs()
    monkeypatch.setattr(FakeMounts, "_folder", refused)
    done = program.restore()
    assert (done.code, "Start rpc.statd here" in done.out) == (3, True), done.out


def test_a_volume_that_is_slow_is_warned_of(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = program.on_gluster()
    monkeypatch.setattr(proofs, "seconds", lambda _tree, _probe: 3.0)
    done = program.restore("--precheck")
    assert (done.code, "HE-GLUSTER-SLOW" in done.out) == (0, True), done.out
    assert "3.0 s for one block at gluster1.example.com:/engine" in done.out
    done = program.restore("--precheck", "--ignore-check=glusterfs-latency")
    assert (done.code, "HE-GLUSTER-SLOW" in done.out) == (0, False), done.out
    assert list(folder.iterdir()) == []


def test_a_host_that_cannot_mount_glusterfs_is_told(program: Program) -> None:
    program.on_gluster()
    program.world.behaviour.mounts = ()
    program.world.save()
    done = program.restore()
    assert (done.code, "Install GlusterFS's client:" in done.out) == (3, True), done.out


def test_a_server_that_makes_nobody_of_root_is_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(place: Path, owner: tuple[int, int]) -> FakeProvingTree:
        return (Squashing if owner == (0, 0) else FakeProvingTree)(place, owner)

    folder = program.on_mounted_nfs()
    monkeypatch.setattr(mounts, "FakeProvingTree", made)
    done = program.restore()
    assert (done.code, "Export it with no_root_squash" in done.out) == (3, True), done.out
    assert list(folder.iterdir()) == []


class Squashing(FakeProvingTree):
    """A folder in which nobody may write."""

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        raise PermissionError(errno.EACCES, path)


@pytest.mark.parametrize(
    ("version", "way", "numbers"),
    [
        ("auto", StorageAccess.KERNEL, [3, 4]),
        ("auto", StorageAccess.QEMU, [3]),
        ("v3", StorageAccess.KERNEL, [3]),
        ("v4", StorageAccess.KERNEL, [4]),
        ("v4_2", StorageAccess.KERNEL, [4]),
    ],
)
def test_what_is_in_an_export_is_looked_at_by_the_version_that_it_is_to_be_mounted_by(
    program: Program, monkeypatch: pytest.MonkeyPatch, version: str, way: StorageAccess, numbers: list[int]
) -> None:
    want = NfsAnswers(
        export=NfsExport.parse(EXPORT),
        version=NfsVersion(version),
        options=MountOptions(()),
        access=way,
    )
    seen: list[FileHome] = []

    def at(_trees: FakeTrees, home: FileHome, _within: float) -> Tree:
        seen.append(home)
        raise FileNotFoundError(errno.ENOENT, EXPORT)

    monkeypatch.setattr(FakeTrees, "at", at)
    with pytest.raises(Problem), Nfs().looking(want, program.world.host("20260102030405-abcdef")):
        pass
    assert sorted(one.version for one in seen if isinstance(one, NfsHome)) == numbers


@pytest.mark.parametrize(("choose", "check"), [("on_iscsi", "iscsi-latency"), ("on_fc", "lun-latency")])
def test_a_lun_that_is_slow_is_warned_of(
    program: Program, monkeypatch: pytest.MonkeyPatch, choose: str, check: str
) -> None:
    getattr(program, choose)()
    monkeypatch.setattr(luns, "SLOW", -1.0)
    done = program.restore("--precheck")
    assert (done.code, "HE-LUN-SLOW" in done.out) == (0, True), done.out
    assert "s for one block at" in done.out
    done = program.restore("--precheck", f"--ignore-check={check}")
    assert (done.code, "HE-LUN-SLOW" in done.out) == (0, False), done.out
