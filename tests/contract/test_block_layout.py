"""Long, since one domain lives a whole life here: on a pretended LUN, a loop device, a real iSCSI target with CHAP."""

from __future__ import annotations

import hashlib
import os
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest

from hosted_setup.adapters import qemu_images
from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.domain.block_layout import METADATA
from hosted_setup.domain.block_metadata import FORMAT, BlockMetadata, encoded
from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.lun_contents import Finding, Kind
from hosted_setup.domain.pointer import Pointer
from hosted_setup.domain.slots import blank
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import GIB, MIB
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DeviceAt, FileAt, IscsiAt, LunHome
from hosted_setup.ports.problems import ImageFault, NoSpace, StorageSilent
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.storage.layout import DomainDamaged, LunUsed
from hosted_setup.testing.images import FakeImages
from tests.lab.iscsi_server import ADDRESS, IscsiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosted_setup.ports.images import Images
    from tests.lab.laboratory import Laboratory

SIZE: Final = 200 * MIB
PORT: Final = 3262
RUN, OTHER = "20261121000000-aaaaaa", "20261121000000-bbbbbb"
PASSWORD: Final = "correct-horse"
UUID: Final = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"


@dataclass(frozen=True)
class Place:
    """A LUN, and the file with its bytes."""

    home: LunHome
    images: Images
    file: Path

    def layout(self, uuid: str = UUID) -> BlockLayout:
        return BlockLayout(uuid, self.home, self.images, UtilLinux())

    def digest(self) -> str:
        with self.file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def put(self, start: int, data: bytes) -> None:
        with self.file.open("r+b") as stream:
            stream.seek(start)
            stream.write(data)


@pytest.fixture(
    params=["fake", pytest.param("device", marks=pytest.mark.system), pytest.param("iscsi", marks=pytest.mark.system)]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    file = tmp_path / "lun"
    if request.param == "iscsi":
        lab: Laboratory = request.getfixturevalue("lab")
        with IscsiServer(lab, PORT) as server, lab.network():
            target = server.target("domain", chap=("host", PASSWORD))
            at = IscsiAt(f"{ADDRESS}:{PORT}", target, 1, "host", "kept", "iqn.2026-01.org.example:host")
            path = server.lun(target, SIZE)
            yield Place(LunHome(at, SIZE), QemuImages(lambda _uuid: Secret(PASSWORD)), path)
        return
    with file.open("xb") as stream:
        stream.truncate(SIZE)
    if request.param == "fake":
        yield Place(LunHome(DeviceAt(str(file)), SIZE), FakeImages(), file)
        return
    device = subprocess.run(["losetup", "--find", "--show", file], check=True, capture_output=True, text=True).stdout
    try:
        yield Place(LunHome(DeviceAt(device.strip()), SIZE), QemuImages(), file)
    finally:
        subprocess.run(["losetup", "--detach", device.strip()], check=True)


def test_a_life(place: Place, tmp_path: Path) -> None:
    before = place.digest()
    layout, volume = place.layout(), str(uuid4())
    assert layout.mark() is None
    layout.create("hosted_storage", RUN)
    mark = layout.mark()
    assert mark is not None
    assert (mark.uuid, mark.name, mark.run, mark.engine) == (UUID, "hosted_storage", RUN, "")
    assert layout.made_by(RUN)
    assert not layout.made_by(OTHER)
    assert place.layout(str(uuid4())).mark() is None, "another domain's"
    room = layout.free()

    disk = layout.add_volume(volume, "qcow2", 64 * MIB)
    assert layout.has(volume)
    assert layout.is_importing(volume)
    place.images.create(disk, 32 * MIB)
    place.images.grow(disk, 64 * MIB)
    assert place.images.virtual_size(disk) == 64 * MIB
    assert room - layout.free() == disk.size

    seed = tmp_path / "seed.iso"
    seed.write_bytes(b"seed" * 1000)
    lent = layout.lend(volume, "he-seed", seed)
    assert place.images.head(lent, 4000) == seed.read_bytes()
    assert layout.lend(volume, "he-seed", seed).size == lent.size
    layout.take_back(volume, "he-seed")

    layout.imported(volume)
    assert not layout.is_importing(volume)
    assert layout.current() is None
    layout.point_to(Pointer(volume, "qcow2"))
    with pytest.raises(FileExistsError):
        layout.point_to(Pointer(volume, "qcow2"))
    assert layout.current() == Pointer(volume, "qcow2")
    layout.write_conf({"hosted-engine.conf": "fqdn=engine\n"})
    layout.write_conf({"vm.conf": "vmId=1\n"})
    assert layout.read_conf() == {"hosted-engine.conf": "fqdn=engine\n", "vm.conf": "vmId=1\n"}
    layout.name_engine("e" * 64)
    assert layout.contents().findings == (Finding(Kind.DOMAIN, "hosted_storage"),)

    assert layout.remove(OTHER) == ()
    assert layout.remove(RUN), "the disk is still there"
    assert layout.has(volume)
    layout.drop_pointer(str(uuid4()))
    assert layout.current() is not None
    layout.drop_pointer(volume)
    assert layout.current() is None
    layout.remove_volume(volume)
    layout.remove_volume(volume)
    assert layout.free() == room
    assert layout.remove(RUN) == ()
    assert layout.remove(RUN) == ()
    assert place.digest() == before, "the LUN is as it was"


def test_an_image_is_copied_and_read_back(place: Place, tmp_path: Path) -> None:
    if isinstance(place.images, FakeImages):
        return  # it has no data
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(range(256)) * 4096 * 8)
    layout = place.layout()
    layout.create("hosted_storage", RUN)
    disk = layout.add_volume(str(uuid4()), "qcow2", 40 * MIB)
    seen: list[float] = []
    place.images.convert(DiskSource(FileAt(str(raw)), "raw"), disk, seen.append)
    assert seen[-1] == 100
    assert place.images.head(disk, 8 * MIB) == raw.read_bytes()[: 8 * MIB]
    streamed = layout.add_volume(str(uuid4()), "raw", 40 * MIB)
    place.images.write(streamed, (raw.read_bytes()[at : at + 300_000] for at in range(0, 8 * MIB, 300_000)))
    assert place.images.head(streamed, 8 * MIB) == raw.read_bytes()


