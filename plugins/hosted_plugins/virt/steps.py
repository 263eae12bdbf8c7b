"""Runs a tiny 64-bit guest under kvm and under emulation and takes the faster one.

A hypervisor's claim is not enough: under some nested setups /dev/kvm opens, a guest starts and even prints, and then
it crawls. So the guest computes before it writes a random token to its serial line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

from hosted_plugins.virt import VirtAnswers, VirtType, Virtualisation
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts, Proof

EMULATION_DEADLINE: Final = 30.0  # seconds; about 2 on a small machine
KVM_GRACE: Final = 1.0  # kvm that is not faster than emulation is of no use: it gets that long and a little more


class NoVirtualisation(Problem):
    """Neither kvm nor emulation runs a guest."""

    code = "HE-VIRT"
    title = "This host cannot run a guest"


class KvmUnfit(Problem):
    """The operator insists on kvm, which does not work."""

    code = "HE-VIRT-KVM"
    title = "KVM was asked for but does not work here"


@step(Stage.CUSTOMIZATION, "Measure virtualisation")
def measure(want: VirtAnswers, hypervisor: HypervisorFacts, host: Host) -> Virtualisation:
    """Choose the domain type; say what was measured."""
    if want.virt_type is VirtType.KVM:
        return _insist_on_kvm(host)
    emulated = host.hypervisor.prove("qemu", secrets.token_hex(8), EMULATION_DEADLINE * host.timeout_factor)
    if emulated.seconds is None and (want.virt_type is VirtType.QEMU or not hypervisor.claims_kvm):
        raise _nothing_works(emulated)
    if want.virt_type is VirtType.QEMU:
        return Virtualisation("qemu")
    return _compare(emulated, hypervisor, host)


def _compare(emulated: Proof, hypervisor: HypervisorFacts, host: Host) -> Virtualisation:
    if not hypervisor.claims_kvm:
        host.reporter.emit(
            Warn(f"No KVM here: software emulation is used (a test guest took {emulated.seconds:.1f} s)")
        )
        return Virtualisation("qemu")
    deadline = EMULATION_DEADLINE if emulated.seconds is None else emulated.seconds + KVM_GRACE
    hardware = host.hypervisor.prove("kvm", secrets.token_hex(8), deadline * host.timeout_factor)
    if hardware.seconds is None and emulated.seconds is None:
        raise _nothing_works(emulated)
    if hardware.seconds is not None and (emulated.seconds is None or hardware.seconds < emulated.seconds):
        host.reporter.emit(Info(f"KVM works (a test guest took {hardware.seconds:.1f} s)"))
        return Virtualisation("kvm")
    said = hardware.reason or f"no answer in {deadline:.1f} s"
    if hardware.seconds is not None:
        said = f"{hardware.seconds:.1f} s"
    slower = f"a test guest did not profit ({said}, under emulation {emulated.seconds:.1f} s)"
    host.reporter.emit(Warn(f"KVM is offered but {slower}: software emulation is used"))
    return Virtualisation("qemu")


def _insist_on_kvm(host: Host) -> Virtualisation:
    proof = host.hypervisor.prove("kvm", secrets.token_hex(8), EMULATION_DEADLINE * host.timeout_factor)
    if proof.seconds is None:
        why = proof.reason or f"a test guest stayed mute for {EMULATION_DEADLINE:.0f} s"
        raise KvmUnfit(
            "HOSTED_ENGINE/virtType=str:kvm",
            why=why,
            hint="Let it be measured (auto), and look at:",
            command="virt-host-validate qemu",
        )
    return Virtualisation("kvm")


def _nothing_works(emulated: Proof) -> NoVirtualisation:
    why = emulated.reason or f"a test guest stayed mute for {EMULATION_DEADLINE:.0f} s"
    return NoVirtualisation(
        "neither KVM nor software emulation ran a test guest", why=why, command="virt-host-validate qemu"
    )


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the step."""
    return (measure,)
