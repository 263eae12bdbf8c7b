"""Storage that goes away under a deploy and comes back: told within seconds, waited for, gone on with, taken back."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.iscsi_server import ADDRESS, IscsiServer
from tests.lab.nfs_server import SERVER, Export, NfsServer
from tests.system.guest import GOOD, Guest
from tests.system.installer import Site
from tests.system.on_storage import digest
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.system.installer import Installer

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

PORT: Final = 3275
TOLD_WITHIN: Final = 10.0
UNFINISHED: Final = 4
INTERRUPTED: Final = 130
WAITS: Final = "The engine VM has to wait for the storage"
RESTORING: Final = "|- Preparing to restore"
COPYING: Final = "Wait for the engine VM to boot ("
"""The step during which the hypervisor copies the appliance's disk, beside the VM's first boot."""


@contextmanager
def nfs(lab: Laboratory, name: str) -> Iterator[tuple[NfsServer, Path, dict[str, str]]]:
    """Give a server, the folder behind its export, and the answers that choose it."""
    folder = lab.folder(name)
    os.chown(folder, 36, 36)
    answers = {
        "OVEHOSTED_STORAGE/domainType": "str:nfs",
        "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{SERVER}:/export",
    }
    with NfsServer(lab, {"/export": Export(folder)}) as server:
        yield server, folder, answers


def breaks(installer: Installer, when: str, deed: Callable[[], object]) -> list[str]:
    """Do it when the installer has said `when`; give what is told of it in time."""
    installer.until(when)
    begun = time.monotonic()
    deed()
    installer.until(WAITS, within=120)
    assert time.monotonic() - begun < TOLD_WITHIN, installer.text
    return [line for _, line in installer.lines if WAITS in line]


def lost(installer: Installer, why: str) -> None:
    """See it end in a problem, with both ways on."""
    assert installer.finish(600) == UNFINISHED, installer.text
    assert "[ ERROR ] HE-STORAGE-LOST:" in installer.text
    assert why in installer.text
    for command in ("hosted-engine deploy --resume", "hosted-engine deploy --abort"):
        assert command in installer.text


def interrupted(installer: Installer) -> None:
    """Have the operator not wait for it."""
    assert installer.kill(signal.SIGINT) == INTERRUPTED, installer.text
    assert "hosted-engine deploy --resume" in installer.text


def resumed(site: Site) -> None:
    """Have the run go on to its end, and then be taken away."""
    done = site.run("--deploy", "--resume", within=1500)
    assert done.code == 0, done.text
    assert "doing it again" not in done.text, "the same VM goes on, on the same disk"
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
@pytest.mark.parametrize("when", [COPYING, RESTORING])
def test_a_server_that_hangs_is_given_up_and_the_run_resumed(place: Laboratory, cache: Path, when: str) -> None:
    name = f"lh{int(when == COPYING)}"
    with nfs(place, f"export-{name}") as (server, folder, answers):
        site = Site.make(place, name, cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words())
        try:
            breaks(installer, when, server.hang)
            lost(installer, "no answer")
        finally:
            server.go_on()
        resumed(site)
        assert inventory(place, site.root, folder) == before


@pytest.mark.long
def test_a_run_whose_server_is_gone_is_taken_back_once_it_is_there(place: Laboratory, cache: Path) -> None:
    with nfs(place, "export-back") as (server, folder, answers):
        site = Site.make(place, "lb", cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words())
        breaks(installer, RESTORING, server.stop)
        interrupted(installer)
        failed = site.run("--deploy", "--abort", within=300)
        assert failed.code != 0, failed.text
        assert "Connection refused" in failed.text
        server.start()
        done = site.run("--deploy", "--abort")
        assert done.code == 0, done.text
        assert inventory(place, site.root, folder) == before


@pytest.mark.long
def test_a_server_that_goes_while_the_disk_is_written_ends_the_run_at_once(place: Laboratory, cache: Path) -> None:
    with nfs(place, "export-gz") as (server, folder, answers):
        site = Site.make(place, "lg", cache / "engine-gz.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words())
        installer.until(lambda: any(path.stat().st_size > 1 << 20 for path in folder.glob("*/images/*/*")), every=0.002)
        server.stop()
        begun = time.monotonic()
        assert installer.finish(60) == UNFINISHED, installer.text
        assert time.monotonic() - begun < TOLD_WITHIN + 5, installer.text
        assert "hosted-engine deploy --resume" in installer.text
        server.start()
        done = site.run("--deploy", "--resume", within=1500)
        assert done.code == 0, done.text
        cleaned(site)
        assert inventory(place, site.root, folder) == before


@pytest.mark.long
def test_a_full_server_stops_the_vm_until_there_is_room(place: Laboratory, cache: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk"
    with image.open("xb") as file:
        file.truncate(4 << 30)
    mounted = place.folder("export-full")
    place.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image)], check=True)
    place.run(["mount", "-o", "loop", str(image), str(mounted)], check=True)
    try:
        place.run(["chown", "36:36", str(mounted)], check=True)
        answers = {
            "OVEHOSTED_STORAGE/domainType": "str:nfs",
            "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{SERVER}:/export",
        }
        with NfsServer(place, {"/export": Export(mounted)}):
            site = Site.make(place, "lf", cache / "engine.ova", cache / "sample.backup", answers)
            installer = site.start(*site.deploy_words())
            filler = str(mounted / "filler")
            fill = ["dd", "if=/dev/zero", f"of={filler}", "bs=4M"]
            installer.until(RESTORING)
            place.run(fill)
            installer.until(WAITS, within=120)
            assert "it is full (" in installer.text
            interrupted(installer)
            place.run(["rm", filler], check=True)
            resumed(site)
    finally:
        place.run(["umount", str(mounted)], check=True)


@pytest.mark.long
def test_a_network_to_a_target_that_is_cut_is_waited_for_and_the_run_resumed(place: Laboratory, cache: Path) -> None:
    with IscsiServer(place, PORT) as server:
        target = server.target("cut")
        lun = server.lun(target, 30 << 30)
        answers = {
            "OVEHOSTED_STORAGE/domainType": "str:iscsi",
            "OVEHOSTED_STORAGE/iSCSIPortalIPAddress": f"str:{ADDRESS}",
            "OVEHOSTED_STORAGE/iSCSIPortalPort": f"str:{PORT}",
            "OVEHOSTED_STORAGE/iSCSITargetName": f"str:{target}",
            "OVEHOSTED_STORAGE/LunID": f"str:{server.wwid(target, 1)}",
        }
        site = Site.make(place, "lc", cache / "engine.ova", cache / "sample.backup", answers)
        before = digest(lun), inventory(place, site.root)
        installer = site.start(*site.deploy_words())
        try:
            (told,) = breaks(installer, RESTORING, lambda: place.run(["ip", "link", "set", "lo", "down"], check=True))
            assert ADDRESS in told
            interrupted(installer)
        finally:
            place.run(["ip", "link", "set", "lo", "up"], check=True)
        resumed(site)
        assert (digest(lun), inventory(place, site.root)) == before
