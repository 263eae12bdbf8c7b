"""What names should lead to: the table of names, addresses and interfaces, and the records that mend it."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING

from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hosted_setup.ports.network import Link, NetworkFacts


def here(address: str, facts: NetworkFacts) -> Link | None:
    """Give the link of this host that has the address."""
    return next((link for link in facts.links if any(one.address == address for one in link.addresses)), None)


def beside(address: str, links: Iterable[Link]) -> Link | None:
    """Give the first of `links` that has an address in whose network this one lies."""
    wanted = ip_address(address)
    return next(
        (
            link
            for link in links
            if any(wanted in ip_interface(one.cidr).network for one in link.addresses if not one.link_local)
        ),
        None,
    )


def networks(link: Link) -> tuple[str, ...]:
    """Give the networks a link is in, in CIDR form, those of the wire alone left out."""
    found = (str(ip_interface(one.cidr).network) for one in link.addresses if not one.link_local)
    return tuple(dict.fromkeys(found))


def table(names: Mapping[str, tuple[str, ...]], facts: NetworkFacts) -> str:
    """Give a line for each name and address of both families: name → address → interface."""
    lines = []
    for name, addresses in names.items():
        for address in addresses:
            own, near = here(address, facts), beside(address, facts.links)
            place = (
                _("{name} of this host", name=own.name)
                if own
                else _("beside {name}", name=near.name)
                if near
                else _("beside no interface")
            )
            lines.append(f"{name} → {address} → {place}")
        if not addresses:
            lines.append(_("{name} → no address", name=name))
    return "\n".join(lines)


def forward_records(name: str, addresses: Iterable[str]) -> str:
    """Give the lines of a zone file, and those of /etc/hosts, that give a name its addresses."""
    addresses = tuple(addresses)
    zone = [f"{name}. IN {'AAAA' if ':' in one else 'A'} {one}" for one in addresses]
    return "\n".join((*zone, _("or in /etc/hosts:"), *(f"{one} {name}" for one in addresses)))


def reverse_record(name: str, address: str) -> str:
    """Give the line of a zone file that gives an address its name."""
    return f"{ip_address(address).reverse_pointer}. IN PTR {name}."
