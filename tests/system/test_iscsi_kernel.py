"""iSCSI by the kernel: logged in, used and logged out under a kernel that has the initiator, again after a reboot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_setup.model.values import GIB, MIB
from tests.lab.iscsi_server import ADDRESS, IscsiServer
from tests.lab.kernel_tier import run_in_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

PROGRAM: Final = Path(__file__).with_name("iscsi_by_kernel.py")
MODULES: Final = (
    *("crc32c_generic", "virtio_blk", "virtio_scsi", "ext4"),
    *("sd_mod", "iscsi_tcp", "dm_multipath", "dm_service_time"),
)
PORT: Final = 3260
SIZE: Final = 4 * GIB
PASSWORD: Final = "correct horse/+=€"
FIRST, SECOND = "192.0.2.31", "192.0.2.32"  # of the laboratory, as the VM's own network reaches them
WWN: Final = "5000c500a1b2c3d4"


@pytest.fixture(scope="module")
def server(lab: Laboratory) -> Iterator[IscsiServer]:
    for one in (FIRST, SECOND):
        lab.run(["ip", "address", "add", f"{one}/32", "dev", "lo"], check=True)
    with IscsiServer(lab, PORT, (FIRST, SECOND, ADDRESS)) as running, lab.network():
        yield running


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give the disk that outlives the VM."""
    path = tmp_path / "kept.img"
    with path.open("xb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mkfs.ext4", "-q", path], check=True)
    return path


def run(what: str, targets: list[dict[str, Any]], kept: Path, *devices: str) -> list[str]:
    disk = ("-drive", f"file={kept},format=raw,if=none,id=kept", "-device", "virtio-blk-pci,drive=kept")
    command = [sys.executable, str(PROGRAM), what, json.dumps(targets)]
    done = run_in_kernel(command, MODULES, within=400, devices=(*disk, *devices))
    assert done.code == 0, done.output
    return done.output.splitlines()


def test_a_domain_is_made_and_is_there_after_a_reboot(server: IscsiServer, kept: Path) -> None:
    targets: list[dict[str, Any]] = []
    every: dict[str, dict[str, Any]] = {
        "open": {},
        "guarded": {"user": "alice"},
        "cut": {"user": "bob", "cut": True},
        "paths": {"portals": [f"{FIRST}:{PORT}", f"{SECOND}:{PORT}"]},
    }
    for name, more in every.items():
        target = server.target(name, chap=(more["user"], PASSWORD) if "user" in more else None)
        server.lun(target, SIZE)
        what = {"target": target, "wwid": server.wwid(target, 1), "size": SIZE, "portals": [f"{FIRST}:{PORT}"]}
        targets.append(what | more)
    single, twice = targets[:3], targets[3:]
    for boot, word in (("first", "made"), ("second", "gone")):
        lines = run(boot, single, kept)
        assert lines == [
            line
            for one in single
            for name, path in [(one["target"].rpartition(":")[2], f"/dev/disk/by-id/wwn-0x{one['wwid'][1:]}")]
            for line in (
                f"{name}: {path}, 1 of 1 paths, 1 sessions",
                f"{name}: cut off"
                if (name, boot) == ("cut", "first")
                else f"{name}: the domain is {word}, nothing is left",
            )
        ]
        path = f"/dev/disk/by-id/dm-uuid-mpath-{twice[0]['wwid']}"
        assert run(boot, twice, kept) == [
            f"paths: {path}, 2 of 2 paths, 2 sessions",
            f"paths: the domain is {word}, nothing is left",
        ]
    for one in targets:
        assert server.initiators(one["target"]) == []


def test_what_the_kernel_meets_is_told_by_codes(server: IscsiServer, kept: Path) -> None:
    target = server.target("refusing", chap=("carol", PASSWORD))
    server.lun(target, SIZE)
    others = server.target("others", initiator="iqn.2026-01.org.example:b")
    server.lun(others, SIZE)
    good = {"target": target, "wwid": server.wwid(target, 1), "size": SIZE, "portals": [f"{FIRST}:{PORT}"],
            "user": "carol", "password": PASSWORD}  # fmt: skip
    cases = [
        good | {"case": "wrong password", "password": "wrong-wrong-wrong"},
        good | {"case": "no user", "user": ""},
        good | {"case": "nobody there", "portals": [f"{FIRST}:3999"]},
        good | {"case": "for others", "target": others, "user": ""},
        good | {"case": "no such LUN", "wwid": "360000000000000000e00000000ffff"},
    ]
    told = dict(line.split(": ", 1) for line in run("refused", cases, kept))
    assert {case: text.partition(" ")[0] for case, text in told.items()} == {
        "wrong password": "HE-ISCSI-CHAP",
        "no user": "HE-ISCSI-CHAP",
        "nobody there": "HE-ISCSI-HUNG",
        "for others": "HE-ISCSI-TARGET",
        "no such LUN": "HE-ISCSI-LUN",
    }
    assert not [text for text in told.values() if text.endswith("late")], told


def test_a_lun_with_two_paths_is_used_through_both(kept: Path, tmp_path: Path) -> None:
    disk = tmp_path / "lun"
    with disk.open("xb") as file:
        file.truncate(SIZE)
    devices = [
        word
        for way in ("a", "b")
        for word in (
            "-device", f"virtio-scsi-pci,id=scsi-{way}",
            "-drive", f"file={disk},format=raw,if=none,id={way},file.locking=off",
            "-device", f"scsi-hd,bus=scsi-{way}.0,drive={way},wwn=0x{WWN},share-rw=on,serial=he-two-paths",
        )
    ]  # fmt: skip
    path = f"/dev/disk/by-id/dm-uuid-mpath-3{WWN}"
    assert run("multipath", [{"wwid": f"3{WWN}", "portals": []}], kept, *devices) == [
        f"{path}, 2 of 2 paths",
        f"{path}, 1 of 2 paths",
    ]
