"""GlusterFS by FUSE, without a VM: mounted, used and unmounted by one process, and again by another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.gluster_server import SERVER, GlusterServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory

PROGRAM: Final = Path(__file__).with_name("gluster_by_fuse.py")
OWNER: Final = 36


@pytest.fixture(scope="module")
def brick(lab: Laboratory) -> Iterator[Path]:
    """Give the folder behind a volume that lacks an option."""
    with GlusterServer(lab) as server:
        folder = server.volume("engine")
        server.gluster("set", "engine", "network.ping-timeout", "42")
        yield folder


@pytest.mark.system
def test_a_domain_is_made_and_is_there_for_the_next_process(lab: Laboratory, brick: Path) -> None:
    root = lab.folder("host")
    for what, word in (("first", "made"), ("second", "gone")):
        done = lab.run([sys.executable, PROGRAM, what, SERVER, root])
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines() == [
            "options to set: {'network.ping-timeout': '30'}",
            f"mounted: ['/rhev/data-center/mnt/glusterSD/{SERVER}:_engine']",
            f"the domain is {word}, nothing is mounted, the options are as they were",
        ]
        there = list(brick.glob("*-*/dom_md/metadata"))
        assert len(there) == (1 if word == "made" else 0)
        assert {(path.stat().st_uid, path.stat().st_gid) for path in there} <= {(OWNER, OWNER)}
    assert {path.name for path in brick.iterdir()} <= {".glusterfs", ".shard"}  # GlusterFS's own
