"""Virtualisation: measured, not believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hosted_setup.model.question import ask, section


class VirtType(Enum):
    """How the engine VM's CPU is made."""

    AUTO = "auto"
    KVM = "kvm"
    QEMU = "qemu"


@section("Virtualisation")
class VirtAnswers:
    """What the operator wants; `auto` is measured."""

    virt_type: VirtType = ask(
        "Virtualisation (auto measures both)", key="HOSTED_ENGINE/virtType", default=VirtType.AUTO, asked=False,
        help="kvm: the processor's own; qemu: software emulation, many times slower.",
    )  # fmt: skip


@dataclass(frozen=True)
class Virtualisation:
    """What the engine VM will use: libvirt's domain type."""

    virt_type: str
