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


@pytest.fixture
def umask() -> None:
    """Have the common umask: the mode of an image does not depend on it."""
    os.umask(0o022)


@pytest.mark.usefixtures("umask")
def test_create_is_exclusive(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    images.create(path, 64 * MIB)
    assert path.stat().st_mode & 0o777 == 0o660
    assert images.virtual_size(DiskSource(str(path), "qcow2")) == 64 * MIB
    before = path.read_bytes()
    with pytest.raises(ImageFault):
        images.create(path, 32 * MIB)
    with pytest.raises(ImageFault):
        images.write(path, [b"x"])
    with pytest.raises(ImageFault):
        images.convert(DiskSource(str(path), "qcow2"), path, lambda _: None)
    assert path.read_bytes() == before


def test_a_link_is_not_followed(images: Images, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ImageFault):
        images.create(tmp_path / "link", MIB)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.usefixtures("umask")
def test_write(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    images.write(path, (bytes([number]) * 1000 for number in range(3)))
    assert path.read_bytes() == b"\0" * 1000 + b"\1" * 1000 + b"\2" * 1000
    assert path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_grow_never_shrinks(images: Images, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "disk"
    if kind == "qcow2":
        images.create(path, 4 * MIB)
    else:
        images.write(path, [b"\0" * MIB] * 4)
    source = DiskSource(str(path), kind)
    images.grow(path, kind, 8 * MIB)
    assert images.virtual_size(source) == 8 * MIB
    images.grow(path, kind, 8 * MIB)
    images.grow(path, kind, 2 * MIB)
    assert images.virtual_size(source) == 8 * MIB


def test_a_disk_in_the_middle_of_a_file(images: Images, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    images.create(inner, 16 * MIB)
    content = inner.read_bytes()
    outer = tmp_path / "outer"
    outer.write_bytes(b"\xff" * 1536 + content + b"\xff" * 512)
    source = DiskSource(str(outer), "qcow2", 1536, len(content))
    assert images.virtual_size(source) == 16 * MIB
    assert images.head(source, 1000) == b"\0" * 1000
    percents: list[float] = []
    images.convert(source, tmp_path / "disk", percents.append)
    assert percents[-1] == 100
    assert images.virtual_size(DiskSource(str(tmp_path / "disk"), "qcow2")) == 16 * MIB


def test_head_of_a_raw_disk(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    data = bytes(range(256)) * 512
    path.write_bytes(b"before.." * 64 + data)
    assert images.head(DiskSource(str(path), "raw", 512, len(data)), 1000) == data[:1000]
    assert images.virtual_size(DiskSource(str(path), "raw", 512, len(data))) == len(data)


def test_what_is_no_image(images: Images, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"no image at all" * 100)
    with pytest.raises(ImageFault) as caught:
        images.virtual_size(DiskSource(str(path), "qcow2"))
    assert "not in qcow2 format" in caught.value.why


# What follows is the real adapter's alone.


def test_the_head_of_a_qcow2_is_what_the_guest_sees(tmp_path: Path) -> None:
    raw, disk = tmp_path / "raw", tmp_path / "disk"
    data = os.urandom(3 * MIB)
    raw.write_bytes(data)
    QemuImages().convert(DiskSource(str(raw), "raw"), disk, lambda _: None)
    assert QemuImages().head(DiskSource(str(disk), "qcow2"), MIB) == data[:MIB]
    assert QemuImages().head(DiskSource(str(disk), "qcow2"), 8 * MIB) == data


def test_a_full_file_system(lab: Laboratory) -> None:
    small = lab.folder("small")
    script = f"""
from pathlib import Path
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.problems import NoSpace
import os
small = Path({str(small)!r})
for deed in (
    lambda: QemuImages().write(small / "a", [os.urandom(1 << 20)] * 8),
    lambda: QemuImages().convert(DiskSource({str(small.with_name("big"))!r}, "raw"), small / "b", lambda _: None),
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
QemuImages().convert(DiskSource(sys.argv[1], "raw"), Path(sys.argv[2]), lambda p: print(p, flush=True))
"""
    target = tmp_path / "disk"
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
