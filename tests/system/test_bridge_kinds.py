"""The management bridge over a bond and over a VLAN, under a kernel that has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lab.kernel_tier import run_in_kernel

COURSE = (
    "made and proven, connections go on", "taken back, connections go on",
    "taken back by the guard when its time was up", "taken back by the guard after a kill",
)  # fmt: skip
PROGRAM = Path(__file__).with_name("bridge_over.py")


@pytest.mark.system
def test_over_a_bond_and_over_a_vlan() -> None:
    modules = ["bridge", "veth", "bonding", "8021q"]
    done = run_in_kernel([sys.executable, str(PROGRAM), "bond0", "n0.100"], modules, within=600)
    assert done.code == 0, done.output
    told: dict[str, list[str]] = {}
    for line in done.output.splitlines():
        nic, _, text = line.partition(" ")
        told.setdefault(nic, []).append(text)
    assert told == {
        "bond0": ["is a bond active-backup of none", *COURSE],
        "n0.100": ["is a vlan 100 of n0", *COURSE],
    }
