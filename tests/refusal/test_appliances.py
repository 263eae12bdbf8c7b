"""Appliances that must not be deployed: each is refused by its own code, and the host stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.refusal.told import assert_well_told
from tests.unit.domain.builders import qcow2
from tests.unit.domain.test_ova_refusals import BAD

if TYPE_CHECKING:
    from tests.refusal.site import Site

NAMED: Final = (
    "text",
    "vmdk",
    "backing file",
    "data file",
    "encrypted",
    "cut header",
    "no ovf",
    "climbing",
    "link",
    "device",
    "twice",
    "cut in the disk",
    "vmdk inside",
    "qcow2 declared, raw inside",
    "backing file inside",
    "dtd",
    "no xml",
    "disk elsewhere",
    "ovf changed",
)


@pytest.mark.parametrize("case", NAMED)
def test_a_bad_appliance(site: Site, case: str) -> None:
    code, make = BAD[case]
    site.appliance.write_bytes(make())
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    (told,) = refusal.told
    assert told.text("Where") == str(site.appliance)
    assert_well_told(told)


def test_a_description_beside_the_appliance_that_cannot_be_read(site: Site) -> None:
    conf = site.inputs / "engine-appliance.conf"
    conf.write_text(f"version=newest\npath={site.appliance.name}\n")
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, ["HE-APPLIANCE-CONF"]), refusal.out
    assert refusal.told[0].text("Where") == str(conf)
    assert_well_told(refusal.told[0])


def test_an_appliance_that_is_not_there(site: Site) -> None:
    site.appliance.unlink()
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (2, ["HE-ANSWERS-VALUE"]), refusal.out
    assert refusal.told[0].text("Where") == site.line("OVEHOSTED_VM/ovfArchive")
    assert_well_told(refusal.told[0])


def test_an_appliance_larger_than_the_disk_that_was_answered(site: Site) -> None:
    site.appliance.write_bytes(qcow2(size=30 << 30, l1=60))
    site.answer(OVEHOSTED_STORAGE__imgSizeGB="int:25")
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, ["HE-DISK-SMALL"]), refusal.out
    assert "imgSizeGB=int:30" in refusal.told[0].text("Next")
    assert_well_told(refusal.told[0])


def test_an_appliance_larger_than_what_the_storage_has_free(mounted: Site) -> None:
    site = mounted
    place = site.folder / "mounted"
    site.inside("mount", "-t", "tmpfs", "-o", "size=2560m", "tmpfs", place)  # room for 2 GiB and half an appliance
    with site.appliance.open("wb") as file:
        file.write(qcow2())
        file.truncate(1 << 30)
    site.answer(OVEHOSTED_STORAGE__storageDomainConnection=f"str:{place}")
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, ["HE-STORAGE-SPACE"]), refusal.out
    (told,) = refusal.told
    assert "2.5 GiB free" in told.text("What")
    assert "3.0 GiB needed" in told.text("What")
    assert "1.0 GiB" in told.text("Why")
    assert_well_told(told)
