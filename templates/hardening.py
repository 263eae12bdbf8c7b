"""Runs inside the engine VM: applies an OpenSCAP profile and turns FIPS mode on; after the reboot, verifies it.

    hardening.py apply|verify JSON      JSON: profile (None for none), turn_on_fips, fips (whether it must be on)

What it does is the original's `apply_openscap_profile.yml` and `reboot_to_enable_fips.yml`. It needs the programs
`oscap` with the SCAP Security Guide's content, and `fips-mode-setup`: an appliance that declares `openscap` or `fips`
has them. Standard library of Python 3.6 alone, as in guest.py.
"""

import glob
import json
import os
import re
import subprocess
import sys
from typing import Any, Dict  # noqa: UP035 - Python 3.6

RELEASE = "/etc/os-release"
CONTENT = "/usr/share/xml/scap/ssg/content"
PROFILE = "xccdf_org.ssgproject.content_profile_"
REPORT = "/root/openscap-report.html"
FIPS = "/proc/sys/crypto/fips_enabled"
SSHD = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
OURS = "/etc/ssh/sshd_config.d/01-hosted-engine.conf"
NOT_ALL_PASS = 2  # oscap's exit code when some rule still fails after the remediation, which is usual


def main() -> None:
    """See the module."""
    want = json.loads(sys.argv[2])
    if sys.argv[1] == "apply":
        apply(want)
    else:
        verify(want)


def apply(want: Dict[str, Any]) -> None:
    if want["profile"]:
        scan(want["profile"])
        keep_root_access()
    if want["turn_on_fips"]:
        status = call("fips-mode-setup", "--enable")
        if status:
            sys.exit("fips-mode-setup ended with %d" % status)


def verify(want: Dict[str, Any]) -> None:
    if not want["fips"]:
        return
    try:
        with open(FIPS) as switch:
            on = switch.read().strip()
    except OSError as error:
        sys.exit("FIPS mode is not on: %s" % error)
    if on != "1":
        sys.exit("FIPS mode is not on after the reboot: %s is %s" % (FIPS, on))


def scan(profile: str) -> None:
    command = ("oscap", "xccdf", "eval", "--profile", PROFILE + profile, "--remediate", "--report", REPORT, content())
    status = call(*command)
    if status not in (0, NOT_ALL_PASS):
        sys.exit("oscap ended with %d" % status)


def content() -> str:
    """Give the guide for this distribution."""
    with open(RELEASE) as release:
        found = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n.]*)', release.read(), re.MULTILINE))
    name, version = found.get("ID", ""), found.get("VERSION_ID", "")
    words = [name + version] + (["cs" + version] if name == "centos" else [])
    for word in words:
        path = os.path.join(CONTENT, "ssg-%s-ds.xml" % word)
        if os.path.exists(path):
            return path
    there = " ".join(sorted(os.path.basename(one) for one in glob.glob(os.path.join(CONTENT, "ssg-*-ds.xml"))))
    sys.exit("no SCAP Security Guide for %s in %s (there: %s)" % (name + version, CONTENT, there or "nothing"))


def keep_root_access() -> None:
    """Let the operator's answer on root's SSH access stand: no other file of sshd may speak of it."""
    for pattern in SSHD:
        for path in glob.glob(pattern):
            if path == OURS:
                continue
            with open(path) as old:
                text = old.read()
            kept = re.sub(r"(?mi)^[ \t]*PermitRootLogin\b.*\n?", "", text)
            if kept != text:
                with open(path, "w") as new:
                    new.write(kept)


def call(*command: str) -> int:
    try:
        return subprocess.call(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.exit("%s: %s" % (command[0], error.strerror))


if __name__ == "__main__":
    main()
