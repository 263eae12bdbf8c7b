"""Backup archives that must not be restored: each is refused by its own code, and the host stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.refusal.told import assert_well_told
from tests.unit.domain.builders import backup, members
from tests.unit.domain.test_archive_refusals import BAD

if TYPE_CHECKING:
    from tests.refusal.site import Site

NAMED: Final = (
    "nothing",
    "no tar",
    "no tar, packed",
    "cut gzip",
    "cut xz",
    "cut tar",
    "gzip checksum",
    "content changed",
    "no list",
    "unlisted",
    "listed, absent",
    "no engine database",
    "absolute",
    "climbing",
    "symbolic link",
    "hard link",
    "block device",
    "pipe",
    "twice",
    "command in config",
    "substitution in config",
    "unreadable version",
    "inner climbing",
    "inner device",
)


@pytest.mark.parametrize("case", NAMED)
def test_a_bad_archive(site: Site, case: str) -> None:
    code, make = BAD[case]
    site.archive.write_bytes(make())
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    (told,) = refusal.told
    assert told.text("Where") == str(site.archive)
    assert_well_told(told)


@pytest.mark.parametrize(
    ("backed_up", "appliance", "code"),
    [
        ("4.5.7", "4.5.6", "HE-VERSION-NEWER"),
        ("4.5.6-2.el9", "4.5.6-1.el9", "HE-VERSION-NEWER"),
        ("4.6.0", "4.5.6", "HE-VERSION-PAIR"),
        ("4.2.8", "4.5.6", "HE-VERSION-PAIR"),
        ("4.3.9", "4.5.6", "HE-VERSION-PAIR"),
    ],
)
def test_a_version_that_the_appliance_cannot_take_in(site: Site, backed_up: str, appliance: str, code: str) -> None:
    site.archive.write_bytes(backup(members(version=f"{backed_up}\n".encode())))
    (site.inputs / "engine-appliance.conf").write_text(f"version={appliance}\npath={site.appliance.name}\n")
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    (told,) = refusal.told
    assert backed_up in told.text("What")
    assert appliance in told.text("What")
    assert_well_told(told)


@pytest.mark.parametrize("case", ["is not there", "is a folder"])
def test_an_archive_that_cannot_be_opened(site: Site, case: str) -> None:
    site.archive.unlink()
    if case == "is a folder":
        site.archive.mkdir()
    refusal = site.refused()
    assert (refusal.exit_code, refusal.codes) == (3, ["HE-ARCHIVE-UNREADABLE"]), refusal.out
    assert_well_told(refusal.told[0])
