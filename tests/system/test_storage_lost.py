"""Storage that goes away under a deploy and comes back: told within seconds, waited for, gone on with, taken back."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.breaking import Cut, Small
from tests.lab.gluster_server import SERVER as GLUSTER
from tests.lab.gluster_server import GlusterServer
from tests.lab.iscsi_server import ADDRESS, IscsiServer
from tests.lab.nfs_server import PORTS, SERVER, Export, NfsServer
from tests.system.guest import GOOD, Guest
from tests.system.installer import Site, virsh
from tests.system.on_storage import digest
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.system.installer import Installer

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

TOLD_WITHIN: Final = 10.0
WAITS: Final = "The engine VM has to wait for the storage"
RESTORING: Final = "|- Preparing to restore"
COPYING: Final = "Wait for the engine VM to boot ("
"""The step during which the hypervisor copies the appliance's disk, beside the VM's first boot."""
UNFINISHED: Final = 4
INTERRUPTED: Final = 130
AROUND: Final = 60.0
"""Seconds for the program's own end, with the bundle of logs."""
SHORT: Final = {COPYING: 0.2, RESTORING: 0.4}
"""By what the deadlines are scaled: a storage is waited for 60 or 120 s, the VM's boot 120 or 240 s."""
PATIENCE: Final = 300.0
ISCSI_PORT: Final = 3275


NFS: Final = {
    "OVEHOSTED_STORAGE/domainType": "str:nfs",
    "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{SERVER}:/export",
}


@contextmanager
def nfs(lab: Laboratory, name: str) -> Iterator[tuple[NfsServer, Path, dict[str, str]]]:
    """Give a server, the folder behind its export, and the answers that choose it."""
    folder = lab.folder(name)
    os.chown(folder, 36, 36)
    with NfsServer(lab, {"/export": Export(folder)}) as server:
        yield server, folder, NFS


@pytest.fixture
def small(place: Laboratory, tmp_path: Path) -> Iterator[Small]:
    made = Small(place, "small", tmp_path / "disk")
    yield made
    made.close()


def breaks(installer: Installer, when: str, deed: Callable[[], object]) -> list[str]:
    """Do it when the installer has said `when`; give what is told of it in time."""
    installer.until(when, within=1500)
    begun = time.monotonic()
    deed()
    installer.until(WAITS, within=120)
    assert time.monotonic() - begun < TOLD_WITHIN, installer.text
    return [line for _, line in installer.lines if WAITS in line]


def stalls(installer: Installer, when: str, deed: Callable[[], object]) -> None:
    """Do it when the installer has said `when`; see it told in time that the VM has stopped for want of room."""
    installer.until(when, within=1500)
    deed()
    installer.until(lambda: "paused" in virsh(installer.site.lab, "domstate", installer.site.vm_name), every=0.5)
    begun = time.monotonic()
    installer.until(WAITS, within=120)
    assert time.monotonic() - begun < TOLD_WITHIN, installer.text
    assert "it is full (" in installer.text


def short(when: str) -> str:
    """Give the option that shortens the deadlines of a run whose storage fails then."""
    return f"--timeout-factor={SHORT[when]}"


def lost(installer: Installer, code: str, why: str, within: float) -> None:
    """See it end in a problem within its deadline, with both ways on."""
    begun = time.monotonic()
    assert installer.finish(600) == UNFINISHED, installer.text
    assert time.monotonic() - begun < within + AROUND, installer.text
    assert f"[ ERROR ] {code}:" in installer.text
    assert why in installer.text
    for command in ("hosted-engine deploy --resume", "hosted-engine deploy --abort"):
        assert command in installer.text


def resumed(site: Site, *, again: bool = False) -> None:
    """Have the run go on to its end, and then be taken away."""
    done = site.run("--deploy", "--resume", within=1500)
    assert done.code == 0, done.text
    assert ("doing it again" in done.text) is again, done.text
    cleaned(site)


def cleaned(site: Site) -> None:
    """See the engine well, and the run taken away."""
    assert GOOD in Guest.of(site).health()
    done = site.run("cleanup", "--yes")
    assert done.code == 0, done.text


def test_a_server_that_is_started_again_is_waited_for(place: Laboratory, cache: Path) -> None:
    with nfs(place, "export-again") as (server, folder, answers):
        site = Site.make(place, "la", cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words())
        (told,) = breaks(installer, RESTORING, server.stop)
        assert f"nfs://{SERVER}/export" in told
        assert "Connection refused" in told
        server.start()
        assert installer.finish(1500) == 0, installer.text
        assert "The storage is back; the engine VM goes on" in installer.text
        cleaned(site)
        assert inventory(place, site.root, folder) == before


@pytest.mark.long
def test_a_server_that_stays_away_ends_in_a_problem_and_the_run_is_taken_back_once_it_is_there(
    place: Laboratory, cache: Path
) -> None:
    with nfs(place, "export-away") as (server, folder, answers):
        site = Site.make(place, "lb", cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words(), short(RESTORING))
        breaks(installer, RESTORING, server.stop)
        lost(installer, "HE-STORAGE-LOST", "Connection refused", PATIENCE * SHORT[RESTORING])
        away = site.run("--deploy", "--abort")
        assert away.code == UNFINISHED, away.text
        (domain,) = [path.name for path in folder.iterdir()]
        for what in (f"nfs://{SERVER}/export/{domain}", "Connection refused", "hosted-engine deploy --abort"):
            assert what in away.text.partition("[ ERROR ]")[2]
        assert site.vm_name not in virsh(place, "list", "--all", "--name")
        server.start()
        done = site.run("--deploy", "--abort")
        assert done.code == 0, done.text
        assert inventory(place, site.root, folder) == before