def test_what_is_on_a_lun_is_never_written_over(place: Place) -> None:
    place.put(50 * MIB, b"theirs" * MIB)
    place.put(0, b"theirs")
    before = place.digest()
    with pytest.raises(LunUsed, match="HE-LUN-USED"):
        place.layout().create("hosted_storage", RUN)
    assert place.layout().remove(RUN) == ()
    assert place.digest() == before


@pytest.mark.parametrize("step", range(1, 6))
def test_a_creation_that_died_anywhere_is_taken_back_whole(
    place: Place, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, deeds = place.digest(), 0
    write = place.images.write

    def dying(*arguments: object) -> None:
        nonlocal deeds
        deeds += 1
        if deeds == step:
            raise KeyboardInterrupt
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(place.images, "write", dying)
    with pytest.raises(KeyboardInterrupt) if step < 5 else monkeypatch.context():
        place.layout().create("hosted_storage", RUN)
    monkeypatch.undo()
    assert place.layout().made_by(RUN) == (step == 5)
    place.layout(str(uuid4())).remove(RUN)
    place.layout().remove(OTHER)
    assert (place.digest() == before) == (step == 1)
    assert place.layout().remove(RUN) == ()
    assert place.digest() == before


def test_somebody_elses_table_over_ours_is_left_alone(place: Place) -> None:
    place.layout().create("hosted_storage", RUN)
    subprocess.run(
        ["sfdisk", "-q", "--force", place.file], input="label: gpt\n", text=True, check=True, capture_output=True
    )
    before = place.digest()
    assert not place.layout().made_by(RUN)
    assert place.layout().remove(RUN) == ()
    with pytest.raises(DomainDamaged, match="HE-DOMAIN-DAMAGED") as gone:
        place.layout().take_back(str(uuid4()), "he-seed")
    assert gone.value.why == "its partition table is gone"
    assert place.digest() == before


def test_metadata_without_a_whole_copy_is_damage(place: Place) -> None:
    place.layout().create("hosted_storage", RUN)
    place.put(MIB, bytes(2 * MIB))
    with pytest.raises(DomainDamaged, match=METADATA):
        place.layout().made_by(RUN)


def test_metadata_of_another_domain_is_damage(place: Place) -> None:
    place.layout().create("hosted_storage", RUN)
    theirs = BlockMetadata(format=FORMAT, uuid=str(uuid4()), name="hosted_storage", run=RUN)
    place.put(MIB, blank(encoded(theirs), 2 * MIB))
    with pytest.raises(DomainDamaged, match=METADATA) as damaged:
        place.layout().made_by(RUN)
    assert damaged.value.why == "it does not read as the metadata of this domain"


def test_a_lun_that_is_full_says_so(place: Place) -> None:
    place.layout().create("hosted_storage", RUN)
    with pytest.raises(NoSpace, match="HE-NO-SPACE") as full:
        place.layout().add_volume(str(uuid4()), "qcow2", GIB)
    assert "in one piece" in full.value.why


def test_nothing_is_written_past_the_end_of_a_region(place: Place) -> None:
    if isinstance(place.images, FakeImages):
        return
    before = place.digest()
    with pytest.raises((ImageFault, NoSpace)):
        place.images.write(DiskSource(place.home.at, "raw", MIB, MIB), [bytes(2 * MIB)])
    assert place.digest() == before


@pytest.mark.system
def test_a_server_that_hangs_is_given_up(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_images, "SILENT_AFTER", 2.0)
    with IscsiServer(lab, PORT) as server, lab.network():
        target = server.target("hanging")
        server.lun(target, SIZE)
        region = DiskSource(IscsiAt(f"{ADDRESS}:{PORT}", target, 1), "raw", 0, MIB)
        with server.hung():
            for deed in (lambda: QemuImages().head(region, MIB), lambda: QemuImages().write(region, [bytes(MIB)])):
                with pytest.raises(StorageSilent, match="HE-STORAGE-SILENT"):
                    deed()
        assert QemuImages().head(region, MIB) == bytes(MIB)


@pytest.mark.system
def test_a_copy_that_stalls_is_given_up(lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_images, "_STALLED", 2.0)
    raw = tmp_path / "raw"
    raw.write_bytes(os.urandom(64 * MIB))
    with IscsiServer(lab, PORT) as server, lab.network(), ExitStack() as hung:
        target = server.target("stalling")
        server.lun(target, SIZE)
        disk = DiskSource(IscsiAt(f"{ADDRESS}:{PORT}", target, 1), "qcow2", 0, SIZE)
        seen: list[float] = []

        def stop(percent: float) -> None:
            if not seen:
                hung.enter_context(server.hung())
            seen.append(percent)

        with pytest.raises(StorageSilent, match="HE-STORAGE-SILENT") as silent:
            QemuImages().convert(DiskSource(FileAt(str(raw)), "raw"), disk, stop)
        with pytest.raises(StorageSilent, match="HE-STORAGE-SILENT"):
            QemuImages().clear(disk)
    assert silent.value.why == "nothing has moved for 2 s"
    assert max(seen) < 100


def test_host_ids_are_reserved_read_and_freed_by_their_run_alone(place: Place) -> None:
    layout = place.layout()
    layout.create("hosted_storage", RUN)
    mine = HostSlot(1, "host1.example.com", str(uuid4()), RUN, "2026-11-21T00:00:00+00:00")
    theirs = HostSlot(2, "host2.example.com", str(uuid4()), OTHER, "2026-11-21T00:00:01+00:00")
    layout.reserve(mine)
    layout.reserve(theirs)
    assert layout.hosts() == {1: mine, 2: theirs}
    with pytest.raises(FileExistsError):
        layout.reserve(theirs)
    layout.release(2, RUN)
    assert layout.hosts() == {1: mine, 2: theirs}
    (left,) = layout.remove(RUN)
    assert "host2.example.com" in left
    layout.release(2, OTHER)
    assert layout.hosts() == {1: mine}
    assert layout.remove(RUN) == ()
    assert layout.contents().empty
