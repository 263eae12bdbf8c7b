"""NFS in user space when the server does not do as it should: each in its own words, in time. Long: one server."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hosted_plugins.additional_host import CLUSTER, FQDN, VM_NAME
from hosted_plugins.additional_host.steps import look_for_engines
from hosted_plugins.storage import Storage, StorageBackends
from hosted_plugins.storage.mounting import StorageAccess
from hosted_plugins.storage.nfs import ANSWER_WITHIN, Nfs, NfsAnswers, NfsVersion, latency
from hosted_plugins.storage.proofs import SLOW
from hosted_setup.adapters.nfs_tree import NfsTree
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.adapters.system_trees import SystemTrees
from hosted_setup.domain.pointer import Pointer
from hosted_setup.model.exports import NfsExport
from hosted_setup.model.mount_options import MountOptions
from hosted_setup.model.problem import Problem
from hosted_setup.ports.locations import NfsHome
from hosted_setup.ports.trees import SlowServerError
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.testing.mounts import FakeMounts
from hosted_setup.testing.world import World
from tests.lab.nfs_server import PORTS, SERVER, Export, NfsServer
from tests.lab.slow_way import ADDRESS, SlowWay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hosted_setup.ports.host import Host
    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.mounts import FileSystem
    from hosted_setup.ports.trees import Tree
    from tests.lab.laboratory import Laboratory

OWNER = (36, 36)
WITHIN = 2.0
MIB = 1 << 20


class Exports:
    """A server with exports of several kinds, seen from the laboratory's network."""

    def __init__(self, server: NfsServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def tree(self, name: str = "/export", server: str = SERVER) -> NfsTree:
        return NfsTree(NfsHome(server, name, *OWNER), WITHIN)


@pytest.fixture(scope="module")
def exports(lab: Laboratory) -> Iterator[Exports]:
    folder = lab.folder("nfs")
    os.chown(folder, *OWNER)
    full = lab.folder("full")
    lab.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", full], check=True)
    options = {
        "/export": "",
        "/ro": "Access_Type = RO;",
        "/denied": "Access_Type = None; CLIENT { Clients = 192.0.2.9; Access_Type = RW; }",
        "/some": "CLIENT { Clients = 192.0.2.0/24, 127.0.0.1; Access_Type = RW; }",
        "/squashed": "Squash = All_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534;",
    }
    served = {name: Export(folder, text) for name, text in options.items()} | {"/full": Export(full)}
    with NfsServer(lab, served) as server, lab.network():
        yield Exports(server, folder)
    lab.run(["umount", full], check=True)


def soon(begun: float, within: float = WITHIN) -> bool:
    """Tell whether that was in time; a loaded machine may take thrice as long."""
    return time.monotonic() - begun < 3 * within


@pytest.mark.parametrize("name", ["/nothing", "/denied"])
def test_an_export_that_is_not_there_for_us(exports: Exports, name: str) -> None:
    begun = time.monotonic()
    with pytest.raises(PermissionError, match="MNT3ERR_ACCES") as caught:
        exports.tree(name).names("")
    assert f"{SERVER}:{name}" in str(caught.value)
    assert soon(begun)


def test_an_export_for_reading_alone(exports: Exports) -> None:
    assert exports.tree("/ro").names("") == ()
    with pytest.raises(OSError, match="NFS3ERR_ROFS") as caught:
        exports.tree("/ro").make_folder("folder")
    assert caught.value.errno == errno.EROFS


def test_an_export_that_makes_nobody_of_us(exports: Exports) -> None:
    with pytest.raises(PermissionError, match="NFS3ERR_ACCES"):
        exports.tree("/squashed").make_file("file", 0o600)


def test_what_is_exported_and_to_whom(exports: Exports) -> None:
    found = SystemTrees().exports(SERVER, WITHIN)
    assert found.told
    assert {one.path: one.clients for one in found.all} == {
        "/export": (), "/ro": (), "/squashed": (), "/full": (), "/some": ("192.0.2.0/24", "127.0.0.1/32"),
    }  # fmt: skip


def test_a_server_of_version_4_alone_shows_its_root(exports: Exports) -> None:
    with exports.server.alone():
        found = SystemTrees().exports(SERVER, WITHIN)
    assert not found.told
    assert "/export" in [one.path for one in found.all]


def test_a_server_by_its_name_and_by_its_other_address(exports: Exports) -> None:
    for server in ("localhost", "::1"):
        assert exports.tree(server=server).names("") == ()


def test_a_name_that_nobody_knows(exports: Exports) -> None:
    with pytest.raises(OSError, match=r"[Nn]ame"):
        exports.tree(server="nas.invalid").names("")


def test_no_server_that_would_answer(exports: Exports, lab: Laboratory) -> None:
    begun = time.monotonic()
    with pytest.raises(OSError, match=r"unreachable"):
        exports.tree(server="192.0.2.9").names("")
    lab.run(["ip", "route", "add", "192.0.2.8/32", "dev", "lo"], check=True)  # it is taken, and nobody ever answers
    with pytest.raises(TimeoutError):
        exports.tree(server="192.0.2.8").names("")
    assert soon(begun)


def test_a_server_that_hangs_and_one_that_died(exports: Exports) -> None:
    exports.server.hang()
    try:
        for ask in (lambda: exports.tree().names(""), lambda: SystemTrees().exports(SERVER, WITHIN)):
            begun = time.monotonic()
            with pytest.raises(TimeoutError, match="did not answer within 2 s"):
                ask()
        assert soon(begun)
    finally:
        exports.server.go_on()
    assert exports.tree().names("") == ()
    exports.server.stop()
    begun = time.monotonic()
    with pytest.raises(ConnectionError):
        exports.tree().names("")
    with pytest.raises(ConnectionError):
        SystemTrees().exports(SERVER, WITHIN)
    assert soon(begun)
    exports.server.start()
    assert exports.tree().names("") == ()


def test_a_server_that_hangs_in_the_middle(exports: Exports) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"before"
        exports.server.hang()
        yield b"after"

    begun = time.monotonic()
    try:
        with pytest.raises(TimeoutError, match=r"pwrite|fsync"):
            exports.tree().make_file("half", 0o600, chunks())
        assert soon(begun)
    finally:
        exports.server.go_on()
    assert exports.tree().read("half", 100).startswith(b"before")
    exports.tree().remove("half")


def test_a_server_that_dies_in_the_middle(exports: Exports) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"before"
        exports.server.stop()
        yield b"after"

    try:
        with pytest.raises(ConnectionError):
            exports.tree().make_file("half", 0o600, chunks())
    finally:
        exports.server.start()
    exports.tree().remove("half")


def test_a_full_file_system(exports: Exports) -> None:
    tree = exports.tree("/full")
    assert tree.space().total == 4 * MIB
    with pytest.raises(OSError, match="No space left") as caught:
        tree.make_file("large", 0o600, (os.urandom(MIB) for _ in range(8)))
    assert caught.value.errno == errno.ENOSPC
    tree.remove("large")


def wanted(export: str = f"{SERVER}:/export", version: NfsVersion = NfsVersion.AUTO) -> NfsAnswers:
    return NfsAnswers(
        export=NfsExport.parse(export), version=version, options=MountOptions(()), access=StorageAccess.QEMU
    )


UNREACHED: dict[str, tuple[str, str, str]] = {
    "the server is not there": ("192.0.2.9:/export", "HE-NFS-UNREACHABLE", "unreachable"),
    "nobody knows the server": ("nas.invalid:/export", "HE-NFS-UNREACHABLE", "name resolution"),
    "there is no such export": (f"{SERVER}:/nothing", "HE-NFS-EXPORT", "MNT3ERR_ACCES"),
    "it is denied to this host": (f"{SERVER}:/denied", "HE-NFS-EXPORT", "MNT3ERR_ACCES"),
    "it is for reading alone": (f"{SERVER}:/ro", "HE-NFS-READONLY", "NFS3ERR_ROFS"),
    "it makes nobody of us": (f"{SERVER}:/squashed", "HE-NFS-WRITE", "NFS3ERR_ACCES"),
}


@pytest.mark.parametrize("case", UNREACHED)
def test_what_the_check_says(exports: Exports, tmp_path: Path, case: str) -> None:
    export, code, why = UNREACHED[case]
    want = wanted(export)
    host = replace(World.make(tmp_path / "world").host("20260102030405-abcdef"), trees=SystemTrees())
    with pytest.raises(Problem) as caught:
        Nfs().check(want, host)
    assert caught.value.code == code
    assert why in caught.value.why
    assert caught.value.where == export
    program, *_ = shlex.split(caught.value.command)
    assert shutil.which(program), program
    assert list(exports.folder.iterdir()) == []


def test_the_check_of_a_good_export_leaves_nothing(exports: Exports, tmp_path: Path) -> None:
    want = wanted(version=NfsVersion.V3)
    host = replace(World.make(tmp_path / "world").host("20260102030405-abcdef"), trees=SystemTrees())
    Nfs().check(want, host)
    assert list(exports.folder.iterdir()) == []
    assert Nfs().free(want, host) > 0
    assert Nfs().lacking(want, host) is None
    problem = Nfs().lacking(replace(want, version=NfsVersion.V4_1), host)
    assert problem is not None
    assert problem.code == "HE-NFS-WAY"


def test_a_server_that_hangs_is_told_in_time(exports: Exports, tmp_path: Path) -> None:
    want = wanted()
    host = replace(World.make(tmp_path / "world").host("20260102030405-abcdef"), trees=SystemTrees())
    exports.server.hang()
    begun = time.monotonic()
    try:
        with pytest.raises(Problem) as caught:
            Nfs().check(want, host)
    finally:
        exports.server.go_on()
    assert caught.value.code == "HE-NFS-HUNG"
    assert "did not answer within" in caught.value.why
    assert soon(begun, 10)


def test_a_storage_domain_on_the_export(exports: Exports, tmp_path: Path) -> None:
    run, volume = "20260102030405-abcdef", "d15c0000-0000-4000-8000-000000000005"
    given = tmp_path / "given"
    given.write_bytes(os.urandom(3 * MIB))
    host = replace(World.make(tmp_path / "world").host(run), trees=SystemTrees(), images=QemuImages())
    domain = StorageDomain("5d000000-0000-4000-8000-000000000001", NfsHome(SERVER, "/export", *OWNER))
    layout = domain.on(host)
    layout.create("hosted_storage", run)
    disk = layout.add_volume(volume, "qcow2", 64 * MIB)
    host.images.create(disk, 64 * MIB)
    lent = layout.lend(volume, "he-backup", given)
    layout.point_to(Pointer(volume, "qcow2"))
    layout.write_conf({"version": "1"})
    folder = exports.folder / domain.uuid / "images" / volume
    assert {(path.stat().st_uid, path.stat().st_gid) for path in exports.folder.rglob("*")} == {OWNER}
    assert (folder / "he-backup").read_bytes() == given.read_bytes()
    assert (folder / "he-backup").stat().st_mode & 0o7777 == 0o600
    assert (folder / volume).stat().st_mode & 0o7777 == 0o660
    assert host.images.head(lent, 1000) == given.read_bytes()[:1000]
    assert layout.current() == Pointer(volume, "qcow2")
    assert layout.read_conf() == {"version": "1"}
    assert layout.is_importing(volume)
    layout.drop_pointer(volume)
    layout.remove_volume(volume)
    assert layout.remove(run) == ()
    assert list(exports.folder.iterdir()) == []


def test_an_engine_on_a_server_of_version_4_alone_is_recognised(exports: Exports, tmp_path: Path) -> None:
    host = replace(World.make(tmp_path / "world").host("20260102030405-abcdef"), trees=SystemTrees())
    domain = StorageDomain("5d000000-0000-4000-8000-000000000004", NfsHome(SERVER, "/export", *OWNER))
    layout = domain.on(host)
    layout.create("hosted_storage", "20260101000000-bbbbbb")
    layout.name_engine("0e")
    answers = "".join(f"{key}=str:name\n" for key in (FQDN, VM_NAME, CLUSTER))
    layout.write_conf({"hosted-engine.conf": "", "vm.conf": "", "ca.pem": "", "fhanswers.conf": answers})
    try:
        assert recognised(host, StorageAccess.KERNEL) == [domain.uuid]
        with exports.server.alone():
            assert recognised(host, StorageAccess.KERNEL) == [domain.uuid]
            assert recognised(host, StorageAccess.QEMU) == [], "nor could QEMU reach its disk there"
        exports.server.hang()
        begun = time.monotonic()
        try:
            assert recognised(host, StorageAccess.KERNEL) == []
            assert time.monotonic() - begun < 1.5 * ANSWER_WITHIN, "both versions are waited for at once"
        finally:
            exports.server.go_on()
    finally:
        layout.remove("20260101000000-bbbbbb")
    assert list(exports.folder.iterdir()) == []


def recognised(host: Host, way: StorageAccess) -> list[str]:
    """Give the domains of the engines that a further host would be offered, asked as its interview asks."""
    want = replace(wanted(), access=way)
    backends = StorageBackends({"nfs": Nfs()})
    if way is StorageAccess.KERNEL:  # this kernel has no NFS client, and none is needed to look
        assert isinstance(Nfs().lacking(want, host), Problem)
    return [one.uuid for one in look_for_engines(Storage("nfs", str(want.export), want, {}), backends, host).engines]


class SlowWhenItWrites(NfsTree):
    """A tree whose server stops for a while when something is written."""

    server: NfsServer

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        self.server.hang()
        timer = threading.Timer(1.2 * SLOW, self.server.go_on)
        timer.start()
        super().make_file(path, mode, chunks)
        timer.join()


class Asleep(SlowWhenItWrites):
    """A tree whose server answers its first question late."""

    def names(self, path: str) -> tuple[str, ...]:
        if not hasattr(self, "awake"):
            self.awake = True
            self.server.hang()
            threading.Timer(3.0, self.server.go_on).start()
        return super().names(path)

    make_file = NfsTree.make_file


class HangsWhenItWrites(SlowWhenItWrites):
    """A tree whose server stops for good when something is written."""

    def make_file(self, path: str, mode: int, chunks: Iterable[bytes] = ()) -> None:
        self.server.hang()
        NfsTree.make_file(self, path, mode, chunks)


class SlowTrees(SystemTrees):
    """Gives such a tree."""

    def __init__(self, server: NfsServer, kind: type[SlowWhenItWrites] = SlowWhenItWrites) -> None:
        self.server = server
        self.kind = kind

    def at(self, home: FileHome, within: float = 10.0) -> Tree:
        assert isinstance(home, NfsHome)
        tree = self.kind(home, within)
        tree.server = self.server
        return tree


def test_a_slow_server_is_warned_of(exports: Exports, tmp_path: Path) -> None:
    host = World.make(tmp_path / "world").host("20260102030405-abcdef")
    latency(wanted(), replace(host, trees=SystemTrees()))
    with pytest.raises(Problem, match="HE-NFS-SLOW") as caught:
        latency(wanted(), replace(host, trees=SlowTrees(exports.server)))
    assert "sanlock" in caught.value.why
    assert list(exports.folder.iterdir()) == []


def test_a_server_that_was_asleep_is_not_slow(exports: Exports, tmp_path: Path) -> None:
    host = World.make(tmp_path / "world").host("20260102030405-abcdef")
    begun = time.monotonic()
    Nfs().check(wanted(), replace(host, trees=SlowTrees(exports.server, Asleep)))
    assert time.monotonic() - begun > 3
    assert list(exports.folder.iterdir()) == []


def test_a_server_that_stops_in_the_middle_of_the_proofs_is_told_in_time(exports: Exports, tmp_path: Path) -> None:
    host = World.make(tmp_path / "world").host("20260102030405-abcdef")
    begun = time.monotonic()
    try:
        with pytest.raises(Problem, match="HE-NFS-HUNG"):
            Nfs().check(wanted(), replace(host, trees=SlowTrees(exports.server, HangsWhenItWrites)))
    finally:
        exports.server.go_on()
    assert time.monotonic() - begun < 10, "it is not asked to remove each thing that may be left"
    assert list(exports.folder.iterdir()) == []


def test_a_server_that_is_slow_is_told_from_one_that_hangs(exports: Exports, lab: Laboratory) -> None:
    with SlowWay(lab, ADDRESS, *PORTS[1:]) as way:
        for way.delay in (0.4, 1.6):
            with pytest.raises(SlowServerError, match="answers, and has not come to an end within 2 s"):
                exports.tree(server=ADDRESS).names("")
        exports.server.hang()
        try:
            with pytest.raises(TimeoutError, match="did not answer within 2 s"):
                exports.tree(server=ADDRESS).names("")
        finally:
            exports.server.go_on()


def test_a_mount_that_is_late_is_told_by_whether_the_server_answers(
    exports: Exports, lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel here has no NFS client, whose mount tells no more than that it did not end."""

    def late(_mounts: FakeMounts, _what: FileSystem) -> None:
        raise TimeoutError(errno.ETIMEDOUT, "mount did not end within 4 s")

    def told(version: NfsVersion = NfsVersion.AUTO) -> Problem:
        with pytest.raises(Problem) as caught:
            Nfs().check(
                replace(want, version=version), replace(world.host("20260102030405-abcdef"), trees=SystemTrees())
            )
        return caught.value

    monkeypatch.setattr(FakeMounts, "_folder", late)
    world = World.make(tmp_path / "world")
    world.behaviour.mounts = ("nfs",)
    want = replace(wanted(f"{ADDRESS}:/export"), access=StorageAccess.KERNEL)
    with SlowWay(lab, ADDRESS, *PORTS[1:]) as way:
        for way.delay, why in (
            (0.2, "answers, and was not mounted within 4 s"),
            (2.5, "has not come to an end within 4 s"),
        ):
            problem = told()
            assert (problem.code, why in problem.why) == ("HE-NFS-SLOW", True)
        exports.server.hang()
        try:
            for version in (NfsVersion.AUTO, NfsVersion.V3):
                problem = told(version)
                assert (problem.code, problem.why) == ("HE-NFS-HUNG", "mount did not end within 4 s")
        finally:
            exports.server.go_on()
