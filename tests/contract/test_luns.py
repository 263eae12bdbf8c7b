"""The LUNs of a host: real lsblk over trees of /sys laid out as the kernel does, and over loop devices of this host."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.adapters.system_luns import SystemLuns
from hosted_setup.model.values import MIB
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DeviceAt
from hosted_setup.ports.luns import HostLun

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTORS = 62914560  # of 512 bytes
WWN = "0x60000000000000000e0000000001000"


class Tree:
    """A root with the part of /sys that tells of block devices, and with what udev knows of them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def disk(self, name: str, number: str, place: str, *, state: str = "running", read_only: bool = False) -> None:
        """Have a SCSI disk at host:bus:target:LUN."""
        device = self.root / f"sys/devices/pci0000:00/host{place[0]}/target{place.rpartition(':')[0]}/{place}"
        folder = device / "block" / name
        self._block(folder, number, read_only=read_only)
        _put(device, type="0", vendor="ACME    ", model="Virtual Disk    ", state=state)
        (folder / "device").symlink_to(device)

    def multipath(self, name: str, number: str, label: str, wwid: str, *paths: str) -> None:
        """Have a multipath device."""
        folder = self.root / f"sys/devices/virtual/block/{name}"
        self._block(folder, number)
        (folder / "dm").mkdir()
        _put(folder / "dm", name=label, uuid=f"mpath-{wwid}")
        for path in paths:
            (folder / "slaves" / path).symlink_to(self.root / "sys/class/block" / path)
            (self.root / "sys/class/block" / path / "holders" / name).symlink_to(folder)

    def known(self, name: str, **properties: str) -> None:
        """Have udev know something of a device."""
        (self.root / "dev").mkdir(exist_ok=True)
        (self.root / "dev" / name).write_text("".join(f"{key}={value}\n" for key, value in properties.items()))

    def _block(self, folder: Path, number: str, *, read_only: bool = False) -> None:
        for one in ("queue", "slaves", "holders"):
            (folder / one).mkdir(parents=True)
        _put(folder, dev=number, size=str(SECTORS), ro=str(int(read_only)), removable="0")
        _put(folder / "queue", logical_block_size="512", rotational="1")
        for place in (f"block/{folder.name}", f"class/block/{folder.name}", f"dev/block/{number}"):
            link = self.root / "sys" / place
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(folder, link.parent))  # as the kernel does: lsblk reads it
        (folder / "subsystem").symlink_to(self.root / "sys/class/block")


def _put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def of(tree: Tree) -> tuple[HostLun, ...]:
    return SystemLuns(tree.root).listed()


def found(path: str, wwid: str, *, up: int = 1, paths: int = 1, ro: bool = False) -> HostLun:
    return HostLun(path, SECTORS * 512, 512, "ACME", "Virtual_Disk", "SN1", wwid, ro, up, paths)


def test_a_lun_of_two_paths_is_listed_once_and_a_path_that_is_down_counts(tree: Tree) -> None:
    for name, number, place, state in (("sda", "8:0", "2:0:0:1", "running"), ("sdb", "8:16", "3:0:0:1", "offline")):
        tree.disk(name, number, place, state=state)
        tree.known(name, ID_WWN=f"{WWN}1", ID_SERIAL_SHORT="SN1", ID_MODEL="Virtual_Disk")
    wwid = f"3{WWN[2:]}1"
    tree.multipath("dm-0", "254:0", "mpatha", wwid, "sda", "sdb")
    assert of(tree) == (found("/dev/mapper/mpatha", wwid, up=1, paths=2),)


def test_luns_without_multipath_are_disks_that_have_an_identifier(tree: Tree) -> None:
    for at, (name, number) in enumerate((("sdc", "8:32"), ("sda", "8:0"), ("sdb", "8:16"))):
        tree.disk(name, number, f"2:0:0:{at}", read_only=name == "sdc")
    for name, last in (("sda", "1"), ("sdc", "2")):  # sdb has none: a disk of an emulator, say
        tree.known(name, ID_WWN=f"{WWN}{last}", ID_SERIAL_SHORT="SN1", ID_MODEL="Virtual_Disk")
    assert of(tree) == (
        found("/dev/sda", f"3{WWN[2:]}1"),
        found("/dev/sdc", f"3{WWN[2:]}2", ro=True),
    )


def test_several_paths_without_multipath_are_one_lun_of_the_first(tree: Tree) -> None:
    for name, number, place, state in (("sda", "8:0", "2:0:0:1", "running"), ("sdb", "8:16", "3:0:0:1", "offline")):
        tree.disk(name, number, place, state=state)
        tree.known(name, ID_WWN=f"{WWN}1", ID_SERIAL_SHORT="SN1", ID_MODEL="Virtual_Disk")
    assert of(tree) == (found("/dev/sda", f"3{WWN[2:]}1", up=1, paths=2),)


