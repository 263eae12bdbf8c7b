"""The network of the engine VM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, ip_address
from itertools import chain
from typing import ClassVar, Final, Self

from hosted_plugins.network.nics import suitable
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.model.addresses import HostAddress, IpAddress
from hosted_setup.model.answer import Suggestion
from hosted_setup.model.messages import N_, _
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.values import VmName, Word
from hosted_setup.ports.host import Host
from hosted_setup.ports.network import Link, NetworkFacts, mark_of

MODE: Final = "HOSTED_ENGINE/networkMode"
NIC: Final = "OVEHOSTED_NETWORK/bridgeIf"
BRIDGE_NAME: Final = "OVEHOSTED_NETWORK/bridgeName"
GATEWAY: Final = "OVEHOSTED_NETWORK/gateway"
HOST_NAME: Final = "OVEHOSTED_NETWORK/host_name"
OF_BRIDGE: Final = (NIC, BRIDGE_NAME, GATEWAY, HOST_NAME)
"""The keys of the original that say something of the management bridge and nothing of a NAT network.

The original asks for the first and the last, and writes the other two into every file.
"""

_FIRST: Final = 222  # 192.168.222.0/24, as the original's bootstrap network (he_ipv4_subnet_prefix)


class NetworkMode(Enum):
    """How the engine VM reaches others."""

    NAT = "nat"
    BRIDGE = "bridge"


class LinkName(Word):
    """The name of a network interface: what the kernel accepts, as far as it needs no quoting anywhere."""

    pattern: ClassVar = r"(?!\.{1,2}$)[A-Za-z0-9_.@-]{1,15}"
    wanted: ClassVar = N_("the name of a network interface: letters, digits, _.@-, 15 at most")


@dataclass(frozen=True)
class Subnet:
    """A private IPv4 /24 network."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept a private /24 in CIDR form."""
        try:
            network = IPv4Network(text)
        except ValueError as error:
            message = _("{text!r} is not an IPv4 network: {error}", text=text, error=error)
            raise ValueError(message) from None
        if network.prefixlen != 24 or not network.is_private or network.is_loopback or network.is_link_local:  # noqa: PLR2004 - the one size
            message = _("{text!r} is not a private /24 network", text=text)
            raise ValueError(message)
        return cls(str(network))

    def __str__(self) -> str:
        """Give the CIDR form."""
        return self.text

    def host(self, number: int) -> str:
        """Give the address of the host with that number."""
        return str(IPv4Network(self.text)[number])


@dataclass(frozen=True)
class HostRoutes:
    """The IPv4 networks this host is in or routes to, in CIDR form."""

    networks: tuple[str, ...]

    def overlaps(self, subnet: str) -> str | None:
        """Give the network that `subnet` overlaps, if there is one."""
        wanted = IPv4Network(subnet)
        return next((text for text in self.networks if IPv4Network(text, strict=False).overlaps(wanted)), None)


def _free_subnet(routes: HostRoutes) -> Suggestion[Subnet] | None:
    for number in chain(range(_FIRST, 255), range(100, _FIRST)):
        subnet = f"192.168.{number}.0/24"
        if routes.overlaps(subnet) is None:
            return Suggestion(Subnet(subnet))
    return None


def _mode_of_original(sheet: AnswerSheet) -> Suggestion[NetworkMode] | None:
    """Propose the bridge to whoever brings a file that the original deployed with: it knew nothing else."""
    found = next(filter(None, map(sheet.of_original, OF_BRIDGE)), None)
    return Suggestion(NetworkMode.BRIDGE, found.source, found.place) if found else None


@section("Network")
class NetworkChoice:
    """How the engine VM reaches others."""

    mode: NetworkMode = ask(
        "Network mode", key=MODE, default=NetworkMode.NAT, suggest=_mode_of_original,
        help="nat: a private network that this host alone reaches, for a trial; bridge: the management network.",
    )  # fmt: skip
    bridge: LinkName = ask(
        "Management bridge", key=BRIDGE_NAME, default=LinkName("ovirtmgmt"), asked=False,
        help="It is made over the NIC, or used as it is where there is one of that name.",
    )  # fmt: skip


def bridged(choice: NetworkChoice) -> bool:
    """Tell whether the engine VM is on the management bridge: a condition for questions and checks."""
    return choice.mode is NetworkMode.BRIDGE


