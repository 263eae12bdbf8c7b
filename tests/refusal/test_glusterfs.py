"""GlusterFS volumes that cannot be used: each reason by its own code, in time, and not a byte is changed."""

from __future__ import annotations

import hashlib
import shlex
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.gluster_server import SERVER, GlusterServer
from tests.refusal.told import Told, assert_well_told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.refusal.site import Site

IN_TIME: Final = 10.0
AROUND: Final = 5.0  # seconds for the program's own start and end
UUID: Final = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"


@pytest.fixture(scope="module")
def server(lab: Laboratory) -> Iterator[GlusterServer]:
    with GlusterServer(lab) as running:
        running.volume("engine")
        running.volume("two", copies=2)
        running.volume("stopped", start=False)
        running.volume("bare", tuned=False)
        yield running


def stored(lab: Laboratory) -> dict[str, str]:
    """Hash what users have in all volumes; GlusterFS's own books lie in `.glusterfs…`."""
    bricks = [*lab.root.glob("gluster-*/*-[0-9]"), *lab.root.glob("small-*/*-[0-9]")]
    files = [
        path
        for brick in bricks
        for path in brick.rglob("*")
        if not str(path.relative_to(brick)).startswith(".glusterfs")
    ]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "" for path in files}


def refused(site: Site, volume: str, *codes: str, **changes: str) -> Told:
    before = stored(site.lab)
    site.answer(**{
        "OVEHOSTED_STORAGE__domainType": "str:glusterfs",
        "OVEHOSTED_STORAGE__storageDomainConnection": f"str:{volume}" if ":" in volume else f"str:{SERVER}:/{volume}",
        "OVEHOSTED_STORAGE__imgSizeGB": "int:25",
    } | changes)  # fmt: skip
    begun = time.monotonic()
    refusal = site.refused()
    assert time.monotonic() - begun < IN_TIME + AROUND
    assert stored(site.lab) == before
    assert set(refusal.codes) & set(codes), refusal.out
    told = next(one for code, one in zip(refusal.codes, refusal.told, strict=True) if code in codes)
    assert_well_told(told)
    return told


def test_a_server_that_is_down(site: Site, server: GlusterServer) -> None:
    refused(site, "10.77.0.9:/engine", "HE-GLUSTER-UNREACHABLE")


def test_a_server_that_hangs(site: Site, server: GlusterServer) -> None:
    with server.hung():
        refused(site, "engine", "HE-GLUSTER-HUNG")


def test_a_volume_that_is_missing(site: Site, server: GlusterServer) -> None:
    assert "engine" in refused(site, "missing", "HE-GLUSTER-VOLUME").text("Why")


def test_a_volume_of_two_copies(site: Site, server: GlusterServer) -> None:
    refused(site, "two", "HE-GLUSTER-REPLICA")


def test_a_volume_that_is_not_started(site: Site, server: GlusterServer) -> None:
    assert "volume start stopped" in refused(site, "stopped", "HE-GLUSTER-STOPPED").text("Next")


def test_a_volume_without_the_options_is_told_the_command(site: Site, server: GlusterServer, lab: Laboratory) -> None:
    told = refused(site, "bare", "HE-GLUSTER-OPTIONS")
    said = told.text("Next")
    assert "gluster --mode=script volume set bare" in said
    assert "storage.owner-uid 36" in said
    assert "ping-timeout" not in server.gluster("info", "bare")
    lab.run(shlex.split(said[said.index("gluster --mode") :]), check=True)
    assert "network.ping-timeout: 30" in server.gluster("info", "bare")


def test_a_volume_that_is_read_only(site: Site, server: GlusterServer) -> None:
    server.gluster("set", "engine", "features.read-only", "on")
    try:
        refused(site, "engine", "HE-GLUSTER-READONLY")
    finally:
        server.gluster("reset", "engine", "features.read-only")


def test_a_volume_that_user_36_may_not_write_to(site: Site, server: GlusterServer) -> None:
    server.volume("closed").chmod(0o555)
    assert "storage.owner-uid 36" in refused(site, "closed", "HE-GLUSTER-WRITE").text("Next")


def test_a_volume_that_is_full(site: Site, server: GlusterServer, lab: Laboratory) -> None:
    folder = lab.folder("small")
    lab.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    server.volume("full", folder=folder)
    lab.run(["sh", "-c", f"dd if=/dev/zero of={folder}/filler bs=4096 status=none; true"], check=True)
    refused(site, "full", "HE-GLUSTER-FULL")


def test_a_volume_that_this_host_may_not_mount(site: Site, server: GlusterServer) -> None:
    server.gluster("set", "engine", "auth.reject", SERVER)
    try:
        # its bricks learn of it while it is mounted: either the mount or the first write is denied
        refused(site, "engine", "HE-GLUSTER-MOUNT", "HE-GLUSTER-WRITE")
    finally:
        server.gluster("reset", "engine", "auth.reject")


def test_a_volume_with_somebody_elses_storage_domain(site: Site, server: GlusterServer) -> None:
    brick: Path = server.volume("taken")
    metadata = brick / UUID / "dom_md" / "metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("CLASS=Data\nDESCRIPTION=hosted_storage\n")
    assert "hosted_storage" in refused(site, "taken", "HE-STORAGE-TAKEN").text("Why")
