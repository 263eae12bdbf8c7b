"""Checks of the wire: name servers, a TCP connection, and that nobody else has the engine VM's addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hosted_plugins.checks import NetworkTest, NetworkTestAnswers, TcpTestAnswers
from hosted_plugins.checks.names import WITHIN, on_bridge
from hosted_plugins.guest_network import AddressAnswers
from hosted_plugins.network import NetworkAnswers, NetworkChoice, carrier, watched_gateway
from hosted_plugins.vm import VmAnswers
from hosted_setup.domain.naming import beside, here
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem, together
from hosted_setup.pipeline.step import check
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.network import NetworkFacts

TRY: Final = 3.0
"""Seconds a server has to answer, and a machine to answer for its address."""


class NameServerMute(Problem):
    """A name server does not answer, or refuses to."""

    code = "HE-DNS"
    title = "A name server does not answer"


class NoNameServer(Problem):
    """The host knows no name server."""

    code = "HE-DNS-NONE"
    title = "This host has no name server"


class TcpTestFailed(Problem):
    """The connection that the operator named cannot be made."""

    code = "HE-TCP-TEST"
    title = "The TCP test fails"


class PingLost(Problem):
    """The gateway does not answer a ping, which the agents would take for a dead network."""

    code = "HE-PING"
    title = "The gateway does not answer a ping"


class AddressTaken(Problem):
    """A machine answers at the engine VM's address."""

    code = "HE-ADDRESS-TAKEN"
    title = "The engine VM's address is in use"


class MacTaken(Problem):
    """A machine on the wire has the engine VM's MAC address."""

    code = "HE-MAC-TAKEN"
    title = "The engine VM's MAC address is in use"


@check("Network test", within=WITHIN, when=on_bridge)
def network_test(  # noqa: PLR0913 - every way, and what each needs
    vm: VmAnswers,
    choice: NetworkChoice,
    network: NetworkAnswers,
    test: NetworkTestAnswers,
    tcp: TcpTestAnswers,
    host: Host,
) -> None:
    """Try the network in the way that was chosen: a ping of the gateway, each name server, or a TCP connection."""
    if test.test is NetworkTest.DNS:
        problem = together(_name_servers(str(vm.fqdn), host))
    elif test.test is NetworkTest.TCP:
        problem = together(_connection(tcp, host))
    elif test.test is NetworkTest.PING:
        problem = together(_ping(watched_gateway(choice, network, host.network.facts()), host))
    else:
        problem = None
    if problem is not None:
        raise problem


@check("Engine address", within=WITHIN, when=on_bridge)
def engine_address(  # noqa: PLR0913 - see network_test
    vm: VmAnswers,
    choice: NetworkChoice,
    network: NetworkAnswers,
    address: AddressAnswers,
    test: NetworkTestAnswers,
    host: Host,
) -> None:
    """Refuse an address of the engine at which a machine answers: the old engine, or somebody else."""
    facts = host.network.facts()
    link = carrier(choice, network, facts)
    if link is None:
        return  # the network check tells that
    named = [one for one in host.names.addresses(str(vm.fqdn)) if test.wants(one)]
    static = [str(address.static.address)] if address.static else []
    found = [one for one in dict.fromkeys((*static, *named)) if not here(one, facts)]
    near = [one for one in found if beside(one, [link])]
    taken = _answering(near, link.name, host)
    if taken:
        detail = _(
            "{taken} ({fqdn}) answers on {link}, {mac}",
            taken=taken,
            fqdn=vm.fqdn,
            link=link.name,
            mac=_mac_of(taken, host.network.facts()),
        )
        hint = _("Switch that machine off (the old engine?), or mend the record; see who it is:")
        why = _("two machines with one address would both be lost")
        raise AddressTaken(detail, why=why, hint=hint, command=f"ip neighbour show {taken}")


@check("MAC address", within=WITHIN)
def mac_address(vm: VmAnswers, network: NetworkAnswers, host: Host) -> None:
    """Refuse a MAC address that a link of this host, or a machine it has heard, already has."""
    facts, mac = host.network.facts(), str(vm.mac)
    links = [_("{name} of this host", name=one.name) for one in facts.links if one.mac.lower() == mac]
    heard = [
        _("{address} on {device}", address=one.address, device=one.device)
        for one in facts.neighbours
        if one.mac.lower() == mac
    ]
    if links or heard:
        hint = _("Answer another OVEHOSTED_VM/vmMACAddr, or none for a random one; see:")
        why = _("two machines with one MAC address would take each other's packets")
        detail = _("{mac} is {holders}", mac=mac, holders=_(" and ").join((*links, *heard)))
        raise MacTaken(detail, why=why, hint=hint, command="ip neighbour")


def _name_servers(name: str, host: Host) -> Iterator[Problem]:
    servers = host.network.facts().nameservers
    hint, command = (
        _("Mend /etc/resolv.conf, or test otherwise (OVEHOSTED_NETWORK/network_test):"),
        "cat /etc/resolv.conf",
    )
    if not servers:
        yield NoNameServer(_("resolv.conf names none"), why=_("names are looked up there"), hint=hint, command=command)
    for server in servers:
        fault = host.names.server_fault(server, name, TRY * host.timeout_factor / max(1, len(servers)))
        if fault:
            yield NameServerMute(
                _("{server}, asked for {name}", server=server, name=name), why=fault, hint=hint, command=command
            )


def _ping(gateway: str, host: Host) -> Iterator[Problem]:
    """Ping the gateway; that there is none is told by the network check."""
    fault = gateway and host.names.ping_fault(gateway, TRY * host.timeout_factor)
    if fault:
        hint = _("Answer another OVEHOSTED_NETWORK/gateway, or test otherwise (OVEHOSTED_NETWORK/network_test); see:")
        yield PingLost(gateway, why=fault, hint=hint, command="ip route")


def _connection(tcp: TcpTestAnswers, host: Host) -> Iterator[Problem]:
    fault = host.names.tcp_fault(str(tcp.address), tcp.port.number, TRY * host.timeout_factor)
    if fault:
        hint = _("See whether something listens there and the way is free, or answer another one:")
        command = f"ip route get {tcp.address}"
        yield TcpTestFailed(
            _("{address} port {port}", address=tcp.address, port=tcp.port), why=fault, hint=hint, command=command
        )


def _answering(addresses: Sequence[str], device: str, host: Host) -> str:
    """Give the first address at which somebody answers; the kernel asks by ARP and neighbour discovery."""

    def anybody() -> str | None:
        answers = [one for one in addresses if host.network.answers(one, device)]
        return next(iter(answers), None)

    if not addresses:
        return ""
    try:
        return wait_until(
            host, anybody, within=TRY, every=0.2, what=_("silence at {addresses}", addresses=", ".join(addresses))
        )
    except DeadlineExceeded:
        return ""


def _mac_of(address: str, facts: NetworkFacts) -> str:
    return next((one.mac for one in facts.neighbours if one.address == address and one.mac), _("its MAC is not known"))


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the checks."""
    return (network_test, engine_address, mac_address)
