"""Virtualisation is measured: the faster one that works, and the operator's wish where it can be met."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hosted_plugins.virt import VirtAnswers, VirtType
from hosted_plugins.virt.steps import measure
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.testing.behaviour import Behaviour
from hosted_setup.testing.world import Recorder, World

if TYPE_CHECKING:
    from pathlib import Path

Proofs = dict[str, float | None]


def measured(tmp_path: Path, want: VirtType, proofs: Proofs, *, claims_kvm: bool | None = None) -> tuple[str, str]:
    """Give the type that was chosen and what the operator was told."""
    world = World.make(tmp_path / "world", Behaviour(proofs=proofs))
    told = Recorder()
    host = world.host("run", told)
    facts = host.hypervisor.facts()
    if claims_kvm is not None:
        facts = replace(facts, claims_kvm=claims_kvm)
    chosen = measure(VirtAnswers(virt_type=want), facts, host)
    return chosen.virt_type, " ".join(str(event) for event in told.events)


@pytest.mark.parametrize(
    ("want", "proofs", "chosen", "told"),
    [
        (VirtType.AUTO, {"qemu": 2.0, "kvm": 0.5}, "kvm", "KVM works (a test guest took 0.5 s)"),
        (VirtType.AUTO, {"qemu": 2.0, "kvm": 2.5}, "qemu", "answered first, after 2.0 s (nothing yet"),
        (VirtType.AUTO, {"qemu": 2.0, "kvm": None}, "qemu", "KVM is offered but does not help"),
        (VirtType.AUTO, {"qemu": 2.0}, "qemu", "No KVM here"),
        (VirtType.AUTO, {"qemu": None, "kvm": 0.5}, "kvm", "KVM works"),
        (VirtType.QEMU, {"qemu": 2.0, "kvm": 0.5}, "qemu", ""),
        (VirtType.KVM, {"qemu": 0.1, "kvm": 9.0}, "kvm", ""),
    ],
)
def test_what_is_chosen(tmp_path: Path, want: VirtType, proofs: Proofs, chosen: str, told: str) -> None:
    found, said = measured(tmp_path, want, proofs)
    assert found == chosen
    assert told in said


@pytest.mark.parametrize(
    ("want", "proofs", "code"),
    [
        (VirtType.AUTO, {"qemu": None, "kvm": None}, "HE-VIRT"),
        (VirtType.AUTO, {"qemu": None}, "HE-VIRT"),
        (VirtType.QEMU, {"qemu": None, "kvm": 0.5}, "HE-VIRT"),
        (VirtType.KVM, {"qemu": 2.0, "kvm": None}, "HE-VIRT-KVM"),
        (VirtType.KVM, {"qemu": 2.0}, "HE-VIRT-KVM"),
    ],
)
def test_what_is_refused(tmp_path: Path, want: VirtType, proofs: Proofs, code: str) -> None:
    with pytest.raises(Problem) as caught:
        measured(tmp_path, want, proofs)
    assert caught.value.code == code
    assert caught.value.exit_code is ExitCode.REFUSED
    assert caught.value.why
    assert caught.value.command == "virt-host-validate qemu"
