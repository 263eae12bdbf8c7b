"""The proof of a virtualisation type."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import pytest

from tests.contract.bench import Bench, eventually
from tests.lab.laboratory import Laboratory

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
import sys
from hosted_setup.adapters.libvirt_hypervisor import LibvirtHypervisor
print(LibvirtHypervisor(sys.argv[1]).prove(sys.argv[2].split(","), sys.argv[3], float(sys.argv[4])))
"""


def test_emulation_computes(bench: Bench) -> None:
    (proof,) = bench.hypervisor.prove(["qemu"], secrets.token_hex(8), 60.0)
    assert proof.seconds is not None, proof.reason
    assert 0 < proof.seconds < 60


def test_what_libvirt_cannot_run_is_refused_with_its_words(bench: Bench) -> None:
    (proof,) = bench.hypervisor.prove(["xen"], secrets.token_hex(8), 5.0)
    assert proof.seconds is None
    assert "xen" in proof.reason


def test_what_cannot_run_does_not_hold_up_the_other(bench: Bench) -> None:
    foreign, emulated = bench.hypervisor.prove(["xen", "qemu"], secrets.token_hex(8), 60.0)
    assert foreign.seconds is None
    assert emulated.seconds is not None, emulated.reason


def test_a_guest_that_is_too_slow_is_mute(bench: Bench) -> None:
    (proof,) = bench.hypervisor.prove(["qemu"], secrets.token_hex(8), 0.02)
    assert proof.seconds is None
    assert "no token within 0.02 s" in proof.reason


def test_a_token_cannot_carry_xml(bench: Bench) -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        bench.hypervisor.prove(["qemu"], "<a/>", 1.0)


def test_nothing_is_left_when_the_prover_is_killed(lab: Laboratory) -> None:
    token = secrets.token_hex(8)
    before = {path for path in lab.root.rglob("*") if "log" not in path.parts}
    prover = lab.spawn([sys.executable, "-c", SCRIPT, lab.uri, "qemu", token, "60"])
    eventually(lambda: token in lab.run(["virsh", "-c", lab.uri, "list"]).stdout)
    prover.kill()
    prover.wait()
    eventually(lambda: token not in lab.run(["virsh", "-c", lab.uri, "list", "--all"]).stdout)
    eventually(lambda: not any(token in args for args in lab.processes().values()))
    after = {path for path in lab.root.rglob("*") if "log" not in path.parts}
    assert {path for path in after - before if token in path.name} == set()


@pytest.mark.parametrize("mode", [None, 0o600])
def test_a_kvm_that_qemu_cannot_open_is_told_at_once(mode: int | None, tmp_path: Path) -> None:
    with Laboratory(kvm=mode) as laboratory:
        script = f"import time; t = time.monotonic()\n{SCRIPT}\nprint(time.monotonic() - t)"
        done = laboratory.run([sys.executable, "-c", script, laboratory.uri, "kvm", "abc", "5"])
    proof, seconds = done.stdout.splitlines()
    assert "seconds=None" in proof, done.stderr
    assert "/dev/kvm" in proof
    assert float(seconds) < 15


def test_the_first_that_answers_ends_the_race() -> None:
    with Laboratory(kvm=0o660) as laboratory:
        done = laboratory.run([sys.executable, "-c", SCRIPT, laboratory.uri, "kvm,qemu", "abc", "60"])
        eventually(lambda: "he-proof" not in laboratory.run(["virsh", "-c", laboratory.uri, "list", "--all"]).stdout)
    assert done.stdout.count("seconds=None") == 1, done.stdout + done.stderr
    assert "nothing yet when" in done.stdout
