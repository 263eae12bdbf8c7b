"""A deploy with restore onto a GlusterFS volume: where its data lies, that it lives, that it goes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.lab.gluster_server import SERVER, GlusterServer
from tests.system.guest import GOOD, Guest
from tests.system.installer import Installer, Site
from tests.system.on_storage import a_second_host_joins_and_leaves, blocks, rebooted
from tests.system.test_restore import DIFFERS, ENGINE, Source, columns, compare, source  # noqa: F401 - a fixture
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1800)]

POINT = f"rhev/data-center/mnt/glusterSD/{SERVER}:_engine"
INTERNAL = (".glusterfs", ".shard")


@dataclass(frozen=True)
class OnGluster:
    """The deployment, the first brick, and what was there before."""

    site: Site
    installer: Installer
    server: GlusterServer
    brick: Path
    before: tuple[dict[str, str], str, dict[str, list[str]]]


def contents(brick: Path) -> dict[str, str]:
    """Give owners, modes and checksums of all that is in a brick, but for GlusterFS's own folders."""
    found = {}
    for path in (brick, *brick.rglob("*")):
        name = str(path.relative_to(brick))
        if not name.startswith(INTERNAL):
            status = path.stat()
            text = "" if path.is_dir() else path.read_bytes().hex()
            found[name] = f"{status.st_uid}:{status.st_gid} {status.st_mode:o} {text}"
    return found


@pytest.fixture(scope="module")
def deployed(place: Laboratory, cache: Path) -> Iterator[OnGluster]:
    with GlusterServer(place) as server:
        brick = server.volume("engine", copies=3)
        server.gluster("reset", "engine", "network.ping-timeout")  # for the deploy to set, and to reset
        answers = {
            "OVEHOSTED_STORAGE/domainType": "str:glusterfs",
            "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{SERVER}:/engine",
            "HOSTED_ENGINE/setGlusterOptions": "bool:True",
        }
        site = Site.make(place, "gluster", cache / "engine.ova", cache / "sample.backup", answers)
        before = contents(brick), server.gluster("info", "engine"), inventory(place, site.root, site.storage)
        yield OnGluster(site, site.run(*site.deploy_words(), within=1500), server, brick, before)


def test_the_running_vm_has_its_disk_on_the_volume(deployed: OnGluster) -> None:
    assert deployed.installer.code == 0, deployed.installer.text
    assert GOOD in Guest.of(deployed.site).health()
    assert POINT in blocks(deployed.site, "file")
    mounted = deployed.site.lab.run(["findmnt", "-no", "SOURCE,FSTYPE", deployed.site.root / POINT], check=True).stdout
    assert mounted.split() == [f"{SERVER}:/engine", "fuse.glusterfs"]
    used = subprocess.run(["du", "-sm", deployed.brick], check=True, capture_output=True, text=True).stdout.split()[0]
    assert int(used) > 256, "the data came there"
    assert not list(deployed.site.storage.iterdir())
    assert "network.ping-timeout: 30" in deployed.server.gluster("info", "engine")


def test_the_restored_data_is_what_it_was(deployed: OnGluster, source: Source) -> None:  # noqa: F811
    guest = Guest.of(deployed.site)
    keys = columns(source, guest, ENGINE)
    whole = {name: f"SELECT * FROM {name} ORDER BY {key}" for name, key in keys.items()}  # noqa: S608 - see there
    assert compare(source, guest, ENGINE, whole) == DIFFERS.keys()


def test_the_engine_comes_back_after_a_reboot(deployed: OnGluster) -> None:
    rebooted(deployed.site)
    assert POINT in blocks(deployed.site, "file")


def test_a_second_host_joins_the_engine_and_leaves(deployed: OnGluster) -> None:
    a_second_host_joins_and_leaves(deployed.site)


def test_cleanup_leaves_the_volume_and_the_host_as_they_were(deployed: OnGluster) -> None:
    done = deployed.site.run("cleanup", "--yes")
    assert done.code == 0, done.text
    assert contents(deployed.brick) == deployed.before[0]
    assert deployed.server.gluster("info", "engine") == deployed.before[1]
    assert inventory(deployed.site.lab, deployed.site.root, deployed.site.storage) == deployed.before[2]
