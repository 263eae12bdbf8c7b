"""A LUN on which a real sanlock daemon renews its lease is known as lived on; once it is gone, as left."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hosted_plugins.storage.luns import FoundLun, LunWipe, looked
from hosted_setup.adapters.system_clock import SystemClock
from hosted_setup.model.values import MIB
from hosted_setup.testing.luns import FakeLuns
from hosted_setup.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Inside, Laboratory

pytestmark = [pytest.mark.system, pytest.mark.long]  # the first lease alone takes half a minute

WWID = "36001405aa"


@pytest.fixture
def lun(lab: Laboratory) -> Path:
    path = lab.folder("lun") / "lun"
    with path.open("xb") as file:
        file.truncate(40 * MIB)
    lab.run(["sanlock", "direct", "init", "-s", f"theirs:0:{path}:0"], check=True)
    return path


@pytest.fixture
def sanlock(lab: Laboratory) -> Iterator[Inside]:
    """Run a daemon that has no watchdog and an I/O time-out of a second, and renews every other second."""
    lab.run(["mkdir", "-p", "/run/sanlock"], check=True)
    words = ["sanlock", "daemon", "-D", "-w", "0", "-o", "1", "-U", "root", "-G", "root", "-e", "host-7"]
    with (lab.root / "sanlock.log").open("wb") as log:
        daemon = lab.spawn(words, env={**os.environ, "SANLOCK_PRIVILEGED": "0"}, stdout=log, stderr=log)
    deadline = time.monotonic() + 20
    while lab.run(["sanlock", "client", "status"]).returncode:
        assert time.monotonic() < deadline, (lab.root / "sanlock.log").read_text()
        time.sleep(0.05)
    yield daemon
    if daemon.outer.poll() is None:
        daemon.kill()
        daemon.wait()


def seen(lun: Path, tmp_path: Path) -> FoundLun:
    host = replace(World.make(tmp_path / "world").host("run"), clock=SystemClock())
    read = partial(FakeLuns(lun.parent).read, str(lun))
    return looked(host, FoundLun(WWID, 1, 40 * MIB, 512, "", "", "", read_only=False), read, LunWipe(wwid=WWID))


def test_a_host_that_lives_there_is_seen_while_it_does(
    lab: Laboratory, lun: Path, sanlock: Inside, tmp_path: Path
) -> None:
    lab.run(["sanlock", "client", "add_lockspace", "-s", f"theirs:7:{lun}:0", "-o", "1"], check=True)
    found = seen(lun, tmp_path)
    assert found.living == (7,)
    problem = found.refused("here", "true")
    assert problem is not None
    assert problem.code == "HE-LUN-LEASE"
    sanlock.kill()
    sanlock.wait()
    left = seen(lun, tmp_path / "later")
    assert (left.living, left.uses, left.refused("here", "true")) == ((), ("the sanlock lockspace theirs",), None)
