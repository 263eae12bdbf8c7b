"""LUNs of this host that cannot be used: a loop device stands for them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.values import GIB
from tests.refusal.test_iscsi import USES
from tests.refusal.told import Told, assert_well_told
from tests.system.on_storage import digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.refusal.site import Site


@pytest.fixture
def lun(tmp_path: Path) -> Path:
    """Give the file behind the LUN."""
    path = tmp_path / "lun"
    with path.open("xb") as file:
        file.truncate(30 * GIB)
    return path


@pytest.fixture
def device(lun: Path) -> Iterator[str]:
    done = subprocess.run(["losetup", "-f", "--show", lun], check=True, capture_output=True, text=True)
    yield done.stdout.strip()
    subprocess.run(["losetup", "-d", done.stdout.strip()], check=True)


def refused(site: Site, lun: str, code: str) -> Told:
    site.answer(
        OVEHOSTED_STORAGE__storageDomainConnection="", OVEHOSTED_STORAGE__domainType="str:fc",
        OVEHOSTED_STORAGE__LunID=f"str:{lun}",
    )  # fmt: skip
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    assert_well_told(refusal.told[0])
    return refusal.told[0]


@pytest.mark.parametrize("lun", ["/dev/loop-of-nobody", "/etc/passwd", "36001405000000000000000000000000f"])
def test_a_lun_that_is_not_there(site: Site, lun: str) -> None:
    refused(site, lun, "HE-LUN-MISSING")


@pytest.mark.parametrize("use", USES)
def test_a_lun_in_use(site: Site, lun: Path, request: pytest.FixtureRequest, use: str) -> None:
    put, words = USES[use]
    put(lun)
    before = digest(lun)
    assert words in refused(site, request.getfixturevalue("device"), "HE-LUN-USED").text("Why")
    assert digest(lun) == before


def test_a_lun_of_large_blocks(site: Site, lun: Path) -> None:
    words = ["losetup", "-f", "--sector-size", "4096", "--show", str(lun)]
    device = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    try:
        assert "4096 bytes a block" in refused(site, device, "HE-LUN-BLOCKS").text("Why")
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def test_a_lun_that_is_too_small(site: Site, lun: Path) -> None:
    with lun.open("r+b") as file:
        file.truncate(20 * GIB)
    device = subprocess.run(["losetup", "-f", "--show", lun], check=True, capture_output=True, text=True).stdout.strip()
    try:
        refused(site, device, "HE-LUN-SMALL")
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def test_a_lun_that_is_read_only(site: Site, lun: Path) -> None:
    words = ["losetup", "-f", "-r", "--show", str(lun)]
    device = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    try:
        refused(site, device, "HE-LUN-READONLY")
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
