"""`storage discover` on real servers: what they have, and what each failure is called, in time; nothing is changed."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_setup.model.values import GIB
from tests.lab import gluster_server, iscsi_server, nfs_server
from tests.refusal.told import Refusal, assert_well_told
from tests.system.on_storage import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory
    from tests.refusal.site import Site

PORT: Final = 3264
IN_TIME: Final = 10.0
AROUND: Final = 5.0  # seconds for the program's own start and end
USER, PASSWORD = "host", "correct-horse"
FINDER, FOUND = "finder", "finders-keepers"
SERVER: Final = iscsi_server.ADDRESS
TARGET: Final = "iqn.2026-01.org.example:guarded"


def discover(site: Site, *words: str) -> Refusal:
    """Discover, in time, and show that nothing on the host has changed."""
    before = site.inventory()
    begun = time.monotonic()
    code, out = site.program(["storage", "discover", *words, *site.again], site.environment)
    assert time.monotonic() - begun < IN_TIME + AROUND
    after = site.inventory()
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == set(), out
    assert PASSWORD not in out
    assert FOUND not in out
    return Refusal(code, out)


def as_json(site: Site, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(discover(site, *words, "--json").out)
    return told


def fails(site: Site, code: str, *words: str) -> None:
    """Discover in vain."""
    refusal = discover(site, *words)
    assert (refusal.exit_code, set(refusal.codes)) == (3, {code}), refusal.out
    assert_well_told(refusal.told[0])


@pytest.fixture(scope="module")
def portal(lab: Laboratory) -> Iterator[iscsi_server.IscsiServer]:
    with iscsi_server.IscsiServer(lab, PORT, (SERVER, "127.0.0.2")) as running:
        running.account(FINDER, FOUND)
        running.target("guarded", chap=(USER, PASSWORD))
        running.lun(TARGET, 30 * GIB)
        used = running.lun(TARGET, 30 * GIB)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard", used], check=True, capture_output=True)
        yield running


@pytest.fixture
def chap(site: Site) -> list[str]:
    """Give the options with the right users and passwords."""
    site.secrets.write_text(
        f"[environment:default]\nOVEHOSTED_STORAGE/iSCSIPortalPort=int:{PORT}\n"
        f"OVEHOSTED_STORAGE/iSCSIDiscoverUser=str:{FINDER}\nOVEHOSTED_STORAGE/iSCSIDiscoverPassword=str:{FOUND}\n"
        f"OVEHOSTED_STORAGE/iSCSIPortalUser=str:{USER}\nOVEHOSTED_STORAGE/iSCSIPortalPassword=str:{PASSWORD}\n"
    )
    return [f"--secrets-file={site.secrets}"]


def test_iscsi(site: Site, portal: iscsi_server.IscsiServer, chap: list[str]) -> None:
    files = [portal.folder / "guarded-1", portal.folder / "guarded-2"]
    before = [digest(one) for one in files]
    with portal.discovery_by(FINDER):
        told = as_json(site, "iscsi", f"{SERVER},127.0.0.2", *chap)
        shown = discover(site, "iscsi", SERVER, *chap)
    (target,) = told["found"]
    assert target["answer"] == TARGET
    assert {(one["address"], one["port"], one["group"]) for one in target["portals"]} == {
        (SERVER, PORT, 1), ("127.0.0.2", PORT, 1),
    }  # fmt: skip
    free, used = target["luns"]
    assert (free["answer"], free["size"], free["vendor"]) == (portal.wwid(TARGET, 1), 30 * GIB, "ACME")
    assert (free["paths_up"], free["paths"], free["contents"], free["unfit"]) == (2, 2, [], [])
    assert ("ext4" in used["contents"][0]["name"], [one["code"] for one in used["unfit"]]) == (True, ["HE-LUN-USED"])
    assert (shown.exit_code, f"{portal.wwid(TARGET, 1)}" in shown.out) == (0, True)
    assert all(len(line) <= 80 for line in shown.out.splitlines()), shown.out
    assert [digest(one) for one in files] == before


def test_iscsi_in_vain(site: Site, portal: iscsi_server.IscsiServer, chap: list[str]) -> None:
    site.answers.write_text(f"[environment:default]\nOVEHOSTED_STORAGE/iSCSIPortalPort=int:{PORT}\n")
    where = ["iscsi", SERVER, f"--config-append={site.answers}"]
    fails(site, "HE-ISCSI-CHAP", *where)
    told = as_json(site, *where)
    assert (told["found"][0]["luns"], [one["code"] for one in told["problems"]]) == ([], ["HE-ISCSI-CHAP"])
    with portal.discovery_by(FINDER):
        fails(site, "HE-ISCSI-DISCOVERY-CHAP", *where)
    with portal.hung():
        fails(site, "HE-ISCSI-HUNG", *where)
    site.secrets.write_text(site.secrets.read_text().replace(PASSWORD, "wrong-wrong-wrong"))
    with portal.discovery_by(FINDER):
        fails(site, "HE-ISCSI-CHAP", "iscsi", SERVER, *chap)
    fails(site, "HE-ISCSI-PORTAL", "iscsi", SERVER)


def test_nfs(site: Site, lab: Laboratory) -> None:
    fails(site, "HE-NFS-UNREACHABLE", "nfs", "nas.invalid")
    fails(site, "HE-NFS-UNREACHABLE", "nfs", nfs_server.SERVER)
    with nfs_server.NfsServer(lab, {"/exports/engine": nfs_server.Export(lab.folder("exported"))}) as server:
        told = as_json(site, "nfs", nfs_server.SERVER)
        assert told["found"] == [
            {"type": "export", "answer": "127.0.0.1:/exports/engine", "clients": [], "unfit": []},
        ]  # fmt: skip
        server.hang()
        try:
            fails(site, "HE-NFS-HUNG", "nfs", nfs_server.SERVER)
        finally:
            server.go_on()


def test_glusterfs(site: Site, lab: Laboratory) -> None:
    fails(site, "HE-GLUSTER-UNREACHABLE", "glusterfs", "10.77.0.9")
    with gluster_server.GlusterServer(lab) as server:
        server.volume("engine", start=False)
        (volume,) = as_json(site, "glusterfs", gluster_server.SERVER)["found"]
        assert (volume["answer"], volume["replica"]) == (f"{gluster_server.SERVER}:/engine", 1)
        assert (volume["missing"], [one["code"] for one in volume["unfit"]]) == ({}, ["HE-GLUSTER-STOPPED"])
        with server.hung():
            fails(site, "HE-GLUSTER-HUNG", "glusterfs", gluster_server.SERVER)


def test_fc(site: Site) -> None:
    """No LUN is a finding, too: what a host has depends on the host."""
    told = as_json(site, "fc")
    assert told["problems"] == []
    assert all(one["type"] == "lun" for one in told["found"])
