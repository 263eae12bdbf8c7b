"""Other images, other firmware, no backup: each deployed for real, then cleaned up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.system.guest import GOOD, Guest
from tests.system.installer import Site, virsh
from tests.system.world import end_state, inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.system.conftest import Deployed

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1800)]


def cleaned_up(site: Site, before: dict[str, list[str]]) -> None:
    """Clean up; nothing is left."""
    removed = site.run("cleanup", "--yes")
    assert removed.code == 0, removed.text
    assert inventory(site.lab, site.root, site.storage) == before


@pytest.mark.parametrize(("name", "image"), [("gz", "engine-gz.ova"), ("qc", "engine.qcow2")])
def test_the_form_of_the_image_makes_no_difference(deployed: Deployed, cache: Path, name: str, image: str) -> None:
    site = Site.make(deployed.site.lab, name, cache / image, cache / "sample.backup")
    before = inventory(site.lab, site.root, site.storage)
    done = site.run(*site.deploy_words(), within=1200)
    assert done.code == 0, done.text
    assert end_state(site) == end_state(deployed.site)
    cleaned_up(site, before)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_without_a_backup_there_is_a_new_engine(place: Laboratory, cache: Path, firmware: str) -> None:
    answers = {"HOSTED_ENGINE/firmware": f"str:{firmware}"}
    site = Site.make(place, firmware, cache / "engine.ova", None, answers)
    before = inventory(site.lab, site.root, site.storage)
    done = site.run(*site.deploy_words(), within=1200)
    assert done.code == 0, done.text
    assert "HE_APPLIANCE_ENGINE_RESTORE" not in done.text
    assert GOOD in Guest.of(site).health()
    found = Guest.of(site).listing("hosts", "vms", "storagedomains")
    assert [host["name"] for host in found["hosts"]] == ["lab-host"]
    assert [domain["name"] for domain in found["storagedomains"]] == ["hosted_storage"]
    assert found["vms"] == []
    xml = virsh(place, "dumpxml", "--inactive", site.vm_name)
    assert (re.search(r"<os firmware='efi'>|<nvram", xml) is not None) == (firmware == "uefi")
    assert (inventory(place)["nvram"] != before["nvram"]) == (firmware == "uefi")
    cleaned_up(site, before)
