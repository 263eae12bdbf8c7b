"""The engine VM is taken through a security policy and its reboot, then set up: a real VM, with a stand-in for oscap.

Debian has neither the profiles that operators are asked about nor a FIPS mode, so the reference appliance declares
neither; here a copy of it does, whose oscap forbids root to log in, as real profiles do.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.system.guest import GOOD, Guest
from tests.system.installer import Site
from tests.system.world import inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1800)]

GUIDE: Final = "/usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml"
OSCAP: Final = f"""#!/bin/sh
[ "$3 $4" = "--profile xccdf_org.ssgproject.content_profile_pci-dss" ] && [ "$8" = {GUIDE} ] || exit 1
echo "PermitRootLogin no" > /etc/ssh/sshd_config.d/00-hardening.conf
cat /proc/sys/kernel/random/boot_id > /root/hardened-in
echo "Rule has been fixed"
exit 2
"""
ROOT: Final = 3  # number of the partition


def with_oscap(image: Path, folder: Path) -> Path:
    """Give a copy of the appliance that has a program of that name, and declares it."""
    disk, program = folder / "engine.raw", folder / "oscap"
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, disk], check=True)
    program.write_text(OSCAP)
    table = json.loads(subprocess.run(["sfdisk", "--json", disk], check=True, capture_output=True).stdout)
    start = table["partitiontable"]["partitions"][ROOT - 1]["start"] * table["partitiontable"]["sectorsize"]
    folders = [GUIDE[:at] for at in range(1, len(GUIDE)) if GUIDE[at] == "/"]
    deeds = [f"mkdir {one}" for one in folders]  # those that are there already are only complained about
    deeds += [f"write {program} {GUIDE}", f"write {program} /usr/bin/oscap", "sif /usr/bin/oscap mode 0100755"]
    subprocess.run(
        ["debugfs", "-w", "-f", "-", f"{disk}?offset={start}"], input="\n".join(deeds), text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    (folder / "engine-appliance.conf").write_text(f"path={disk}\nfeatures=openscap\n")
    return disk


def test_a_profile_is_applied_before_the_engine_is_set_up(place: Laboratory, cache: Path) -> None:
    answers = {
        "OVEHOSTED_VM/applyOpenScapProfile": "bool:True",
        "OVEHOSTED_VM/OpenScapProfileName": "str:pci-dss",
    }
    image = with_oscap(cache / "engine.qcow2", place.folder("oscap"))
    site = Site.make(place, "hard", image, cache / "sample.backup", answers)
    before = inventory(place, site.root, site.storage)
    done = site.run(*site.deploy_words(), within=1500)
    assert done.code == 0, done.text
    told = ["Rule has been fixed", "Rebooting the engine VM", "HE_APPLIANCE_HARDENING_SUCCESS", "Preparing to restore:"]
    assert [line for _, text in done.lines for line in told if f"|- {line}" in text] == told
    guest = Guest.of(site)
    assert GOOD in guest.health()
    now = guest.output("cat", "/proc/sys/kernel/random/boot_id")  # root may log in, as it was answered
    assert guest.output("cat", "/root/hardened-in") != now
    assert guest.output("systemctl", "list-unit-files", "hosted-engine-setup*", fine=(0, 1)).count(b".service") == 0
    assert guest.output("grep", "-c", "lab-host\\|host", "/etc/hosts") != b"0\n"
    removed = site.run("cleanup", "--yes")
    assert removed.code == 0, removed.text
    assert inventory(place, site.root, site.storage) == before
