"""Checks of the host itself: virtualisation, clock, programs, other managers of VMs, packet filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hosted_plugins.checks.steps import missing_programs
from hosted_plugins.network import NetworkChoice, NetworkMode
from hosted_plugins.virt import VirtAnswers, VirtType
from hosted_setup.domain.hypervisors import others
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem, together
from hosted_setup.pipeline.step import check
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.machine import Chain

LIBVIRT: Final = (7, 0, 0)
QEMU: Final = (5, 2)
"""The oldest that are known to work: Debian 11's and Enterprise Linux 8's."""

NAT_PROGRAMS: Final = {"dnsmasq": "dnsmasq-base", "iptables": "iptables"}
"""What libvirt's NAT networks need, by name, with Debian's packages."""

_IPTABLES: Final = frozenset({("ip", "filter"), ("ip6", "filter")})
"""Tables into which libvirt puts rules that let its networks through."""


class CpuWithoutKvm(Problem):
    """There is no hardware virtualisation: the engine VM is emulated, and slow."""

    code = "HE-CPU-VIRT"
    title = "This host has no hardware virtualisation"


class ClockUnkept(Problem):
    """Nothing keeps the clock: certificates and databases of the engine depend on it."""

    code = "HE-CLOCK"
    title = "The host's clock is not synchronised"


class ProgramOld(Problem):
    """A program is older than what is known to work."""

    code = "HE-PROGRAM-OLD"
    title = "A required program is too old"


class OtherHypervisor(Problem):
    """Something else manages virtual machines on this host."""

    code = "HE-OTHER-HYPERVISOR"
    title = "Another manager of virtual machines is at work on this host"


class FirewallDrops(Problem):
    """The packet filter drops what the engine VM's network needs, unless a rule accepts it."""

    code = "HE-FIREWALL"
    title = "The firewall may cut the engine VM off"


def _may_use_kvm(answers: VirtAnswers) -> bool:
    """Unless `HOSTED_ENGINE/virtType=str:qemu` is answered."""
    return answers.virt_type is not VirtType.QEMU


@check("CPU virtualisation", blocking=False, when=_may_use_kvm)
def cpu_virtualisation(answers: VirtAnswers, host: Host) -> None:
    """Warn when the engine VM would be emulated."""
    missing = host.machine.without_kvm()
    if missing:
        hint = _("Switch VT-x or AMD-V on in the firmware (nested virtualisation in a VM) and load kvm; see:")
        detail = _("the engine VM would run by software emulation, several times slower")
        raise CpuWithoutKvm(detail, why=missing, hint=hint, command="virt-host-validate qemu")


@check("Time synchronisation", blocking=False, within=5.0)
def time_synchronisation(host: Host) -> None:
    """Warn when nothing keeps the clock."""
    if not host.machine.clock_synchronised():
        why = _("the kernel says that no time service disciplines it (adjtimex)")
        hint = _("Install and start chrony or another NTP client; see:")
        raise ClockUnkept(_("it reads {now:%F %T %Z}", now=host.clock.now()), why=why, hint=hint, command="timedatectl")


@check("Program versions")
def program_versions(hypervisor: HypervisorFacts, host: Host) -> None:
    """Refuse a libvirt or a qemu that is too old."""
    libvirt = (hypervisor.version // 1_000_000, hypervisor.version // 1_000 % 1_000, hypervisor.version % 1_000)
    found = [("libvirt", libvirt, LIBVIRT), ("qemu-img", host.machine.program_version("qemu-img"), QEMU)]
    problem = together(
        ProgramOld(
            _(
                "{name} is {version}, {oldest} or later is needed",
                name=name,
                version=_dotted(version),
                oldest=_dotted(oldest),
            ),
            why=_("older ones were not tried, or lack what the import of the disk needs"),
            hint=_("Upgrade this host, or choose another one; see:"),
            command="virsh version",
        )
        for name, version, oldest in found
        if version and version < oldest
    )
    if problem is not None:
        raise problem


def _by_nat(choice: NetworkChoice) -> bool:
    """With `HOSTED_ENGINE/networkMode=str:nat`."""
    return choice.mode is NetworkMode.NAT


@check("Network programs", when=_by_nat)
def network_programs(choice: NetworkChoice, host: Host) -> None:
    """Refuse a NAT network that libvirt could not start, for want of a program of its own."""
    problem = together(missing_programs(NAT_PROGRAMS, host))
    if problem is not None:
        raise problem


@check("Other hypervisors", blocking=False, within=5.0)
def other_hypervisors(host: Host) -> None:
    """Warn when something else manages VMs here."""
    found = others(host.machine.processes(), host.machine.modules())
    if found:
        detail = ", ".join(f"{manager} ({shown})" for manager, shown in found.items())
        why = _("it may take the VM, its network or the processor's virtualisation for its own")
        hint = _("Stop and disable it, or choose another host; what runs:")
        raise OtherHypervisor(detail, why=why, hint=hint, command="ps -eo pid,comm,args")


@check("Firewall", blocking=False)
def firewall(choice: NetworkChoice, host: Host) -> None:
    """Warn when a chain drops packets of the engine VM, unless one of its own rules accepts them."""
    chains = host.machine.dropping_chains()
    bridge_filtered = "br_netfilter" in host.machine.modules()
    if choice.mode is NetworkMode.NAT:
        found, what = list(_against_nat(chains)), _("DHCP, DNS and the traffic of the NAT network")
    else:
        found, what = list(_against_bridge(chains, filtered=bridge_filtered)), _("what passes the bridge")
    if found:
        detail = ", ".join(f"{one.family} {one.table} {one.name} ({one.hook})" for one in found)
        why = _("the policy of the chain is drop, and it sees {what}", what=what)
        hint = _("Let the engine VM's network through, if no rule there does yet; look at the rules:")
        raise FirewallDrops(detail, why=why, hint=hint, command="nft list ruleset")


def _against_nat(chains: Sequence[Chain]) -> Iterator[Chain]:
    for one in chains:
        routed = one.family in ("ip", "inet") and one.hook in ("input", "forward")
        if routed and (one.family, one.table) not in _IPTABLES:
            yield one


def _against_bridge(chains: Sequence[Chain], *, filtered: bool) -> Iterator[Chain]:
    """Give the chains that see bridged packets: with br_netfilter those for routed ones do too."""
    families = ("bridge", "ip", "ip6", "inet") if filtered else ("bridge",)
    yield from (one for one in chains if one.hook == "forward" and one.family in families)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the checks."""
    return (
        cpu_virtualisation,
        time_synchronisation,
        program_versions,
        network_programs,
        other_hypervisors,
        firewall,
    )
