"""The host machine and the clock."""

from __future__ import annotations

import re
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from hosted_setup.adapters.linux_machine import LinuxMachine
from hosted_setup.adapters.system_clock import SystemClock
from hosted_setup.ports.machine import Chain
from hosted_setup.testing.behaviour import Behaviour
from hosted_setup.testing.clock import FakeClock
from hosted_setup.testing.machine import FakeMachine
from tests.lab.wire import Machine as Wired

if TYPE_CHECKING:
    from hosted_setup.ports.clock import Clock
    from hosted_setup.ports.machine import Machine
    from tests.lab.laboratory import Laboratory

PASSWORD = "correct horse"
NOBODY = 65534


@pytest.fixture(params=["fake", "real"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Give a pretended machine, then this one."""
    return FakeMachine(Behaviour()) if request.param == "fake" else LinuxMachine()


@pytest.fixture(params=["fake", "real"])
def clock(request: pytest.FixtureRequest, tmp_path: Path) -> Clock:
    """Give a pretended clock, then the system's."""
    return FakeClock(tmp_path / "clock") if request.param == "fake" else SystemClock()


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_a_folder_below_one_that_is_closed_is_closed(kind: str) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name, "folder")
        folder.mkdir()
        machine: Machine = LinuxMachine() if kind == "real" else FakeMachine(Behaviour(closed=(str(folder),)))
        assert machine.searchable(Path("/usr"), NOBODY, NOBODY)
        assert not machine.searchable(folder, NOBODY, NOBODY)
        if kind == "real":
            assert machine.searchable(folder, 0, 0)
            Path(name).chmod(0o711)
            assert machine.searchable(folder, NOBODY, NOBODY)


def test_facts(machine: Machine) -> None:
    facts = machine.facts()
    assert facts.hostname
    assert UUID(facts.uuid)
    assert facts.cpus > 0
    assert 0 < facts.free_memory_mib <= facts.memory_mib
    assert re.fullmatch(r"[A-Za-z_+-]+(/[A-Za-z0-9_+-]+)*", facts.timezone)
    assert machine.boot() == machine.boot() != ""


def test_space(machine: Machine, tmp_path: Path) -> None:
    space = machine.space(tmp_path)
    assert 0 < space.free <= space.total


def test_programs(machine: Machine) -> None:
    assert machine.has_program("qemu-img")
    assert not FakeMachine(Behaviour(programs=["qemu-img"])).has_program("openssl")
    assert not LinuxMachine().has_program("no-such-program-anywhere")


def test_what_checks_look_at(machine: Machine) -> None:
    assert isinstance(machine.without_kvm(), str)
    assert isinstance(machine.clock_synchronised(), bool)
    assert machine.program_version("qemu-img") >= (5, 2)
    assert machine.program_version("no-such-program-anywhere") == ()
    assert machine.processes()
    assert all(machine.processes())
    assert all(re.fullmatch(r"\w+", name) for name in machine.modules())
    assert all(chain.hook for chain in machine.dropping_chains())


def test_routes(machine: Machine) -> None:
    for route in machine.routes():
        assert ip_network(route).prefixlen > 0


def test_hash_password(machine: Machine) -> None:
    first = machine.hash_password(PASSWORD)
    assert re.fullmatch(r"\$6\$[^$]{8,16}\$[^$]{86}", first)
    assert PASSWORD not in first


def test_the_clock(clock: Clock) -> None:
    before, day = clock.monotonic(), clock.now()
    clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.01
    assert (clock.now() - day).total_seconds() > 0
    assert day.utcoffset() is not None


# What follows is the real adapter's alone.


def test_the_hash_is_the_passwords() -> None:
    made = LinuxMachine().hash_password(PASSWORD)
    salt = made.split("$")[2]
    again = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == made


def test_chains_that_drop_are_those_of_the_packet_filter() -> None:
    host = Wired()
    rules = "add table inet site; add chain inet site input { type filter hook input priority 0; policy drop; }"
    try:
        for command in (*rules.split("; add"), "add chain inet site out { type filter hook output priority 0; }"):
            host.start(["nft", command if command.startswith("add") else f"add{command}"]).communicate()
        with host.inside():
            assert LinuxMachine().dropping_chains() == (Chain("inet", "site", "input", "input"),)
    finally:
        host.close()


def test_routes_are_those_of_the_host(lab: Laboratory) -> None:
    commands = (
        "link add r0 type veth peer r1",
        "addr add 10.88.7.1/22 dev r0",
        "link set r0 up",
        "link set r1 up",
        "route add 10.99.0.0/16 via 10.88.7.2",
        "route add default via 10.88.7.3",
    )
    for command in commands:
        lab.run(["ip", *command.split()], check=True)
    script = "from hosted_setup.adapters.linux_machine import LinuxMachine; print(LinuxMachine().routes())"
    done = lab.run([sys.executable, "-c", script])
    lab.run(["ip", "link", "del", "r0"], check=True)
    assert "'10.88.4.0/22'" in done.stdout, done.stderr
    assert "'10.99.0.0/16'" in done.stdout
    assert "0.0.0.0" not in done.stdout  # noqa: S104 - the default route
