"""Races a tiny 64-bit guest under kvm against one under emulation and takes the winner.

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
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts, Proof

DEADLINE: Final = 30.0  # seconds; emulation takes less than one on a small machine


class NoVirtualisation(Problem):
    """Neither kvm nor emulation runs a guest."""

    code = "HE-VIRT"
    title = "This host cannot run a guest"


class KvmUnfit(Problem):
    """The operator insists on kvm, which does not work."""

    code = "HE-VIRT-KVM"
    title = "KVM was asked for but does not work here"


@step(Stage.CUSTOMIZATION, "Measure virtualisation", within=120.0)
def measure(want: VirtAnswers, hypervisor: HypervisorFacts, host: Host) -> Virtualisation:
    """Choose the domain type; say what was measured."""
    if want.virt_type is VirtType.KVM:
        return _insist_on_kvm(host)
    if want.virt_type is VirtType.QEMU or not hypervisor.claims_kvm:
        (emulated,) = _race(host, "qemu")
        if emulated.seconds is None:
            raise _nothing_works(emulated)
        if want.virt_type is VirtType.AUTO:
            said = _(
                "No KVM here: software emulation is used (a test guest took {seconds:.1f} s)", seconds=emulated.seconds
            )
            host.reporter.emit(Warn(said))
        return Virtualisation("qemu")
    hardware, emulated = _race(host, "kvm", "qemu")
    if hardware.seconds is not None:
        host.reporter.emit(Info(_("KVM works (a test guest took {seconds:.1f} s)", seconds=hardware.seconds)))
        return Virtualisation("kvm")
    if emulated.seconds is None:
        raise _nothing_works(emulated)
    said = _(
        "a test guest under emulation answered first, after {seconds:.1f} s ({reason})",
        seconds=emulated.seconds,
        reason=hardware.reason,
    )
    host.reporter.emit(Warn(_("KVM is offered but does not help: {said}. Software emulation is used", said=said)))
    return Virtualisation("qemu")


def _race(host: Host, *virt_types: str) -> tuple[Proof, ...]:
    return host.hypervisor.prove(virt_types, secrets.token_hex(8), DEADLINE * host.timeout_factor)


def _insist_on_kvm(host: Host) -> Virtualisation:
    (proof,) = _race(host, "kvm")
    if proof.seconds is None:
        raise KvmUnfit(
            "HOSTED_ENGINE/virtType=str:kvm",
            why=proof.reason,
            hint=_("Let it be measured (auto), and look at:"),
            command="virt-host-validate qemu",
        )
    return Virtualisation("kvm")


def _nothing_works(emulated: Proof) -> NoVirtualisation:
    detail = _("neither KVM nor software emulation ran a test guest")
    hint = _("See what libvirt says of this host, and of its qemu:")
    return NoVirtualisation(detail, why=emulated.reason, hint=hint, command="virt-host-validate qemu")


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the step."""
    return (measure,)
