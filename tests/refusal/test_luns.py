"""LUNs of this host that cannot be used, a loop device for each: told in time, and not a byte is changed."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.values import GIB
from tests.refusal.test_iscsi import AROUND, IN_TIME, USES
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


@contextmanager
def looped(lun: Path, *options: str) -> Iterator[str]:
    """Give the block device of a LUN."""
    words = ["losetup", "-f", *options, "--show", str(lun)]
    device = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def refused(site: Site, lun: Path, name: str, code: str) -> Told:
    site.answer(
        OVEHOSTED_STORAGE__storageDomainConnection="", OVEHOSTED_STORAGE__domainType="str:fc",
        OVEHOSTED_STORAGE__LunID=f"str:{name}",
    )  # fmt: skip
    before, begun = digest(lun), time.monotonic()
    refusal = site.refused()
    assert time.monotonic() - begun < IN_TIME + AROUND
    assert digest(lun) == before
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    assert_well_told(refusal.told[0])
    return refusal.told[0]


@pytest.mark.parametrize("name", ["/dev/loop-of-nobody", "/etc/passwd", "36001405000000000000000000000000f"])
def test_a_lun_that_is_not_there(site: Site, lun: Path, name: str) -> None:
    with looped(lun):
        refused(site, lun, name, "HE-LUN-MISSING")


@pytest.mark.parametrize("use", USES)
def test_a_lun_in_use(site: Site, lun: Path, use: str) -> None:
    put, words = USES[use]
    put(lun)
    with looped(lun) as device:
        assert words in refused(site, lun, device, "HE-LUN-USED").text("Why")


def test_a_lun_of_large_blocks(site: Site, lun: Path) -> None:
    with looped(lun, "--sector-size", "4096") as device:
        assert "4096 bytes a block" in refused(site, lun, device, "HE-LUN-BLOCKS").text("Why")


def test_a_lun_that_is_too_small(site: Site, lun: Path) -> None:
    with lun.open("r+b") as file:
        file.truncate(20 * GIB)
    with looped(lun) as device:
        refused(site, lun, device, "HE-LUN-SMALL")


def test_a_lun_that_is_read_only(site: Site, lun: Path) -> None:
    with looped(lun, "-r") as device:
        refused(site, lun, device, "HE-LUN-READONLY")
