"""Storage servers that answer all they are asked, and take their time for it: told as slow, in time, and left clean."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.gluster_server import SERVER, GlusterServer
from tests.lab.nfs_server import PORTS, Export, NfsServer
from tests.lab.slow_way import ADDRESS, SlowWay
from tests.refusal.told import Refusal, Told, assert_well_told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.refusal.site import Site

IN_TIME: Final = 10.0
LOOKED: Final = 7.0  # seconds for the interview, which looks for an engine there
AROUND: Final = 5.0  # seconds for the program's own start and end
OWNER: Final = 36


@pytest.fixture(scope="module")
def export(lab: Laboratory) -> Path:
    folder = lab.folder("export")
    os.chown(folder, OWNER, OWNER)
    return folder


@pytest.fixture(scope="module")
def way(lab: Laboratory, export: Path) -> Iterator[SlowWay]:
    with NfsServer(lab, {"/export": Export(export)}), SlowWay(lab, ADDRESS, *PORTS[1:]) as slow:
        yield slow


@dataclass(frozen=True)
class Volume:
    """A volume of one copy: the folder and the port of its brick."""

    brick: Path
    port: int


@pytest.fixture(scope="module")
def volume(lab: Laboratory) -> Iterator[Volume]:
    with GlusterServer(lab) as server:
        brick = server.volume("engine")
        (port,) = re.findall(r"<port>(\d+)</port>", server.gluster("status", "engine", "--xml"))
        yield Volume(brick, int(port))


@pytest.fixture
def slow_nfs(site: Site, way: SlowWay) -> Site:
    site.answer(
        OVEHOSTED_STORAGE__domainType="str:nfs",
        OVEHOSTED_STORAGE__storageDomainConnection=f"str:{ADDRESS}:/export",
        HOSTED_ENGINE__storageAccess="str:qemu",
    )
    return site


def refused(site: Site, code: str) -> Told:
    begun = time.monotonic()
    refusal = site.refused()
    assert time.monotonic() - begun < LOOKED + IN_TIME + AROUND
    assert (refusal.exit_code, refusal.codes) == (3, [code]), refusal.out
    assert "HE-CHECK-DEADLINE" not in refusal.out, "nor does the measurement of its latency end so"
    assert_well_told(refusal.told[0])
    return refusal.told[0]


@pytest.mark.parametrize(
    ("delay", "why"),
    [
        (0.15, "and all of them have 7.5 s"),
        (0.3, "and all of them have 7.5 s"),
        (3.0, "the server answers, and has not come to an end within 4 s"),
    ],
)
def test_an_nfs_server_that_is_evenly_slow(slow_nfs: Site, way: SlowWay, export: Path, delay: float, why: str) -> None:
    way.delay = delay
    assert why in refused(slow_nfs, "HE-NFS-SLOW").text("Why")
    assert list(export.iterdir()) == []


def test_an_nfs_server_that_is_slow_is_waited_for_with_the_command_that_is_told(
    slow_nfs: Site, way: SlowWay, export: Path
) -> None:
    way.delay = 0.2
    answers = f"--config-append={slow_nfs.answers}"
    words = ["deploy", "--precheck", "--timeout-factor=4", *slow_nfs.again, answers, *slow_nfs.arguments]
    code, out = slow_nfs.program(words, slow_nfs.environment)
    warned = [one for one in Refusal(code, out).warned if one.code == "HE-NFS-SLOW"]
    assert (code, len(warned)) == (0, 1), out
    assert f"s for one block at {ADDRESS}:/export" in warned[0].text("What")
    assert list(export.iterdir()) == []


@pytest.mark.parametrize("delay", [0.1, 0.3])
def test_a_glusterfs_volume_that_is_evenly_slow(site: Site, lab: Laboratory, volume: Volume, delay: float) -> None:
    site.answer(
        OVEHOSTED_STORAGE__domainType="str:glusterfs",
        OVEHOSTED_STORAGE__storageDomainConnection=f"str:{SERVER}:/engine",
        OVEHOSTED_STORAGE__imgSizeGB="int:25",
    )
    with SlowWay(lab, SERVER, volume.port) as way:
        way.delay = delay
        assert "and all of them have 7.5 s" in refused(site, "HE-GLUSTER-SLOW").text("Why")
    assert {one.name for one in volume.brick.iterdir()} <= {".glusterfs", ".shard"}
