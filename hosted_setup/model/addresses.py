"""Addresses that parse themselves, of machines, services and people; see `values`."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import Any, ClassVar, Generic, Self, TypeVar

from hosted_setup.model.messages import N_, _
from hosted_setup.model.values import DomainName, Word

T = TypeVar("T")


@dataclass(frozen=True)
class Several(Generic[T]):
    """One or more values, in order, with commas between them."""

    items: tuple[T, ...]
    pattern: ClassVar[str]
    item: ClassVar[Any]
    """Called with a text, makes one of them; mypy would take a declared callable for a method."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept values with commas, and blanks around these."""
        return cls(tuple(cls.item(one) for one in re.split(" *, *", text)))

    def __str__(self) -> str:
        """Give them with commas."""
        return ",".join(map(str, self.items))


def _several(pattern: str, more: str = "*") -> str:
    return f"{pattern}( *, *{pattern}){more}"


@dataclass(frozen=True)
class IpAddress:
    """The unicast address of a machine on a network, IPv4 or IPv6, as RFC 5952 writes it."""

    text: str
    pattern: ClassVar = r"[0-9A-Fa-f.:]+"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept what others can reach: no multicast, loopback, link-local or unspecified address."""
        return cls(str(_reachable(text)))

    @property
    def version(self) -> int:
        """Give 4 or 6."""
        return ip_address(self.text).version

    def __str__(self) -> str:
        """Give the address."""
        return self.text


@dataclass(frozen=True)
class InterfaceAddress:
    """An address with the length of its network's prefix: `192.0.2.5/24`, `2001:db8::5/64`."""

    text: str
    pattern: ClassVar = r"[0-9A-Fa-f.:]+/[0-9]{1,3}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept an address of one machine in a network of several."""
        _reachable(text.partition("/")[0])
        if not re.fullmatch(cls.pattern, text):
            message = _("{text!r} has no prefix length, such as /24", text=text)
            raise ValueError(message)
        try:
            interface = ip_interface(text)
        except ValueError:
            message = _("{text!r} has no valid prefix length", text=text)
            raise ValueError(message) from None
        network = interface.network
        if network.num_addresses == 1:
            message = _("{text!r} leaves no address for a gateway", text=text)
            raise ValueError(message)
        nobodys = {network.network_address} | ({network.broadcast_address} if interface.version == 4 else set())  # noqa: PLR2004
        if network.num_addresses > 2 and interface.ip in nobodys:  # noqa: PLR2004 - RFC 3021, 6164
            message = _("{text!r} is not a machine's address but its network's own", text=text)
            raise ValueError(message)
        return cls(str(interface))

    @property
    def address(self) -> str:
        """Give the address without the prefix."""
        return str(ip_interface(self.text).ip)

    @property
    def version(self) -> int:
        """Give 4 or 6."""
        return ip_interface(self.text).version

    @property
    def network(self) -> str:
        """Give its network, in CIDR form."""
        return str(ip_interface(self.text).network)

    def reaches(self, address: str) -> bool:
        """Tell whether `address` is in the same network."""
        return ip_address(address) in ip_interface(self.text).network

    def __str__(self) -> str:
        """Give the form with the prefix."""
        return self.text


class NameServers(Several[IpAddress]):
    """One to three name servers, in order: a resolver looks at no more (`MAXNS` of resolv.conf(5))."""

    pattern: ClassVar = _several(IpAddress.pattern, "{0,2}")
    item: ClassVar = IpAddress.parse

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept addresses with commas between them, each once."""
        found = super().parse(text)
        if len(found.items) > 3:  # noqa: PLR2004 - MAXNS
            message = _("{count} name servers are more than the 3 a resolver looks at", count=len(found.items))
            raise ValueError(message)
        if len(set(found.items)) < len(found.items):
            message = _("{text!r} names a server twice", text=text)
            raise ValueError(message)
        return found


@dataclass(frozen=True)
class HostAddress:
    """What a machine is reached by: a domain name or an address."""

    text: str
    pattern: ClassVar = r"[A-Za-z0-9.:-]+"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept either."""
        for kind in (ip_address, DomainName.parse):
            with suppress(ValueError):
                if re.fullmatch(cls.pattern, text):
                    return cls(str(kind(text)))
        message = _("{text!r} is neither a domain name nor an address", text=text)
        raise ValueError(message)

    @property
    def is_name(self) -> bool:
        """Tell a name from an address."""
        try:
            ip_address(self.text)
        except ValueError:
            return True
        return False

    def __str__(self) -> str:
        """Give it."""
        return self.text


@dataclass(frozen=True)
class PortNumber:
    """A TCP port."""

    number: int
    pattern: ClassVar = r"[0-9]{1,5}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept 1 to 65535."""
        if not re.fullmatch(cls.pattern, text) or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - 16 bits
            message = _("{text!r} is not a port, 1 to 65535", text=text)
            raise ValueError(message)
        return cls(int(text))

    def __str__(self) -> str:
        """Give the number."""
        return str(self.number)


def _of_a_portal(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(_("{text!r} is not an IP address", text=text)) from None
    if address.is_multicast or address.is_unspecified or getattr(address, "scope_id", None):
        raise ValueError(_("{text!r} is not the address of one machine", text=text))
    return str(address)


class PortalAddresses(Several[str]):
    """One or more IP addresses of an iSCSI server's portals; every unicast address will do."""

    pattern: ClassVar = _several(IpAddress.pattern)
    item: ClassVar = _of_a_portal

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept addresses with commas between them, each once."""
        found = super().parse(text)
        if len(set(found.items)) < len(found.items):
            raise ValueError(_("{text!r} names an address twice", text=text))
        return found


class PortNumbers(Several[PortNumber]):
    """One TCP port for all portals, or one for each."""

    pattern: ClassVar = _several(PortNumber.pattern)
    item: ClassVar = PortNumber.parse


class IscsiName(Word):
    """The name of an iSCSI node (RFC 3720, 3.2.6): iqn., eui. or naa., in the characters that need no quoting."""

    pattern: ClassVar = r"(iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.:-]{1,211}|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})"
    wanted: ClassVar = N_("the name of an iSCSI target, such as iqn.2026-01.com.example:engine")


class EmailAddress(Word):
    """An address for mail, of the characters that need quoting nowhere: `name@domain`; `root@localhost` is one."""

    pattern: ClassVar = rf"[A-Za-z0-9_.+=-]{{1,64}}@{DomainName.pattern}"
    wanted: ClassVar = N_("a mail address")


class EmailAddresses(Several[EmailAddress]):
    """One or more addresses for mail."""

    pattern: ClassVar = _several(EmailAddress.pattern)
    item: ClassVar = EmailAddress.parse


def _reachable(text: str) -> IPv4Address | IPv6Address:
    try:
        found = ip_address(text)
    except ValueError:
        message = _("{text!r} is not an IP address", text=text)
        raise ValueError(message) from None
    kinds = {
        _("a multicast address"): found.is_multicast,
        _("a loopback address"): found.is_loopback,
        _("a link-local address"): found.is_link_local,
        _("an unspecified address"): found.is_unspecified,
        _("a scoped address"): bool(getattr(found, "scope_id", None)),
    }
    kind = next((kind for kind, so in kinds.items() if so), "")
    if kind or str(found) == "255.255.255.255":
        message = _("{text!r} is {kind}", text=text, kind=kind or _("a broadcast address"))
        raise ValueError(message)
    return found
