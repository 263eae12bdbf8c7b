"""A deploy with restore onto a LUN of an iSCSI target with CHAP: where its data lies, that it lives, that it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.model.values import GIB
from tests.lab.iscsi_server import ADDRESS, IscsiServer
from tests.system.guest import GOOD, Guest
from tests.system.installer import Installer, Site
from tests.system.on_storage import a_second_host_joins_and_leaves, blocks, digest, rebooted
from tests.system.test_restore import DIFFERS, ENGINE, Source, columns, compare, source  # noqa: F401 - a fixture
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1200)]

PORT: Final = 3270
USER, PASSWORD = "host", "Ch4p+c4nary/zq7"
SIZE: Final = 30 * GIB


@dataclass(frozen=True)
class OnIscsi:
    """The deployment, and what was there before."""

    site: Site
    installer: Installer
    server: IscsiServer
    target: str
    lun: Path
    before: tuple[str, dict[str, list[str]]]

    @property
    def guest(self) -> Guest:
        return Guest.of(self.site)


@pytest.fixture(scope="module")
def deployed(place: Laboratory, cache: Path) -> Iterator[OnIscsi]:
    with IscsiServer(place, PORT) as server:
        server.account("finder", "F1nd3r+c4nary")
        target = server.target("engine", chap=(USER, PASSWORD))
        lun = server.lun(target, SIZE, product_id="Engine Disk")
        with server.discovery_by("finder"):
            site = Site.make(place, "iscsi", cache / "engine.ova", cache / "sample.backup", answers(target, server))
            with site.secrets.open("a") as secrets:
                secrets.write("OVEHOSTED_STORAGE/iSCSIDiscoverPassword=str:F1nd3r+c4nary\n")
                secrets.write(f"OVEHOSTED_STORAGE/iSCSIPortalPassword=str:{PASSWORD}\n")
            before = digest(lun), inventory(place, site.root, site.storage)
            yield OnIscsi(site, site.run(*site.deploy_words(), within=1000), server, target, lun, before)


def answers(target: str, server: IscsiServer) -> dict[str, str]:
    """Give the answers; the LUN's identifier is the one that the kernel would give it."""
    return {
        "OVEHOSTED_STORAGE/domainType": "str:iscsi",
        "OVEHOSTED_STORAGE/iSCSIPortalIPAddress": f"str:{ADDRESS}",
        "OVEHOSTED_STORAGE/iSCSIPortalPort": f"str:{PORT}",
        "OVEHOSTED_STORAGE/iSCSIDiscoverUser": "str:finder",
        "OVEHOSTED_STORAGE/iSCSIPortalUser": f"str:{USER}",
        "OVEHOSTED_STORAGE/iSCSITargetName": f"str:{target}",
        "OVEHOSTED_STORAGE/LunID": f"str:{server.wwid(target, 1)}",
    }


def test_it_ends_well(deployed: OnIscsi) -> None:
    assert deployed.installer.code == 0, deployed.installer.text
    assert GOOD in deployed.guest.health()


def test_the_running_vm_has_its_disk_on_the_target(deployed: OnIscsi) -> None:
    assert deployed.target in blocks(deployed.site, "iscsi")
    assert any(name.startswith("iqn.") for name in deployed.server.initiators(deployed.target))
    assert deployed.lun.stat().st_blocks * 512 > GIB // 4, "the data came there"
    assert not list(deployed.site.storage.iterdir())


def test_no_password_was_shown(deployed: OnIscsi) -> None:
    shown = [
        deployed.installer.text,
        *deployed.installer.dumps,
        *(one.decode() for one in deployed.installer.arguments),
    ]
    for folder in (deployed.site.root,):
        shown += [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in shown if PASSWORD in text or "F1nd3r+c4nary" in text]


def test_the_restored_data_is_what_it_was(deployed: OnIscsi, source: Source) -> None:  # noqa: F811
    keys = columns(source, deployed.guest, ENGINE)
    whole = {name: f"SELECT * FROM {name} ORDER BY {key}" for name, key in keys.items()}  # noqa: S608 - see there
    assert compare(source, deployed.guest, ENGINE, whole) == DIFFERS.keys()


def test_the_engine_comes_back_after_a_reboot(deployed: OnIscsi) -> None:
    rebooted(deployed.site)
    assert deployed.target in blocks(deployed.site, "iscsi")


def test_a_second_host_joins_the_engine_and_leaves(deployed: OnIscsi) -> None:
    a_second_host_joins_and_leaves(deployed.site)


def test_cleanup_leaves_the_lun_and_the_host_as_they_were(deployed: OnIscsi) -> None:
    done = deployed.site.run("cleanup", "--yes")
    assert done.code == 0, done.text
    assert digest(deployed.lun) == deployed.before[0]
    after = inventory(deployed.site.lab, deployed.site.root, deployed.site.storage)
    assert after == deployed.before[1]
