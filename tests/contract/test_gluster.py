"""A pool's volumes and their options: the real command line with a real server, and the fake, do the same."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

from hosted_setup.ports.gluster import GlusterVolume
from hosted_setup.testing.gluster import FakeGluster
from tests.contract.bench import eventually
from tests.lab.gluster_server import GlusterServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

pytestmark = pytest.mark.system

HEAD = """
from hosted_setup.adapters.gluster_cli import GlusterCli
from hosted_setup.model.problem import Problem

cli = GlusterCli()

def shown():
    return sorted(pair for pair in cli.volumes("10.77.0.1")[0].options.items() if pair[0] in CHANGED)

def told(deed, *arguments):
    try:
        deed(*arguments)
    except Problem as problem:
        print(problem.code)

CHANGED = ("network.ping-timeout", "storage.owner-uid")
"""
CHANGES: Final = (
    {"network.ping-timeout": "30", "storage.owner-uid": "36"},
    {"network.ping-timeout": "", "storage.owner-uid": "37"},
)


@pytest.fixture(scope="module")
def server(lab: Laboratory) -> Iterator[GlusterServer]:
    with GlusterServer(lab) as running:
        running.volume("engine", copies=3, tuned=False)
        yield running


def said(lab: Laboratory, program: str, **environment: str) -> list[str]:
    """Run a program inside, and give what it prints."""
    words = ["env", *(f"{name}={value}" for name, value in environment.items()), sys.executable, "-c", HEAD + program]
    return lab.run(words, check=True).stdout.splitlines()


def test_options_are_set_and_go_back_to_the_default(lab: Laboratory, server: GlusterServer, tmp_path: Path) -> None:
    real = said(lab, f"for one in {CHANGES}:\n    cli.set_options('engine', one)\n    print(shown())")
    fake = FakeGluster(tmp_path / "table")
    fake.add(GlusterVolume("engine", "b2088929-248b-4fed-9f91-5fb89fd14ee3", started=True, replica=3))
    for change, shown in zip(CHANGES, real, strict=True):
        fake.set_options("engine", change)
        assert str(sorted(fake.volumes("")[0].options.items())) == shown


def test_a_server_of_the_pool_has_the_rights(lab: Laboratory, server: GlusterServer) -> None:
    look = (
        "volume = cli.volumes('10.77.0.1')[0]\nprint(volume.name, volume.started, volume.replica, len(volume.bricks))"
    )
    assert said(lab, f"{look}\nprint(cli.has_rights(volume))") == ["engine True 3 3", "True"]


def test_a_host_that_serves_nothing_has_none(lab: Laboratory, server: GlusterServer) -> None:
    server.stop()
    try:
        made = "GlusterVolume('engine', 'b2088929-248b-4fed-9f91-5fb89fd14ee3', True, 3)"
        script = f"from hosted_setup.ports.gluster import GlusterVolume\nprint(cli.has_rights({made}))"
        assert said(lab, script) == ["False"]
    finally:
        server.start()


def test_what_the_server_refuses_and_a_host_without_the_program(lab: Laboratory, server: GlusterServer) -> None:
    assert said(lab, "told(cli.set_options, 'missing', {'network.ping-timeout': '30'})") == ["HE-GLUSTER-FAULT"]
    assert said(lab, "told(cli.volumes, '10.77.0.1')", PATH="/nowhere") == ["HE-GLUSTER-CLIENT"]


def test_a_call_ends_with_who_has_made_it(lab: Laboratory, server: GlusterServer) -> None:
    def asked() -> bool:
        return any(one.startswith("gluster --remote-host") for one in lab.processes().values())

    with server.hung():
        caller = lab.spawn([sys.executable, "-c", f"{HEAD}cli.volumes('10.77.0.1')"])
        eventually(asked)
        caller.kill()
        caller.wait()
        eventually(lambda: not asked(), within=5)


def test_a_server_that_is_down_and_one_that_hangs(lab: Laboratory, server: GlusterServer) -> None:
    assert said(lab, "told(cli.volumes, '10.77.0.9')") == ["HE-GLUSTER-UNREACHABLE"]
    with server.hung():
        assert said(lab, "told(GlusterCli(within=1).volumes, '10.77.0.1')") == ["HE-GLUSTER-HUNG"]
