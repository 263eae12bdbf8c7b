"""What the engine VM is told of the network it is on: domain, address, name servers, other machines' names."""

from __future__ import annotations

from ipaddress import ip_network

from hosted_plugins.backup import Backup
from hosted_plugins.network import NetworkAnswers, NetworkChoice, bridged, carrier, router
from hosted_plugins.vm import VmAnswers
from hosted_setup.domain.naming import networks
from hosted_setup.model.addresses import InterfaceAddress, IpAddress, NameServers
from hosted_setup.model.answer import Suggestion
from hosted_setup.model.messages import _
from hosted_setup.model.question import ask, section
from hosted_setup.model.values import DomainName
from hosted_setup.ports.host import Host

_NAME_SERVERS = 3


def _fresh(backup: Backup) -> bool:
    return backup.facts is None


def _own_name(vm: VmAnswers) -> Suggestion[DomainName]:
    return Suggestion(DomainName(str(vm.fqdn)))


def _domain_of(vm: VmAnswers) -> Suggestion[DomainName]:
    return Suggestion(DomainName(str(vm.fqdn).partition(".")[2]))


def _fits(value: InterfaceAddress, choice: NetworkChoice, network: NetworkAnswers, host: Host) -> str | None:
    """Refuse this host's address, one outside its network, or one without the gateway; warn where none is known."""
    facts = host.network.facts()
    if value.address in {one.address for link in facts.links for one in link.addresses}:
        message = _("{address} is this host's own", address=value.address)
        raise ValueError(message)
    link = carrier(choice, network, facts)
    around = [one for one in networks(link) if ip_network(one).version == value.version] if link else []
    if link and around and value.network not in around:
        message = _(
            "{link} is in {networks}, not in {network}",
            link=link.name,
            networks=_(" and ").join(around),
            network=value.network,
        )
        raise ValueError(message)
    gateway = router(value.version, choice, network, facts)
    if not gateway:
        return _(
            "no IPv{version} gateway is known, so the engine VM would reach its own network alone",
            version=value.version,
        )
    if not value.reaches(gateway):
        message = _("the gateway {gateway} is not in the network of {value}", gateway=gateway, value=value)
        raise ValueError(message)
    return None


@section("Engine VM")
class AddressAnswers:
    """The engine VM's own name, its domain and its address."""

    host_name: DomainName = ask(
        "Host name of the engine VM", key="OVEHOSTED_VM/cloudinitInstanceHostName", suggest=_own_name, asked=False,
        help="What the VM calls itself: its FQDN, unless its host name is another one.",
    )  # fmt: skip
    domain: DomainName | None = ask(
        "Domain of the engine VM", key="OVEHOSTED_VM/cloudinitInstanceDomainName", suggest=_domain_of, when=_fresh,
        help="The organisation that the engine's own CA names, and the domain a static VM searches for short names.",
    )  # fmt: skip
    static: InterfaceAddress | None = ask(
        "Static address of the engine VM (empty for DHCP)", key="OVEHOSTED_VM/cloudinitVMStaticCIDR", default=None,
        when=bridged, check=_fits,
        help="With the length of its prefix, as in 192.0.2.5/24 or 2001:db8::5/64; a NAT network gives a fixed one.",
    )  # fmt: skip
    hosts: bool = ask(
        "Add lines for the engine VM and this host to /etc/hosts of the engine VM",
        key="OVEHOSTED_VM/cloudinitVMETCHOSTS", default=True,
        help="So that both know each other's names when no name server answers.",
    )  # fmt: skip


def _is_static(address: AddressAnswers) -> bool:
    return address.static is not None


def _servers_of_host(host: Host) -> Suggestion[NameServers] | None:
    """Propose the host's name servers, but none of its own loopback addresses."""
    found = []
    for text in host.network.facts().nameservers:
        try:
            found.append(IpAddress.parse(text))
        except ValueError:
            continue  # a resolver on the host itself, or one of a single wire
    return Suggestion(NameServers(tuple(found[:_NAME_SERVERS]))) if found else None


@section("Engine VM")
class ResolverAnswers:
    """How a static engine VM looks up names; by DHCP it is told that as well."""

    servers: NameServers | None = ask(
        "Name servers of the engine VM", key="OVEHOSTED_VM/cloudinitVMDNS", suggest=_servers_of_host, when=_is_static,
        help="Up to three addresses with commas between them, as in 192.0.2.53,2001:db8::53; this host's by default.",
    )  # fmt: skip
