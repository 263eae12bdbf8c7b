"""What fails inside the VM: told with its own code, kept for a resume, and taken back without a trace."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.appliance.test_restore import members, write
from tests.system.installer import Site, virsh
from tests.system.world import end_state, inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.system.conftest import Deployed
    from tests.system.installer import Installer

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1800)]

UNFINISHED = 4


def fails(site: Site, code: str, *words: str) -> Installer:
    """Deploy; it has to fail with this code and name both ways on."""
    done = site.run(*site.deploy_words(), *words, within=1200)
    assert done.code == UNFINISHED, done.text
    assert f"[ ERROR ] {code}:" in done.text
    for command in ("hosted-engine deploy --resume", "hosted-engine deploy --abort"):
        assert command in done.text
    assert "support-bundle-" in done.text
    return done


def taken_back(site: Site, before: dict[str, list[str]]) -> None:
    """`--abort` leaves nothing."""
    aborted = site.run("--deploy", "--abort")
    assert aborted.code == 0, aborted.text
    assert inventory(site.lab, site.root, site.storage) == before


def test_the_restore_fails_in_the_vm(place: Laboratory, cache: Path, tmp_path: Path) -> None:
    content = members(cache / "sample.backup")
    dump = content["db/engine_backup.db"]
    content["db/engine_backup.db"] = dump[: len(dump) // 2]
    site = Site.make(place, "fr", cache / "engine.ova", write(tmp_path / "broken.backup", content))
    before = inventory(place, site.root, site.storage)
    done = fails(site, "HE-RESTORE")
    assert "Errors while restoring" in done.text
    taken_back(site, before)


def test_engine_setup_fails_in_the_vm(place: Laboratory, cache: Path, tmp_path: Path) -> None:
    content = members(cache / "sample.backup")
    content["files"] = without(content["files"], "etc/pki/ovirt-engine/private/ca.pem")
    site = Site.make(place, "fs", cache / "engine.ova", write(tmp_path / "keyless.backup", content))
    before = inventory(place, site.root, site.storage)
    done = fails(site, "HE-ENGINE-SETUP")
    assert "There is a CA certificate but not its key" in done.text
    taken_back(site, before)


def without(files: bytes, left_out: str) -> bytes:
    """Give a copy of a tar that lacks one member."""
    target = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(files)) as old,
        tarfile.open(fileobj=target, mode="w:xz", format=tarfile.GNU_FORMAT) as new,
    ):
        for member in old:
            if member.name.removeprefix("./") != left_out:
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
    return target.getvalue()


def test_the_vm_never_reports(place: Laboratory, tmp_path: Path) -> None:
    blank = tmp_path / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", blank, "1G"], check=True)
    site = Site.make(place, "fm", blank, None)
    before = inventory(place, site.root, site.storage)
    fails(site, "HE-GUEST-MUTE", "--timeout-factor=0.1")
    taken_back(site, before)


def test_libvirt_hangs_in_the_middle(place: Laboratory, cache: Path) -> None:
    site = Site.make(place, "fh", cache / "engine.ova", cache / "sample.backup")
    before = inventory(place, site.root, site.storage)
    installer = site.start(*site.deploy_words())
    installer.until("|- Preparing to restore")
    place.run(["pkill", "-STOP", "-x", "libvirtd"], check=True)
    try:
        assert installer.finish(300) == UNFINISHED, installer.text
    finally:
        place.run(["pkill", "-CONT", "-x", "libvirtd"], check=True)
    assert "[ ERROR ] HE-LIBVIRT-HUNG:" in installer.text
    for command in ("hosted-engine deploy --resume", "hosted-engine deploy --abort"):
        assert command in installer.text
    taken_back(site, before)


def test_the_vm_stops_in_the_middle_and_is_made_anew(deployed: Deployed, cache: Path) -> None:
    site = Site.make(deployed.site.lab, "fx", cache / "engine.ova", cache / "sample.backup")
    before = inventory(site.lab, site.root, site.storage)
    installer = site.start(*site.deploy_words())
    installer.until("|- Preparing to restore")
    virsh(site.lab, "destroy", site.vm_name)
    assert installer.finish(120) == UNFINISHED, installer.text
    assert "[ ERROR ] HE-GUEST-STOPPED:" in installer.text
    resumed = site.run("--deploy", "--resume", within=1200)
    assert resumed.code == 0, resumed.text
    assert end_state(site) == end_state(deployed.site)
    removed = site.run("cleanup", "--yes")
    assert removed.code == 0, removed.text
    assert inventory(site.lab, site.root, site.storage) == before
