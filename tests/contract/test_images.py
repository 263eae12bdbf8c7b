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
from hosted_setup.ports.locations import FileAt
from hosted_setup.ports.problems import ImageFault
from hosted_setup.testing.images import FakeImages
from tests.contract.bench import eventually

if TYPE_CHECKING:
    from tests.lab.laboratory import Laboratory

MIB = 1 << 20


@pytest.fixture(params=["fake", "real"])
def images(request: pytest.FixtureRequest) -> Images:
    """Give pretended images, then qemu-img's."""
    return FakeImages() if request.param == "fake" else QemuImages()


def disk_at(path: Path, kind: str = "qcow2") -> DiskSource:
    """Give a disk that is a whole file."""
    return DiskSource(FileAt(str(path)), kind)


def test_what_is_there_is_not_written_over(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.touch(0o660)
    mode = path.stat().st_mode & 0o777
    images.create(disk_at(path), 64 * MIB)
    assert path.stat().st_mode & 0o777 == mode
    assert images.virtual_size(disk_at(path)) == 64 * MIB
    before = path.read_bytes()
    with pytest.raises(ImageFault):
        images.create(disk_at(path), 32 * MIB)
    with pytest.raises(ImageFault):
        images.write(disk_at(path), [b"x"])
    with pytest.raises(ImageFault):
        images.convert(disk_at(path), disk_at(path), lambda _: None)
    assert path.read_bytes() == before


def test_no_name_is_made(images: Images, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "other").symlink_to(tmp_path / "empty")
    (tmp_path / "empty").touch()
    for name in ("link", "other", "nothing"):
        with pytest.raises(ImageFault):
            images.create(disk_at(tmp_path / name), MIB)
        with pytest.raises(ImageFault):
            images.write(disk_at(tmp_path / name), [b"x"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "link", "other"]
    assert (tmp_path / "empty").read_bytes() == b""


def test_write(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.touch()
    images.write(disk_at(path), (bytes([number]) * 1000 for number in range(3)))
    assert path.read_bytes() == b"\0" * 1000 + b"\1" * 1000 + b"\2" * 1000


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_grow_never_shrinks(images: Images, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "disk"
    path.touch()
    source = disk_at(path, kind)
    if kind == "qcow2":
        images.create(source, 4 * MIB)
    else:
        images.write(source, [b"\0" * MIB] * 4)
    images.grow(source, 8 * MIB)
    assert images.virtual_size(source) == 8 * MIB
    images.grow(source, 8 * MIB)
    images.grow(source, 2 * MIB)
    assert images.virtual_size(source) == 8 * MIB


def test_a_disk_in_the_middle_of_a_file(images: Images, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.touch()
    images.create(disk_at(inner), 16 * MIB)
    content = inner.read_bytes()
    outer = tmp_path / "outer"
    outer.write_bytes(b"\xff" * 1536 + content + b"\xff" * 512)
    source = DiskSource(FileAt(str(outer)), "qcow2", 1536, len(content))
    assert images.virtual_size(source) == 16 * MIB
    assert images.head(source, 1000) == b"\0" * 1000
    percents: list[float] = []
    (tmp_path / "disk").touch()
    images.convert(source, disk_at(tmp_path / "disk"), percents.append)
    assert percents[-1] == 100
    assert images.virtual_size(disk_at(tmp_path / "disk")) == 16 * MIB


def test_head_of_a_raw_disk(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    data = bytes(range(256)) * 512
    path.write_bytes(b"before.." * 64 + data)
    assert images.head(DiskSource(FileAt(str(path)), "raw", 512, len(data)), 1000) == data[:1000]
    assert images.virtual_size(DiskSource(FileAt(str(path)), "raw", 512, len(data))) == len(data)


def test_what_is_no_image(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"no image at all" * 100)
    with pytest.raises(ImageFault) as caught:
        images.virtual_size(disk_at(path))
    assert "not in qcow2 format" in caught.value.why


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
from hosted_setup.ports.locations import FileAt
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
from hosted_setup.ports.locations import FileAt
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
        if os.fsencode(target) in command and b"convert" in command and b"qemu-img" in command[0]:
            return True
    return False
