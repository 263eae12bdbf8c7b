"""The proven bridge is handed over to whoever runs the network, on a pretended host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosted_setup.testing.network import FACTS, GATEWAY, NIC
from hosted_setup.testing.portrait import changes, portrait

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.program import Program

DONE, UNFINISHED = 0, 4


@pytest.fixture
def networkd(program: Program) -> Path:
    """Let systemd-networkd run the NIC, and the bridge as soon as it is told; give its folder of files."""
    links = program.world.paths.root / "run/systemd/netif/links"
    links.mkdir(parents=True)
    for index in (NIC.index, NIC.index + 1):
        (links / str(index)).write_text("ADMIN_STATE=configured\n")
    program.answer(HOSTED_ENGINE__networkMode="str:bridge")
    return program.world.paths.root / "etc/systemd/network"


def test_who_runs_the_network_is_told_of_the_bridge_and_of_its_end(program: Program, networkd: Path) -> None:
    done = program.deploy()
    assert done.code == DONE, done.out
    assert program.world.network.told() == ("networkctl reload",)
    assert min(path.name for path in networkd.iterdir()) == "0-ovirtmgmt-port.network"
    assert program("cleanup", "--yes").code == DONE
    assert program.world.network.told() == ("networkctl reload", "networkctl reload")
    assert not networkd.exists()


def test_who_runs_the_network_cannot_be_told(program: Program, networkd: Path) -> None:
    before = portrait(program.world, {program.inputs.folder: "<inputs>"})
    program.world.behaviour.deaf_managers = ("networkctl",)
    done = program.deploy()
    assert (done.code, "HE-GATEWAY-LOST" in done.out) == (UNFINISHED, True), done.out
    assert f"{GATEWAY}: no answer once systemd-networkd was to run it" in done.out
    assert "what runs eno1 does not know that it has it again" in done.out
    assert program.world.network.facts() == FACTS
    assert not networkd.exists()
    assert program("deploy", "--abort").code == DONE
    assert changes(before, portrait(program.world, {program.inputs.folder: "<inputs>"})) == {}


def test_who_runs_the_network_does_not_run_the_bridge(program: Program, networkd: Path) -> None:
    (program.world.paths.root / f"run/systemd/netif/links/{NIC.index + 1}").write_text("ADMIN_STATE=configuring\n")
    done = program.deploy()
    assert (done.code, "systemd-networkd to run ovirtmgmt" in done.out) == (UNFINISHED, True), done.out
    assert program.world.network.told() == ("networkctl reload", "networkctl reload")
    assert program.world.network.facts() == FACTS
