"""The engine VM's part that applies security policies, as a process among the files and programs it meets there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT: Final = Path(str(files("hosted_templates").joinpath("hardening.py")))
GUIDES: Final = "/usr/share/xml/scap/ssg/content"
STIG: Final = {"profile": "stig", "turn_on_fips": False, "fips": True}
PCI: Final = {"profile": "pci-dss", "turn_on_fips": True, "fips": True}
NOTHING: Final = {"profile": "pci-dss", "turn_on_fips": False, "fips": False}
# Within a mount namespace: what is in the folder lies over the machine's own files.
ENTER: Final = """
set -e
mount --make-rprivate /
for place in /usr/share/xml /etc/ssh; do mkdir -p $place; mount -t tmpfs tmpfs $place; done
cp -a "$1/etc/ssh/." /etc/ssh/
mount --bind "$1/os-release" "$(readlink -f /etc/os-release)"
mkdir -p /usr/share/xml/scap/ssg/content
for guide in $3; do touch "/usr/share/xml/scap/ssg/content/ssg-$guide-ds.xml"; done
PATH="$1/bin:$PATH" "$2" "$4" "$5" "$6"
status=$?
cp -a /etc/ssh "$1/left"
exit $status
"""


class Guest:
    """The files and programs of an appliance; each program notes how it is called, and ends as it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bin", "etc/ssh/sshd_config.d"):
            (folder / name).mkdir(parents=True)
        self.calls = folder / "calls"
        self.release('ID="rhel"\nVERSION_ID="9.4"\n')

    def release(self, text: str) -> None:
        (self.folder / "os-release").write_text(text)

    def program(self, name: str, code: int = 0) -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >> {self.calls}\necho {name} speaks\nexit {code}\n')
        path.chmod(0o755)

    def __call__(
        self, mode: str, want: Mapping[str, object], guides: str = "rhel9"
    ) -> subprocess.CompletedProcess[str]:
        words = ["sh", str(self.folder), sys.executable, guides, str(SCRIPT), mode, json.dumps(want)]
        return subprocess.run(
            [shutil.which("unshare") or "", "--mount", "--", "sh", "-c", ENTER, *words],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    made = Guest(tmp_path / "guest")
    made.program("oscap")
    made.program("fips-mode-setup")
    return made


def scan(profile: str, guide: str) -> str:
    name = f"xccdf_org.ssgproject.content_profile_{profile}"
    report = "/root/openscap-report.html"
    return f"oscap xccdf eval --profile {name} --remediate --report {report} {GUIDES}/ssg-{guide}-ds.xml"


@pytest.mark.parametrize(
    ("release", "guides", "guide"),
    [
        ('ID="rhel"\nVERSION_ID="9.4"\n', "rhel8 rhel9", "rhel9"),
        ("NAME=x\nID=almalinux\nID_LIKE=rhel\nVERSION_ID='9'\n", "almalinux9", "almalinux9"),
        ('VERSION_ID="9"\nID="centos"\n', "cs9", "cs9"),
        ("ID=debian\nVERSION_ID=12\n", "debian12", "debian12"),
    ],
)
def test_the_guide_is_the_distributions(guest: Guest, release: str, guides: str, guide: str) -> None:
    guest.release(release.replace("'", '"'))
    done = guest("apply", STIG, guides)
    assert done.returncode == 0, done.stdout
    assert done.stdout == "oscap speaks\n"
    assert guest.called() == [scan("stig", guide)]


def test_a_profile_and_fips(guest: Guest) -> None:
    guest.program("oscap", 2)  # some rule still fails, which is usual
    done = guest("apply", PCI)
    assert done.returncode == 0, done.stdout
    assert guest.called() == [scan("pci-dss", "rhel9"), "fips-mode-setup --enable"]


def test_what_root_may_stays_as_it_was_answered(guest: Guest) -> None:
    ssh = guest.folder / "etc/ssh"
    texts = {
        "sshd_config": "Port 22\nPermitRootLogin no\n#PermitRootLogin yes\nUseDNS yes\n",
        "sshd_config.d/00-complianceascode-hardening.conf": "Ciphers a\n  permitrootlogin no",
        "sshd_config.d/01-hosted-engine.conf": "PermitRootLogin yes\n",
    }
    for name, text in texts.items():
        (ssh / name).write_text(text)
    assert guest("apply", STIG).returncode == 0
    left = {name: (guest.folder / "left" / name).read_text() for name in texts}
    assert left == {
        "sshd_config": "Port 22\n#PermitRootLogin yes\nUseDNS yes\n",
        "sshd_config.d/00-complianceascode-hardening.conf": "Ciphers a\n",
        "sshd_config.d/01-hosted-engine.conf": "PermitRootLogin yes\n",
    }


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda guest: guest.program("oscap", 1), "oscap ended with 1"),
        (lambda guest: guest.program("fips-mode-setup", 3), "fips-mode-setup ended with 3"),
        (lambda guest: (guest.folder / "bin/oscap").unlink(), "oscap: No such file or directory"),
        (lambda guest: guest.release("ID=gentoo\n"), f"no SCAP Security Guide for gentoo in {GUIDES} (there: ssg-"),
    ],
)
def test_what_goes_wrong_is_told(guest: Guest, fault: object, told: str) -> None:
    assert callable(fault)
    fault(guest)
    done = guest("apply", PCI)
    assert done.returncode == 1
    assert told in done.stdout


def test_the_kernel_says_whether_fips_is_on(guest: Guest) -> None:
    assert guest("verify", NOTHING).returncode == 0
    done = guest("verify", STIG)
    assert done.returncode == 1
    assert "FIPS mode is not on" in done.stdout