@pytest.mark.long
def test_a_network_that_is_cut_in_the_import_ends_in_a_problem_and_the_run_is_resumed(
    place: Laboratory, cache: Path
) -> None:
    network = Cut(place, *PORTS)
    with nfs(place, "export-cut") as (_server, folder, answers):
        site = Site.make(place, "lc", cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words(), short(COPYING))
        try:
            breaks(installer, COPYING, network.cut)
            lost(installer, "HE-STORAGE-LOST", "no answer", PATIENCE * SHORT[COPYING])
        finally:
            network.mend()
        resumed(site)
        assert inventory(place, site.root, folder) == before


@pytest.mark.long
def test_a_server_that_is_full_while_the_disk_is_written_ends_in_a_problem_and_the_run_is_resumed(
    place: Laboratory, cache: Path, small: Small
) -> None:
    with NfsServer(place, {"/export": Export(small.folder)}):
        site = Site.make(place, "lg", cache / "engine-gz.ova", cache / "sample.backup", NFS)
        installer = site.start(*site.deploy_words())
        disks = "*/images/*/*"
        installer.until(lambda: any(path.stat().st_size > 1 << 20 for path in small.seen.glob(disks)), every=0.002)
        small.fill()
        lost(installer, "HE-NO-SPACE", "No space left on device", TOLD_WITHIN)
        small.make_room()
        resumed(site)
        assert {path.name for path in small.seen.iterdir()} == {"lost+found"}


@pytest.mark.long
@pytest.mark.parametrize("when", [COPYING, RESTORING])
def test_a_file_system_that_is_full_stops_the_vm_until_there_is_room(
    place: Laboratory, cache: Path, small: Small, when: str
) -> None:
    name, answers = ("ln", NFS) if when == COPYING else ("ll", {
        "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{small.folder}"
    })  # fmt: skip
    with NfsServer(place, {"/export": Export(small.folder)}):
        site = Site.make(place, name, cache / "engine.ova", cache / "sample.backup", answers)
        installer = site.start(*site.deploy_words(), short(when))
        stalls(installer, when, small.fill)
        lost(installer, "HE-STORAGE-FULL", "it is full (", PATIENCE * SHORT[when])
        small.make_room()
        resumed(site)
        assert {path.name for path in small.seen.iterdir()} == {"lost+found"}


@pytest.mark.long
def test_a_target_that_is_stopped_in_the_import_is_waited_for_and_the_run_is_resumed(
    place: Laboratory, cache: Path
) -> None:
    with IscsiServer(place, ISCSI_PORT) as server:
        target = server.target("stopped", chap=("host", "Ch4p+c4nary/zq7"))
        lun = server.lun(target, 30 << 30)
        answers = {
            "OVEHOSTED_STORAGE/domainType": "str:iscsi",
            "OVEHOSTED_STORAGE/iSCSIPortalIPAddress": f"str:{ADDRESS}",
            "OVEHOSTED_STORAGE/iSCSIPortalPort": f"str:{ISCSI_PORT}",
            "OVEHOSTED_STORAGE/iSCSIPortalUser": "str:host",
            "OVEHOSTED_STORAGE/iSCSITargetName": f"str:{target}",
            "OVEHOSTED_STORAGE/LunID": f"str:{server.wwid(target, 1)}",
        }
        site = Site.make(place, "li", cache / "engine.ova", cache / "sample.backup", answers)
        with site.secrets.open("a") as secrets:
            secrets.write("OVEHOSTED_STORAGE/iSCSIPortalPassword=str:Ch4p+c4nary/zq7\n")
        before = digest(lun), inventory(place, site.root)
        installer = site.start(*site.deploy_words())
        (told,) = breaks(installer, COPYING, server.stop)
        assert f"iscsi://{ADDRESS}:{ISCSI_PORT}/{target}/1" in told
        assert installer.kill(signal.SIGINT) == INTERRUPTED, installer.text
        assert "hosted-engine deploy --resume" in installer.text
        server.start()
        resumed(site)
        assert (digest(lun), inventory(place, site.root)) == before


@pytest.mark.long
def test_a_volume_that_is_stopped_in_the_restore_is_waited_for(place: Laboratory, cache: Path) -> None:
    with GlusterServer(place) as server:
        brick = server.volume("engine")
        answers = {
            "OVEHOSTED_STORAGE/domainType": "str:glusterfs",
            "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{GLUSTER}:/engine",
        }
        site = Site.make(place, "lv", cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root)
        installer = site.start(*site.deploy_words())
        breaks(installer, RESTORING, lambda: server.gluster("stop", "engine", "force"))
        server.gluster("start", "engine")
        assert installer.finish(1500) == 0, installer.text
        assert "The storage is back; the engine VM goes on" in installer.text
        cleaned(site)
        assert inventory(place, site.root) == before
        assert not [path for path in brick.iterdir() if not path.name.startswith(".")]
