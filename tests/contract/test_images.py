"""Images: made exclusively, grown, read; and what happens when a file system is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.ports.images import DiskSource, Images
from hosted_setup.ports.locations import FileAt, NfsAt
from hosted_setup.ports.problems import ImageFault
from hosted_setup.testing.images import FakeImages
from tests.contract.bench import eventually
from tests.lab.nfs_server import SERVER, Export, NfsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosted_setup.ports.locations import Location
    from tests.lab.laboratory import Laboratory

MIB = 1 << 20


class Place:
    """Images of one kind, and a folder that they work on; here it is seen by this host's kernel."""

    def __init__(self, images: Images, folder: Path, at: Callable[[Path], Location]) -> None:
        self.images = images
        self.folder = folder
        self._at = at

    def disk(self, path: Path, kind: str = "qcow2", offset: int | None = None, size: int | None = None) -> DiskSource:
        return DiskSource(self._at(path), kind, offset, size)


def here(path: Path) -> FileAt:
    return FileAt(str(path))


@pytest.fixture(params=["fake", "real", "nfs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give pretended images, then qemu-img's, on files of this host and on a server's."""
    if request.param == "nfs":
        lab: Laboratory = request.getfixturevalue("lab")
        folder = lab.folder("images")
        with NfsServer(lab, {"/export": Export(folder)}), lab.network():
            yield Place(QemuImages(), folder, lambda path: NfsAt(SERVER, f"/export/{path.relative_to(folder)}", 0, 0))
        return
    yield Place(FakeImages() if request.param == "fake" else QemuImages(), tmp_path, here)


def test_what_is_there_is_not_written_over(place: Place) -> None:
    path = place.folder / "disk"
    path.touch(0o660)
    mode = path.stat().st_mode & 0o777
    place.images.create(place.disk(path), 64 * MIB)
    assert path.stat().st_mode & 0o777 == mode
    assert place.images.virtual_size(place.disk(path)) == 64 * MIB
    before = path.read_bytes()
    with pytest.raises(ImageFault):
        place.images.create(place.disk(path), 32 * MIB)
    with pytest.raises(ImageFault):
        place.images.write(place.disk(path), [b"x"])
    with pytest.raises(ImageFault):
        place.images.convert(place.disk(path), place.disk(path), lambda _: None)
    assert path.read_bytes() == before


def test_no_name_is_made(place: Place) -> None:
    (place.folder / "link").symlink_to(place.folder / "elsewhere")
    (place.folder / "other").symlink_to(place.folder / "empty")
    (place.folder / "empty").touch()
    for name in ("link", "other", "nothing"):
        with pytest.raises(ImageFault):
            place.images.create(place.disk(place.folder / name), MIB)
        with pytest.raises(ImageFault):
            place.images.write(place.disk(place.folder / name), [b"x"])
    assert sorted(path.name for path in place.folder.iterdir()) == ["empty", "link", "other"]
    assert (place.folder / "empty").read_bytes() == b""


def test_write(place: Place) -> None:
    path = place.folder / "disk"
    path.touch()
    place.images.write(place.disk(path), (bytes([number]) * 1000 for number in range(3)))
    assert path.read_bytes() == b"\0" * 1000 + b"\1" * 1000 + b"\2" * 1000


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_grow_never_shrinks(place: Place, kind: str) -> None:
    path = place.folder / "disk"
    path.touch()
    source = place.disk(path, kind)
    if kind == "qcow2":
        place.images.create(source, 4 * MIB)
    else:
        place.images.write(source, [b"\0" * MIB] * 4)
    place.images.grow(source, 8 * MIB)
    assert place.images.virtual_size(source) == 8 * MIB
    place.images.grow(source, 8 * MIB)
    place.images.grow(source, 2 * MIB)
    assert place.images.virtual_size(source) == 8 * MIB


def test_a_disk_in_the_middle_of_a_file(place: Place) -> None:
    inner = place.folder / "inner"
    inner.touch()
    place.images.create(place.disk(inner), 16 * MIB)
    content = inner.read_bytes()
    outer = place.folder / "outer"
    outer.write_bytes(b"\xff" * 1536 + content + b"\xff" * 512)
    source = place.disk(outer, "qcow2", 1536, len(content))
    assert place.images.virtual_size(source) == 16 * MIB
    assert place.images.head(source, 1000) == b"\0" * 1000
    percents: list[float] = []
    (place.folder / "disk").touch()
    place.images.convert(source, place.disk(place.folder / "disk"), percents.append)
    assert percents[-1] == 100
    assert place.images.virtual_size(place.disk(place.folder / "disk")) == 16 * MIB


def test_head_of_a_raw_disk(place: Place) -> None:
    path = place.folder / "disk"
    data = bytes(range(256)) * 512
    path.write_bytes(b"before.." * 64 + data)
    assert place.images.head(place.disk(path, "raw", 512, len(data)), 1000) == data[:1000]
    assert place.images.virtual_size(place.disk(path, "raw", 512, len(data))) == len(data)


def test_what_is_no_image(place: Place) -> None:
    path = place.folder / "disk"
    path.write_bytes(b"no image at all" * 100)
    with pytest.raises(ImageFault) as caught:
        place.images.virtual_size(place.disk(path))
    assert "not in qcow2 format" in caught.value.why


def disk_at(path: Path, kind: str = "qcow2") -> DiskSource:
    """Give a disk that is a whole file."""
    return DiskSource(FileAt(str(path)), kind)


# What follows is the real adapter's alone.


def test_the_head_of_a_qcow2_is_what_the_guest_sees(tmp_path: Path) -> None:
    raw, disk = tmp_path / "raw", tmp_path / "disk"
    data = os.urandom(3 * MIB)
    raw.write_bytes(data)
    disk.touch()
    QemuImages().convert(disk_at(raw, "raw"), disk_at(disk), lambda _: None)
    assert QemuImages().head(disk_at(disk), MIB) == data[:MIB]
    assert QemuImages().head(disk_at(disk), 8 * MIB) == data


def test_a_full_file_system(lab: Laboratory) -> None:
    small = lab.folder("small")
    script = f"""
from pathlib import Path
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt, NfsAt
from hosted_setup.ports.problems import NoSpace
import os
small = Path({str(small)!r})
def disk(path, kind="qcow2"):
    return DiskSource(FileAt(str(path)), kind)
for name in ("a", "b"):
    (small / name).touch()
for deed in (
    lambda: QemuImages().write(disk(small / "a"), [os.urandom(1 << 20)] * 8),
    lambda: QemuImages().convert(disk({str(small.with_name("big"))!r}, "raw"), disk(small / "b"), lambda _: None),
):
    try:
        deed()
    except NoSpace as problem:
        print(problem.detail, "|", problem.why)
"""
    small.with_name("big").write_bytes(os.urandom(8 * MIB))
    lab.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    done = lab.run([sys.executable, "-c", script])
    lab.run(["umount", small], check=True)
    first, second = done.stdout.splitlines()
    for line in (first, second):
        assert "of 4 MiB are free" in line, done.stderr
        assert "No space left on device" in line


def test_the_copying_ends_with_its_installer(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    with raw.open("wb") as stream:
        for _ in range(512):
            stream.write(os.urandom(MIB))
    script = """
import sys
from pathlib import Path
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt, NfsAt
source, disk = DiskSource(FileAt(sys.argv[1]), "raw"), DiskSource(FileAt(sys.argv[2]), "qcow2")
QemuImages().convert(source, disk, lambda p: print(p, flush=True))
"""
    target = tmp_path / "disk"
    target.touch()
    with subprocess.Popen(
        [sys.executable, "-c", script, str(raw), str(target)], stdout=subprocess.PIPE, text=True
    ) as installer:
        assert installer.stdout is not None
        installer.stdout.readline()
        assert copying(target)
        installer.send_signal(signal.SIGKILL)
        installer.wait()
    eventually(lambda: not copying(target), within=5)


def copying(target: Path) -> bool:
    """Tell whether some qemu-img writes to `target`."""
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(os.fsencode(target) in word for word in command) and b"convert" in command and b"qemu-img" in command[0]:
            return True
    return False
