"""A deploy with restore onto NFS, from user space: where its data lies, that it lives, that it goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from defusedxml import ElementTree

from tests.lab.nfs_server import SERVER, Export, NfsServer
from tests.system.conftest import portrait
from tests.system.guest import GOOD, Guest
from tests.system.installer import Installer, Site, virsh
from tests.system.on_storage import a_second_host_joins_and_leaves, blocks, rebooted
from tests.system.test_restore import DIFFERS, ENGINE, Source, columns, compare, source  # noqa: F401 - a fixture
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

OWNER = (36, 36)
EXPORT = f"{SERVER}:/export"


@dataclass(frozen=True)
class OnNfs:
    """The deployment, the folder behind the export, and what was there before."""

    site: Site
    installer: Installer
    folder: Path
    before: tuple[dict[str, object], dict[str, list[str]]]

    @property
    def guest(self) -> Guest:
        return Guest.of(self.site)


def contents(folder: Path) -> dict[str, object]:
    """Give owners, modes and checksums of all that is in a folder, and of itself."""
    status = folder.stat()
    whole: dict[str, object] = {".": (status.st_uid, status.st_gid, status.st_mode)}
    for path in folder.rglob("*"):
        whole[str(path.relative_to(folder))] = path.is_dir() or portrait(path)
    return whole


@pytest.fixture(scope="module")
def deployed(place: Laboratory, cache: Path) -> Iterator[OnNfs]:
    folder = place.folder("export")
    os.chown(folder, *OWNER)
    (folder / "theirs").mkdir()
    (folder / "theirs/file").write_text("somebody else's\n")
    answers = {
        "OVEHOSTED_STORAGE/domainType": "str:nfs",
        "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{EXPORT}",
    }
    with NfsServer(place, {"/export": Export(folder)}):
        site = Site.make(place, "nfs", cache / "engine.ova", cache / "sample.backup", answers)
        before = contents(folder), inventory(place, site.root, site.storage)
        yield OnNfs(site, site.run(*site.deploy_words(), within=1500), folder, before)


def test_it_ends_well(deployed: OnNfs) -> None:
    assert deployed.installer.code == 0, deployed.installer.text
    assert GOOD in deployed.guest.health()


def test_the_running_vm_has_its_disk_on_the_server(deployed: OnNfs) -> None:
    (disk,) = deployed.folder.glob("*/images/*/*")
    there = f"/export/{disk.relative_to(deployed.folder)}"
    xml: Any = ElementTree.fromstring(virsh(deployed.site.lab, "dumpxml", deployed.site.vm_name))
    opened = xml.find("devices/disk/source")
    assert (opened.get("protocol"), opened.get("name"), opened.find("host").get("name")) == ("nfs", there, SERVER)
    assert there in blocks(deployed.site, "nfs")
    connections = deployed.site.lab.run(["ss", "-tnpH", "state", "established"], check=True).stdout.splitlines()
    assert [line for line in connections if f"{SERVER}:20490" in line and "qemu-system" in line]
    assert disk.stat().st_blocks * 512 > 1 << 28, "the data came there"
    assert not list(deployed.site.storage.iterdir())


def test_all_on_the_server_belongs_to_the_owner_of_shared_storage(deployed: OnNfs) -> None:
    (domain,) = (path for path in deployed.folder.iterdir() if path.name != "theirs")
    owners = {str(path): (path.stat().st_uid, path.stat().st_gid) for path in (domain, *domain.rglob("*"))}
    assert owners == dict.fromkeys(owners, OWNER)
    assert str(domain) in owners
    assert len(owners) > 10
    assert f"nfs://{SERVER}/export/{domain.name}" in deployed.installer.text
    assert f"storage={EXPORT}\n" in (domain / "conf/hosted-engine.conf").read_text()


def test_it_is_registered_in_the_engine_as_what_it_is(deployed: OnNfs) -> None:
    domains = deployed.guest.listing("storagedomains")["storagedomains"]
    (domain,) = [one for one in domains if one["name"] == "hosted_storage"]
    assert domain["storage"]["type"] == "nfs"
    assert (domain["storage"]["address"], domain["storage"]["path"]) == (SERVER, "/export")


def test_the_restored_data_is_what_it_was(deployed: OnNfs, source: Source) -> None:  # noqa: F811
    keys = columns(source, deployed.guest, ENGINE)
    whole = {name: f"SELECT * FROM {name} ORDER BY {key}" for name, key in keys.items()}  # noqa: S608 - see there
    assert compare(source, deployed.guest, ENGINE, whole) == DIFFERS.keys()


def test_the_engine_comes_back_after_a_reboot(deployed: OnNfs) -> None:
    rebooted(deployed.site)
    assert "/export/" in blocks(deployed.site, "nfs")


def test_a_second_host_joins_the_engine_and_leaves(deployed: OnNfs) -> None:
    theirs = {name: what for name, what in contents(deployed.folder).items() if "/images/" not in name}
    a_second_host_joins_and_leaves(deployed.site)
    assert {name: what for name, what in contents(deployed.folder).items() if "/images/" not in name} == theirs


def test_cleanup_leaves_the_export_and_the_host_as_they_were(deployed: OnNfs) -> None:
    done = deployed.site.run("cleanup", "--yes")
    assert done.code == 0, done.text
    assert contents(deployed.folder) == deployed.before[0]
    assert inventory(deployed.site.lab, deployed.site.root, deployed.site.storage) == deployed.before[1]
