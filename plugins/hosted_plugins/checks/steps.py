"""Looks at the host, and refuses one that cannot carry the engine VM."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hosted_plugins.deploy import DeployRequest
from hosted_plugins.vm import RESERVED_MIB, SOCKET, VmAnswers, memory_to_give
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem, together
from hosted_setup.pipeline.journal import Past, read_journal
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.machine import MachineFacts
from hosted_setup.ports.problems import NameTaken

PROGRAMS: Final = {"qemu-img": "qemu-utils", "openssl": "openssl", "setpriv": "util-linux"}


class AlreadyDeployed(Problem):
    """An engine was deployed here before."""

    code = "HE-DEPLOYED"
    title = "An engine is already deployed on this host"


class ProgramMissing(Problem):
    """A program the deploy needs is not installed."""

    code = "HE-PROGRAM-MISSING"
    title = "A required program is missing"


class MemoryShort(Problem):
    """The host cannot give the engine VM its memory."""

    code = "HE-MEMORY"
    title = "The host has too little free memory"


class CpusShort(Problem):
    """The engine VM wants more CPUs than there are."""

    code = "HE-CPUS"
    title = "The host has too few CPUs"


class RootLong(Problem):
    """The run's folder lies so deep that no socket can be made in it; the VM would not start."""

    code = "HE-ROOT-LONG"
    title = "The path of --root is too long"


@step(Stage.SETUP, "Look at this host")
def look_at_host(request: DeployRequest, host: Host) -> MachineFacts:
    """Measure the host; refuse one on which an engine is deployed, a program is missing or files lie too deep."""
    problem = together([*_deployed(host), *missing_programs(PROGRAMS, host), *_depth(host)])
    if problem is not None:
        raise problem
    return host.machine.facts()


@step(Stage.SETUP, "Look at libvirt", within=60.0)
def look_at_hypervisor(machine: MachineFacts, host: Host) -> HypervisorFacts:
    """Ask libvirt what it is and can do."""
    return host.hypervisor.facts()


@check("Memory")
def memory(vm: VmAnswers, machine: MachineFacts) -> None:
    """Refuse a VM larger than the memory that is free, less what the host keeps."""
    available = memory_to_give(machine)
    if vm.memory_mib > available:
        detail = _(
            "the engine VM wants {wanted} MiB, this host can give {available} MiB",
            wanted=vm.memory_mib,
            available=available,
        )
        hint = _(
            "Free some memory or answer OVEHOSTED_VM/vmMemSizeMB=int:{available} or less; look at it with:",
            available=available,
        )
        raise MemoryShort(
            detail, why=_("{reserved} MiB are kept for the host", reserved=RESERVED_MIB), hint=hint, command="free -m"
        )


@check("CPUs")
def cpus(vm: VmAnswers, machine: MachineFacts) -> None:
    """Refuse a VM with more CPUs than the host has."""
    if vm.vcpus > machine.cpus:
        detail = _("the engine VM wants {wanted} CPUs, this host has {cpus}", wanted=vm.vcpus, cpus=machine.cpus)
        why = _("counted are the CPUs that this process may use")
        hint = _("Answer OVEHOSTED_VM/vmVCpus=int:{cpus} or less; see:", cpus=machine.cpus)
        raise CpusShort(detail, why=why, hint=hint, command="nproc")


@check("VM name")
def vm_name(vm: VmAnswers, host: Host) -> None:
    """Refuse a name that libvirt has for another VM."""
    found = host.hypervisor.domain_named(str(vm.name))
    if found is not None:
        detail = _(
            "libvirt has a VM called {name} (UUID {uuid}, {state})",
            name=vm.name,
            uuid=found.uuid,
            state=found.state.value,
        )
        hint = _("Answer another HOSTED_ENGINE/vmName, or look at that VM:")
        why = _("it was not made by this run")
        command = f"virsh -c {shlex.quote(host.hypervisor.uri)} dominfo {vm.name}"
        raise NameTaken(detail, why=why, hint=hint, command=command)


def _deployed(host: Host) -> list[Problem]:
    marker = host.paths.etc / "hosted-engine.conf"
    if not marker.exists():
        return []
    hint, command = _("To remove that deployment from this host:"), "hosted-engine cleanup"
    journals = (Past(list(read_journal(path))) for path in host.paths.runs.glob("*/journal.jsonl"))
    if not any(past.open_intents() for past in journals):
        hint = _("No run of this program has made it, so none can take it back; look at it with:")
        command = f"cat {shlex.quote(str(marker))}"
    why = _("a second deploy would put another engine beside it")
    return [
        AlreadyDeployed(_("{marker} is there", marker=marker), why=why, where=str(marker), hint=hint, command=command)
    ]


def missing_programs(packages: Mapping[str, str], host: Host) -> list[Problem]:
    """Tell which programs, given with Debian's packages that have them, are not here."""
    return [
        ProgramMissing(
            _("{program} is not in the search path", program=program),
            why=_("PATH is {path}", path=os.environ.get("PATH", _("(not set)"))),
            hint=_("Install it:"),
            command=f"apt-get install {package}",
        )
        for program, package in packages.items()
        if not host.machine.has_program(program)
    ]


def _depth(host: Host) -> list[Problem]:
    socket, limit = host.run_dir / SOCKET, host.guests.path_limit
    length = len(os.fsencode(socket))
    if length <= limit:
        return []
    detail = _("{socket} has {length} bytes, and {limit} is the most", socket=socket, length=length, limit=limit)
    why = _("it is the VM's socket, and the system's addresses of sockets have no more room")
    hint = _(
        "Name a directory by --root whose path is shorter, by this many bytes: {bytes}; see:", bytes=length - limit
    )
    return [RootLong(detail, why=why, where=str(host.paths.root), hint=hint, command="hosted-engine deploy --help")]


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and checks."""
    return (look_at_host, look_at_hypervisor, memory, cpus, vm_name)
