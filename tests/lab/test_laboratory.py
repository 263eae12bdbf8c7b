"""The laboratory itself: separate, near to a real host, and gone with its maker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hosted_setup.adapters.libvirt_hypervisor import LibvirtHypervisor
from hosted_setup.ports.problems import HypervisorDown
from tests.contract.bench import Bench, eventually
from tests.lab.laboratory import PREFIX, Laboratory

MAKER = """
import time
from tests.lab.laboratory import Laboratory
laboratory = Laboratory()
laboratory.spawn(["sleep", "1000"])
print(laboratory.root, laboratory.pid, flush=True)
time.sleep(1000)
"""


def test_it_is_like_a_real_host(lab: Laboratory) -> None:
    facts = LibvirtHypervisor(lab.uri).facts()
    assert facts.uid > 0, "qemu has its own user"
    assert not facts.claims_kvm
    assert lab.run(["virsh", "-c", lab.uri, "version"]).returncode == 0
    assert lab.run(["cat", "/etc/resolv.conf"]).stdout == ""
    assert lab.run(["ls", "/dev/kvm"]).returncode


def test_its_own_processes_are_not_listed(lab: Laboratory) -> None:
    assert not [args for args in lab.processes().values() if args.startswith(("ps ", "virtlogd", "libvirtd"))]


def test_two_do_not_meet(lab: Laboratory) -> None:
    with Laboratory() as other:
        bench = Bench("real", LibvirtHypervisor(other.uri), other.folder("x"))
        made, network = bench.domain(), bench.network(9)
        bench.hypervisor.define_network(network.xml)
        bench.hypervisor.define(made.xml)
        bench.hypervisor.start(made.uuid, {})
        assert any("qemu-system" in args for args in other.processes().values())
        assert "10.201.9.1" in other.run(["ip", "address"]).stdout
        assert "10.201.9.1" not in lab.run(["ip", "address"]).stdout
        with other.network():
            assert "10.201.9.1" in subprocess.run(["ip", "address"], capture_output=True, text=True, check=True).stdout
        assert LibvirtHypervisor(lab.uri).domain(made.uuid) is None
        root, pid = other.root, other.pid
    assert not root.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_it_ends_when_its_maker_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", MAKER], stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        root, pid = maker.stdout.readline().split()
        namespace = Path(f"/proc/{pid}/ns/pid").readlink()
        maker.send_signal(signal.SIGKILL)
    eventually(lambda: not members(namespace))
    left = Path(root)
    assert left.name.startswith(PREFIX)
    os.utime(left, (time.time() - 1000, time.time() - 1000))
    with Laboratory():
        assert not left.exists(), "the next one sweeps up"


def test_a_connection_survives_a_restart_of_the_daemon() -> None:
    with Laboratory() as laboratory:
        hypervisor = LibvirtHypervisor(laboratory.uri)
        assert hypervisor.domain_named("x") is None
        processes = laboratory.run(["ps", "-eww", "-o", "pid=,args="], check=True).stdout
        daemon = re.search(r"^ *(\d+) libvirtd$", processes, re.MULTILINE)
        assert daemon is not None
        laboratory.run(["kill", "-9", daemon[1]], check=True)
        with pytest.raises(HypervisorDown):
            eventually(lambda: hypervisor.domain_named("x") is not None)
        (laboratory.root / "libvirt-sock").unlink()
        laboratory.run(["libvirtd", "-d"], check=True, capture_output=False)
        assert hypervisor.domain_named("x") is None


def members(namespace: Path) -> list[str]:
    """Give the processes of a process namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "ns" / "pid").readlink() == namespace:
                found.append(process.name)
        except OSError:
            continue
    return found
