"""A storage domain in files: what it says of itself is read strictly, and nothing of somebody else's is touched."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest

from hosted_setup.domain.domain_mark import engine_id
from hosted_setup.domain.host_slot import HostSlot, next_free
from hosted_setup.domain.pointer import Pointer
from hosted_setup.domain.seal import sealed_object
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DirectoryHome, FileAt
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.storage.layout import DomainDamaged
from hosted_setup.testing.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.storage.layout import Layout

RUN, OTHER = "20260102030405-abcdef", "20260102030405-fedcba"
UUID, VOLUME = "5d000000-0000-4000-8000-000000000001", "d15c0000-0000-4000-8000-000000000005"


class Made:
    """A domain and its folder."""

    def __init__(self, tmp_path: Path) -> None:
        world = World.make(tmp_path / "world")
        self.home = world.storage
        self.folder = self.home / UUID
        self.layout: Layout = StorageDomain(UUID, DirectoryHome(self.home, -1, -1)).on(world.host(RUN))

    def files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*")}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a domain."""
    domain = Made(tmp_path)
    domain.layout.create("hosted_storage", RUN)
    return domain


def test_it_is_made_whole_and_removed_whole(made: Made) -> None:
    folders = {UUID} | {f"{UUID}/{name}" for name in ("dom_md", "images", "ha_agent", "conf", "hosts")}
    assert made.files() == folders | {f"{UUID}/dom_md/metadata"}
    assert made.layout.made_by(RUN)
    assert not made.layout.made_by(OTHER)
    assert made.layout.remove(OTHER) == ()
    assert made.layout.made_by(RUN)
    assert made.layout.remove(RUN) == ()
    assert made.files() == set()
    assert made.layout.mark() is None
    assert made.layout.remove(RUN) == ()


def test_what_no_run_puts_there_is_left_and_told(made: Made) -> None:
    (made.folder / "images/theirs").touch()
    made.layout.write_conf({"vm.conf": "vmId=1\n"})
    assert made.layout.remove(RUN) == (str(made.folder),)
    assert made.files() == {UUID, f"{UUID}/images", f"{UUID}/images/theirs"}


def test_what_a_killed_run_was_making_is_removed(made: Made) -> None:
    building = made.folder.rename(made.home / f".{UUID}.{RUN}")
    assert made.layout.remove(RUN) == ()
    assert not building.exists()
    (building / "dom_md").mkdir(parents=True)
    (building / "dom_md/.metadata.new").write_text("FORM")
    assert made.layout.remove(OTHER) == ()
    assert building.exists()
    assert made.layout.remove(RUN) == ()
    assert made.files() == set()


def test_the_engine_is_named(made: Made) -> None:
    before = made.layout.mark()
    assert before is not None
    assert before.engine == ""
    made.layout.name_engine(engine_id(b"CA"))
    after = made.layout.mark()
    assert after is not None
    assert (after.engine, after.name, after.run, after.uuid) == (engine_id(b"CA"), "hosted_storage", RUN, UUID)
    assert made.layout.made_by(RUN)


def test_no_engine_is_named_where_the_mark_is_gone(made: Made) -> None:
    (made.folder / "dom_md/metadata").unlink()
    with pytest.raises(DomainDamaged, match="HE-DOMAIN-DAMAGED"):
        made.layout.name_engine(engine_id(b"CA"))


@pytest.mark.parametrize("deed", ["made_by", "removable", "remove", "mark"])
def test_a_damaged_mark_is_told_and_nothing_removed(made: Made, deed: str) -> None:
    mark = made.folder / "dom_md/metadata"
    mark.write_text(mark.read_text().replace("hosted_storage", "someone_elses"))
    before = made.files()
    with pytest.raises(DomainDamaged) as caught:
        getattr(made.layout, deed)(*([RUN] if deed != "mark" else []))
    assert caught.value.where == str(mark)
    assert caught.value.why == "its checksum does not fit what it says"
    assert caught.value.command == f"df -h {made.home}"
    assert made.files() == before


def test_a_volume(made: Made) -> None:
    disk = made.layout.add_volume(VOLUME, "qcow2", 1 << 30)
    path = made.folder / "images" / VOLUME / VOLUME
    assert disk == DiskSource(FileAt(str(path)), "qcow2")
    assert path.stat().st_mode & 0o7777 == 0o660
    assert made.layout.has(VOLUME)
    assert made.layout.is_importing(VOLUME)
    made.layout.imported(VOLUME)
    assert not made.layout.is_importing(VOLUME)
    with pytest.raises(FileExistsError):
        made.layout.add_volume(VOLUME, "qcow2", 1 << 30)
    (made.home / "given").write_text("given")
    for _ in range(2):
        lent = made.layout.lend(VOLUME, "he-seed", made.home / "given")
    assert lent == DiskSource(FileAt(str(path.with_name("he-seed"))), "raw")
    assert path.with_name("he-seed").read_text() == "given"
    assert path.with_name("he-seed").stat().st_mode & 0o7777 == 0o600
    made.layout.take_back(VOLUME, "he-seed")
    made.layout.take_back(VOLUME, "he-seed")
    path.with_name("theirs").touch()
    made.layout.remove_volume(VOLUME)
    assert [one.name for one in path.parent.iterdir()] == ["theirs"]
    assert not made.layout.has(VOLUME)