def test_a_lun_goes_by_the_name_that_lasts(tree: Tree) -> None:
    tree.disk("sda", "8:0", "2:0:0:1")
    tree.known("sda", ID_WWN=f"{WWN}1", ID_SERIAL_SHORT="SN1", ID_MODEL="Virtual_Disk")
    assert [one.lasting for one in of(tree)] == [False]
    names = tree.root / "dev/disk/by-id"
    names.mkdir(parents=True)
    for name in (f"scsi-3{WWN[2:]}1", f"wwn-{WWN}1"):
        (names / name).touch()
        (one,) = of(tree)
        assert (one.path, one.lasting, one.multipath) == (f"/dev/disk/by-id/{name}", True, False)
    tree.multipath("dm-0", "254:0", "mpatha", f"3{WWN[2:]}1", "sda")
    (one,) = of(tree)
    assert (one.path, one.lasting, one.multipath) == ("/dev/mapper/mpatha", True, True)
    name = f"dm-uuid-mpath-3{WWN[2:]}1"
    (names / name).touch()
    (one,) = of(tree)
    assert (one.path, one.lasting, one.multipath) == (f"/dev/disk/by-id/{name}", True, True)


def test_a_disk_that_is_just_going_is_left_out(tree: Tree) -> None:
    for name, number, place in (("sda", "8:0", "2:0:0:1"), ("sdb", "8:16", "2:0:0:2")):
        tree.disk(name, number, place)
        tree.known(name, ID_WWN=f"{WWN}{place[-1]}", ID_SERIAL_SHORT="SN1", ID_MODEL="Virtual_Disk")
    (tree.root / "sys/class/block/sdb/queue/logical_block_size").unlink()
    assert of(tree) == (found("/dev/sda", f"3{WWN[2:]}1"),)


def test_a_host_without_luns(tree: Tree) -> None:
    for folder in ("sys/block", "sys/dev/block", "sys/class/block"):
        (tree.root / folder).mkdir(parents=True)
    assert of(tree) == ()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[str]:
    """Give a block device of this host, read-only."""
    path = tmp_path / "lun"
    path.write_bytes(b"head".ljust(MIB, b"\0") + b"tail".ljust(MIB, b"\0"))
    words = ["losetup", "--find", "--read-only", "--show", str(path)]
    device = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    yield device
    subprocess.run(["losetup", "--detach", device], check=True)


def test_a_device_by_its_path_whatever_it_is(loop: str, tmp_path: Path) -> None:
    luns = SystemLuns()
    device = luns.device(loop)
    assert device is not None
    assert (device.path, device.size, device.block, device.read_only) == (loop, 2 * MIB, 512, True)
    assert (device.wwid, device.paths_up, device.paths) == ("", 1, 1)
    assert loop not in [one.path for one in luns.listed()]
    link = tmp_path / "by-name"
    link.symlink_to(loop)
    again = luns.device(str(link))
    assert again is not None
    assert (again.path, again.size) == (str(link), 2 * MIB)
    assert [one[:4] for one in luns.read(loop, [(0, 512), (MIB, 4096)])] == [b"head", b"tail"]
    assert luns.device("/dev/null") is None
    assert luns.device(str(tmp_path / "lun")) is None
    with pytest.raises(OSError, match="No such file"):
        luns.read(str(tmp_path / "none"), [(0, 1)])


def test_what_another_host_writes_is_seen_at_once(loop: str, tmp_path: Path) -> None:
    with Path(loop).open("rb") as opened:  # as multipath keeps it open: what was read once stays in the cache
        assert opened.read(4) == b"head"
        with (tmp_path / "lun").open("r+b") as file:  # stands for the other host
            file.write(b"HEAD")
        assert os.pread(opened.fileno(), 4, 0) == b"head", "the cache knows nothing of it"
        assert SystemLuns().read(loop, [(0, 512)])[0][:4] == b"HEAD"
        assert QemuImages().head(DiskSource(DeviceAt(loop), "raw", 0, 512), 4) == b"HEAD"


def test_a_device_that_never_answers_is_given_up(tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    os.mkfifo(silent)  # stands for it: whoever opens it to read waits, as long as nobody writes
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
        SystemLuns(within=0.2).read(str(silent), [(0, 1)])
    assert time.monotonic() - begun < 3.0
    os.close(os.open(silent, os.O_WRONLY))  # lets the reader go