def _to_be_made(choice: NetworkChoice, host: Host) -> bool:
    """Tell whether there is a bridge to be made, or this run has made it; one that was there keeps its ports."""
    there = host.network.facts().link(str(choice.bridge)) if bridged(choice) else None
    return bridged(choice) and (there is None or there.alias == mark_of(host.run_id))


def default_nic(facts: NetworkFacts) -> str:
    """Give the interface of the preferred default route; empty without one."""
    return next((route.device for route in facts.default_routes() if route.device), "")


def _nics(host: Host) -> list[Choice]:
    facts = host.network.facts()
    return [
        Choice(LinkName(link.name), ", ".join(one.cidr for one in link.addresses if not one.link_local), suitable(link))
        for link in facts.links
        if not link.loopback
    ]


def _default_nic(host: Host) -> Suggestion[LinkName] | None:
    """Propose the interface of the default route, if it will do: no other one unless somebody says so."""
    facts = host.network.facts()
    link = facts.link(default_nic(facts))
    return Suggestion(LinkName(link.name)) if link and not suitable(link) else None


def _an_address(value: str | None) -> None:
    if value is not None:
        IpAddress.parse(value)


@section("Network")
class NetworkAnswers:
    """Which network the engine VM is on: the management bridge, or a trial network of libvirt on this host, NAT."""

    name: VmName = ask(
        "Name of the NAT network", key="HOSTED_ENGINE/networkName", default=VmName("hosted-engine"), asked=False,
        help="What libvirt calls it.",
    )  # fmt: skip
    subnet: Subnet = ask(
        "Subnet of the NAT network", key="HOSTED_ENGINE/natSubnet", suggest=_free_subnet, asked=False,
        help="A private /24 that this host neither is in nor routes to; a free one by default.",
    )  # fmt: skip
    nic: LinkName | None = ask(
        "NIC for the management bridge", key=NIC, when=_to_be_made, suggest=_default_nic,
        offer=_nics, help="Its addresses and routes move to the bridge.",
    )  # fmt: skip
    gateway: str | None = ask(
        "Gateway (empty for the default gateways of the NIC)", key=GATEWAY, default=None,
        when=bridged, check=_an_address, help="It has to answer before and after the bridge is made.",
    )  # fmt: skip


def _of_this_host(value: HostAddress, host: Host) -> None:
    own = {one.address for link in host.network.facts().links for one in link.addresses}
    if not value.is_name and str(value) not in own:
        message = _("{value} is no address of this host", value=value)
        raise ValueError(message)


@section("Network")
class HostAnswers:
    """This host on the management network."""

    address: HostAddress | None = ask(
        "Name or address of this host on the management network (empty for its address there)",
        key=HOST_NAME, default=None, when=bridged, check=_of_this_host,
        help="By this the engine reaches the host; a name has to resolve in the engine VM.",
    )  # fmt: skip


def carrier(choice: NetworkChoice, answers: NetworkAnswers, facts: NetworkFacts) -> Link | None:
    """Give the link on whose wire the engine VM will be: the bridge where it is there, else its NIC."""
    return facts.link(str(choice.bridge)) or facts.link(str(answers.nic or default_nic(facts)))


def router(version: int, choice: NetworkChoice, answers: NetworkAnswers, facts: NetworkFacts) -> str:
    """Give the gateway (IPv4 or IPv6) of the wire the bridge is on: the answered one, else the host's own; or empty."""
    link = carrier(choice, answers, facts)
    known = facts.gateways(link.name) if link else ()
    asked = (answers.gateway,) if answers.gateway else ()
    return next((one for one in (*asked, *known) if ip_address(one).version == version), "")


def watched_gateway(choice: NetworkChoice, answers: NetworkAnswers, facts: NetworkFacts) -> str:
    """Give the gateway that this host and the agents on all hosts try: IPv4 where there is one; or empty."""
    return router(4, choice, answers, facts) or router(6, choice, answers, facts)


@dataclass(frozen=True)
class EngineNetwork:
    """The network, made; `gateway` is this host's own address on it.

    On a NAT network the engine VM gets `address` by a fixed lease. On a `bridge` that is the site's business: `address`
    is empty, the guest reports it.
    """

    uuid: str
    name: str
    gateway: str
    address: str
    bridge: str = ""
