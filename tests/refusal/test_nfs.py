"""NFS servers and exports that cannot be used: each reason by its own code, in time, and not a byte is changed."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.storage.file_layout import FileLayout
from tests.lab.nfs_server import SERVER, Export, NfsServer
from tests.refusal.told import Told, assert_well_told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.refusal.site import Site

IN_TIME: Final = 10.0
"""Seconds for the looking; the program's own start and end come on top."""
AROUND: Final = 5.0
OWNER: Final = 36
OVIRT: Final = "5d0e6c0f-2a4a-4f7e-9a3e-000000000001"
OURS: Final = "5d0e6c0f-2a4a-4f7e-9a3e-000000000002"


class Exports:
    """A server and its folders."""

    def __init__(self, server: NfsServer, folder: Path, full: Path) -> None:
        self.server = server
        self.folder = folder
        self.full = full

    def digest(self) -> dict[str, str]:
        """Hash all there is."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = f"{path.stat().st_mtime_ns} {content}"
        return found


@pytest.fixture(scope="module")
def exports(lab: Laboratory) -> Iterator[Exports]:
    top, full = lab.folder("exports"), lab.folder("full")
    for name in ("plain", "ovirt", "ours"):
        (top / name).mkdir()
        os.chown(top / name, OWNER, OWNER)
    _domain_of_ovirt(top / "ovirt")
    home = DirectoryHome(top / "ours", OWNER, OWNER)
    FileLayout(OURS, home, LocalTree(home)).create("hosted_storage", "20260101000000-bbbbbb")
    lab.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", full], check=True)
    lab.run(["dd", "if=/dev/zero", f"of={full}/filling", "bs=64k"])
    served = {
        "/plain": Export(top / "plain"),
        "/ro": Export(top / "plain", "Access_Type = RO;"),
        "/denied": Export(top / "plain", "Access_Type = None; CLIENT { Clients = 192.0.2.9; Access_Type = RW; }"),
        "/squashed": Export(top / "plain", "Squash = All_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534;"),
        "/full": Export(full),
        "/ovirt": Export(top / "ovirt"),
        "/ours": Export(top / "ours"),
    }
    with NfsServer(lab, served) as server:
        yield Exports(server, top, full)
    lab.run(["umount", full], check=True)


def _domain_of_ovirt(folder: Path) -> None:
    """Make what vdsm makes: a domain's folder with its metadata."""
    metadata = folder / OVIRT / "dom_md/metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("CLASS=Data\nDESCRIPTION=hosted_storage\nSDUUID=" + OVIRT + "\nTYPE=NFS\nVERSION=5\n")


def answer(site: Site, export: str, **changes: str) -> None:
    site.answer(**{
        "OVEHOSTED_STORAGE__domainType": "str:nfs",
        "OVEHOSTED_STORAGE__storageDomainConnection": f"str:{export}",
        "HOSTED_ENGINE__storageAccess": "str:qemu",
    } | changes)  # fmt: skip


def refused(site: Site, code: str, exit_code: int = 3) -> Told:
    begun = time.monotonic()
    refusal = site.refused()
    assert time.monotonic() - begun < IN_TIME + AROUND
    assert (refusal.exit_code, refusal.codes) == (exit_code, [code]), refusal.out
    assert_well_told(refusal.told[0])
    return refusal.told[0]


CASES: Final[dict[str, tuple[str, str, str]]] = {
    "unreachable": ("192.0.2.9:/plain", "HE-NFS-UNREACHABLE", "unreachable"),
    "unknown-export": (f"{SERVER}:/nothing", "HE-NFS-EXPORT", "MNT3ERR_ACCES"),
    "denied": (f"{SERVER}:/denied", "HE-NFS-EXPORT", "MNT3ERR_ACCES"),
    "read-only": (f"{SERVER}:/ro", "HE-NFS-READONLY", "NFS3ERR_ROFS"),
    "squashed": (f"{SERVER}:/squashed", "HE-NFS-WRITE", "NFS3ERR_ACCES"),
    "full": (f"{SERVER}:/full", "HE-NFS-FULL", "No space left"),
    "ovirt": (f"{SERVER}:/ovirt", "HE-STORAGE-TAKEN", "of oVirt or another program: hosted_storage"),
    "another-engine": (f"{SERVER}:/ours", "HE-STORAGE-TAKEN", "made by run 20260101000000-bbbbbb"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_export_that_will_not_do(site: Site, exports: Exports, case: str) -> None:
    export, code, why = CASES[case]
    answer(site, export)
    before = exports.digest()
    assert why in refused(site, code).text("Why")
    assert exports.digest() == before


def test_a_server_that_is_down(site: Site, exports: Exports) -> None:
    answer(site, f"{SERVER}:/plain")
    before = exports.digest()
    exports.server.stop()
    try:
        refused(site, "HE-NFS-UNREACHABLE")
    finally:
        exports.server.start()
    assert exports.digest() == before


def test_a_server_that_hangs(site: Site, exports: Exports) -> None:
    answer(site, f"{SERVER}:/plain")
    before = exports.digest()
    exports.server.hang()
    try:
        assert "did not answer" in refused(site, "HE-NFS-HUNG").text("Why")
    finally:
        exports.server.go_on()
    assert exports.digest() == before


def test_a_version_that_this_way_does_not_speak(site: Site, exports: Exports) -> None:
    answer(site, f"{SERVER}:/plain", OVEHOSTED_STORAGE__nfsVersion="str:v4_2")
    before = exports.digest()
    assert "version 3" in refused(site, "HE-NFS-WAY").text("Why")
    assert exports.digest() == before


@pytest.mark.parametrize("path", [f"{SERVER}:plain", "/plain", f"{SERVER}:/a/../plain"])
def test_a_path_that_is_none(site: Site, exports: Exports, path: str) -> None:
    answer(site, path)
    before = exports.digest()
    refused(site, "HE-ANSWERS-VALUE", exit_code=2)
    assert exports.digest() == before