def test_the_pointer(made: Made) -> None:
    assert made.layout.current() is None
    made.layout.point_to(Pointer(VOLUME, "qcow2"))
    assert made.layout.current() == Pointer(VOLUME, "qcow2")
    told = json.loads((made.folder / "images/current.json").read_text())
    assert (told.pop("volume"), told.pop("format"), list(told)) == (VOLUME, "qcow2", ["sha256"])
    with pytest.raises(FileExistsError):
        made.layout.point_to(Pointer(UUID, "qcow2"))
    made.layout.drop_pointer(UUID)
    assert made.layout.current() == Pointer(VOLUME, "qcow2")
    made.layout.drop_pointer(VOLUME)
    assert made.layout.current() is None
    assert list((made.folder / "images").iterdir()) == []


def test_a_torn_pointer_is_told_and_left(made: Made) -> None:
    made.layout.point_to(Pointer(VOLUME, "qcow2"))
    path = made.folder / "images/current.json"
    whole = path.read_bytes()
    odd = [b"[]", whole.replace(b"qcow2", b"raw"), whole[:-2] + b',"more":1}\n', whole.rstrip()]
    odd += [sealed_object(one) for one in (Pointer("../theirs", "qcow2"), Pointer(VOLUME, "vmdk"), slot(1))]
    for content in [whole[:length] for length in range(len(whole))] + odd:
        path.write_bytes(content)
        with pytest.raises(DomainDamaged):
            made.layout.current()
        made.layout.drop_pointer(VOLUME)
        assert path.read_bytes() == content


def test_the_shared_configuration(made: Made) -> None:
    assert made.layout.read_conf() == {}
    made.layout.write_conf({"vm.conf": "vmId=1\n", "version": "1\n"})
    made.layout.write_conf({"vm.conf": "vmId=2\n"})
    (made.folder / "conf/theirs").touch()
    assert made.layout.read_conf() == {"version": "1\n", "vm.conf": "vmId=2\n"}
    path = made.folder / "conf/vm.conf"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.read_text() == f"vmId=2\n# SHA256={hashlib.sha256(b'vmId=2' + bytes([10])).hexdigest()}\n"
    path.write_text(path.read_text().replace("2", "3", 1))
    with pytest.raises(DomainDamaged) as caught:
        made.layout.read_conf()
    assert (caught.value.where, caught.value.why) == (str(path), "its checksum does not fit what it says")


def test_the_room(made: Made) -> None:
    assert made.layout.free() > 0


def slot(number: int, run: str = RUN) -> HostSlot:
    return HostSlot(number, "host.example.com", UUID, run, "2026-01-02T03:04:05+00:00")


def test_a_host_id_is_reserved_read_and_freed_by_its_run_alone(made: Made) -> None:
    before = made.files()
    assert made.layout.hosts() == {}
    made.layout.reserve(slot(1))
    made.layout.reserve(slot(2, OTHER))
    assert made.layout.hosts() == {1: slot(1), 2: slot(2, OTHER)}
    assert next_free(made.layout.hosts()) == 3
    with pytest.raises(FileExistsError):
        made.layout.reserve(slot(2))
    made.layout.release(2, RUN)
    assert made.layout.hosts() == {1: slot(1), 2: slot(2, OTHER)}
    made.layout.release(1, RUN)
    made.layout.release(2, OTHER)
    made.layout.release(3, OTHER)
    assert made.files() == before


def test_many_hosts_at_once_never_get_the_same_id(made: Made) -> None:
    runs = [f"20260102030405-{number:06x}" for number in range(8)]

    def reserve(run: str) -> int:
        while True:
            number = next_free(made.layout.hosts()) or 0
            try:
                made.layout.reserve(slot(number, run))
            except FileExistsError:
                continue
            return number

    with ThreadPoolExecutor(len(runs)) as threads:
        given = dict(zip(runs, threads.map(reserve, runs), strict=True))
    assert sorted(given.values()) == list(range(1, 9))
    assert {found.run: number for number, found in made.layout.hosts().items()} == given


def test_what_a_killed_reservation_left_is_taken_up_or_freed(made: Made) -> None:
    before = made.files()
    (made.folder / f"hosts/.{RUN}").mkdir()
    (made.folder / f"hosts/.{RUN}/.host.json.new").write_text("{")
    made.layout.reserve(slot(1))
    made.layout.release(1, RUN)
    assert made.files() == before
    (made.folder / f"hosts/.{RUN}").mkdir()
    made.layout.release(1, RUN)
    assert made.files() == before
    (made.folder / "hosts/1").mkdir()  # being freed
    assert made.layout.hosts() == {}
    for odd in (b"{", msgspec.json.encode(slot(1)), sealed_object(Pointer(VOLUME, "raw"))):
        (made.folder / "hosts/1/host.json").write_bytes(odd)
        with pytest.raises(DomainDamaged):
            made.layout.hosts()


def test_a_domain_of_which_another_host_has_an_id_is_not_removed_whole(made: Made) -> None:
    made.layout.reserve(slot(1))
    made.layout.reserve(slot(2, OTHER))
    assert made.layout.remove(RUN) == (str(made.folder),)
    assert made.layout.hosts() == {2: slot(2, OTHER)}


def test_there_are_no_more_ids_than_sanlock_has() -> None:
    assert next_free(range(1, 2001)) is None
