"""A deploy with restore onto a LUN that the kernel has as a block device: a loop device stands for it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.model.values import GIB
from tests.system.guest import GOOD, Guest
from tests.system.installer import Installer, Site, virsh
from tests.system.on_storage import a_second_host_joins_and_leaves, blocks, digest, rebooted
from tests.system.test_restore import DIFFERS, ENGINE, Source, columns, compare, source  # noqa: F401 - a fixture
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1200)]

SIZE: Final = 30 * GIB


@dataclass(frozen=True)
class OnLun:
    """The deployment, and what was there before."""

    site: Site
    installer: Installer
    device: str
    file: Path
    before: tuple[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def deployed(place: Laboratory, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnLun]:
    file = tmp_path_factory.mktemp("lun") / "lun"
    with file.open("xb") as stream:
        stream.truncate(SIZE)
    device = subprocess.run(
        ["losetup", "-f", "--show", file], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        answers = {"OVEHOSTED_STORAGE/domainType": "str:fc", "OVEHOSTED_STORAGE/LunID": f"str:{device}"}
        site = Site.make(place, "lun", cache / "engine.ova", cache / "sample.backup", answers)
        before = digest(file), inventory(place, site.root, site.storage)
        yield OnLun(site, site.run(*site.deploy_words(), within=1000), device, file, before)
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def test_the_running_vm_has_its_disk_on_the_device(deployed: OnLun) -> None:
    assert deployed.installer.code == 0, deployed.installer.text
    assert GOOD in Guest.of(deployed.site).health()
    assert deployed.device in blocks(deployed.site, "host_device")
    assert deployed.device in virsh(deployed.site.lab, "domblklist", deployed.site.vm_name)
    assert deployed.file.stat().st_blocks * 512 > GIB // 4, "the data came there"
    shown = deployed.site.lab.run(["sfdisk", "--list", deployed.device], check=True).stdout
    assert "gpt" in shown


def test_the_restored_data_is_what_it_was(deployed: OnLun, source: Source) -> None:  # noqa: F811
    guest = Guest.of(deployed.site)
    keys = columns(source, guest, ENGINE)
    whole = {name: f"SELECT * FROM {name} ORDER BY {key}" for name, key in keys.items()}  # noqa: S608 - see there
    assert compare(source, guest, ENGINE, whole) == DIFFERS.keys()


def test_the_engine_comes_back_after_a_reboot(deployed: OnLun) -> None:
    rebooted(deployed.site)
    assert deployed.device in blocks(deployed.site, "host_device")


def test_a_second_host_joins_the_engine_and_leaves(deployed: OnLun) -> None:
    a_second_host_joins_and_leaves(deployed.site)


def test_cleanup_leaves_the_lun_and_the_host_as_they_were(deployed: OnLun) -> None:
    done = deployed.site.run("cleanup", "--yes")
    assert done.code == 0, done.text
    assert digest(deployed.file) == deployed.before[0]
    assert inventory(deployed.site.lab, deployed.site.root, deployed.site.storage) == deployed.before[1]
