"""The network of the engine VM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, ip_address
from itertools import chain
from typing import ClassVar, Final, Self

from hosted_setup.model.answer import Suggestion
from hosted_setup.model.question import ask, section
from hosted_setup.model.values import VmName
from hosted_setup.ports.network import NetworkFacts

_FIRST: Final = 222  # 192.168.222.0/24, as the original's bootstrap network (he_ipv4_subnet_prefix)


class NetworkMode(Enum):
    """How the engine VM reaches others."""

    NAT = "nat"
    BRIDGE = "bridge"


@dataclass(frozen=True)
class LinkName:
    """The name of a network interface."""

    text: str
    pattern: ClassVar = r"(?!\.{1,2}$)[A-Za-z0-9_.@-]{1,15}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept what the kernel does, as far as it needs no quoting anywhere."""
        if not re.fullmatch(cls.pattern, text):
            message = f"{text!r} is not the name of a network interface: letters, digits, _.@-, 15 at most"
            raise ValueError(message)
        return cls(text)

    def __str__(self) -> str:
        """Give the name."""
        return self.text


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
            message = f"{text!r} is not an IPv4 network: {error}"
            raise ValueError(message) from None
        if network.prefixlen != 24 or not network.is_private or network.is_loopback or network.is_link_local:  # noqa: PLR2004 - the one size
            message = f"{text!r} is not a private /24 network"
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


def _an_address(value: str | None) -> None:
    if value is not None:
        ip_address(value)


@section("Network")
class NetworkAnswers:
    """Which network the engine VM is on: the management bridge, or a trial network of libvirt on this host, NAT."""

    mode: NetworkMode = ask("Network mode", key="HOSTED_ENGINE/networkMode", default=NetworkMode.NAT, asked=False)
    name: VmName = ask(
        "Name of the NAT network", key="HOSTED_ENGINE/networkName", default=VmName("hosted-engine"), asked=False
    )
    subnet: Subnet = ask("Subnet of the NAT network", key="HOSTED_ENGINE/natSubnet", suggest=_free_subnet, asked=False)
    bridge: LinkName = ask(
        "Management bridge", key="OVEHOSTED_NETWORK/bridgeName", default=LinkName("ovirtmgmt"), asked=False
    )
    nic: LinkName | None = ask(
        "NIC for the management bridge", key="OVEHOSTED_NETWORK/bridgeIf", default=None, asked=False,
        help="Empty for the one with the default route.",
    )  # fmt: skip
    gateway: str | None = ask(
        "Gateway", key="OVEHOSTED_NETWORK/gateway", default=None, check=_an_address, asked=False,
        help="It has to answer before and after the bridge is made; empty for the default gateways of the NIC.",
    )  # fmt: skip


def router(version: int, answers: NetworkAnswers, facts: NetworkFacts) -> str:
    """Give the gateway (IPv4 or IPv6) of the wire the bridge is on: the answered one, else the host's own; or empty."""
    default = next((route.device for route in facts.default_routes() if route.device), "")
    known = (*facts.gateways(str(answers.bridge)), *facts.gateways(str(answers.nic or default)))
    asked = (answers.gateway,) if answers.gateway else ()
    return next((one for one in (*asked, *known) if ip_address(one).version == version), "")


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
