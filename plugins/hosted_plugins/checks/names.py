"""Checks of names: the engine's and the host's, forward and reverse, in both address families.

On a NAT network nobody but this host knows the engine's name, so only what it is called is checked there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from hosted_plugins.checks import NetworkTestAnswers
from hosted_plugins.guest_network import AddressAnswers
from hosted_plugins.network import HostAnswers, NetworkAnswers, NetworkChoice, bridged, carrier
from hosted_plugins.vm import VmAnswers
from hosted_setup.domain.naming import beside, forward_records, here, networks, reverse_record, table
from hosted_setup.hooks import hookimpl
from hosted_setup.model.addresses import HostAddress
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem, together
from hosted_setup.pipeline.step import check
from hosted_setup.ports.host import Host
from hosted_setup.ports.machine import MachineFacts

WITHIN: Final = 6.0
"""Seconds a look-up may take: more than the resolver's first try, less than its last."""


class NamesSame(Problem):
    """The engine VM is called what the host is called."""

    code = "HE-NAME-SAME"
    title = "The engine VM and this host have the same name"


class EngineUnnamed(Problem):
    """The engine's name has no address."""

    code = "HE-ENGINE-NAME"
    title = "The engine VM's name does not resolve"


class EngineFamily(Problem):
    """The engine's name has no address of the family that was asked for."""

    code = "HE-ENGINE-FAMILY"
    title = "The engine VM's name has no address of the chosen family"


class EngineHere(Problem):
    """The engine's name leads to this host."""

    code = "HE-ENGINE-HERE"
    title = "The engine VM's name leads to this host"


class ReverseMissing(Problem):
    """An address of the engine or of this host does not lead back to the name that leads to it."""

    code = "HE-REVERSE"
    title = "An address does not lead back to its name"


class EngineSubnet(Problem):
    """An address of the engine is not in a network of the bridge."""

    code = "HE-ENGINE-SUBNET"
    title = "The engine VM's address is not in the bridge's network"


class StaticUnnamed(Problem):
    """The engine's name leads to other addresses than the static one."""

    code = "HE-ENGINE-STATIC"
    title = "The engine VM's name does not lead to its static address"


class HostUnnamed(Problem):
    """The host's name is none by which others could reach it."""

    code = "HE-HOST-NAME"
    title = "This host's name does not resolve"


class HostElsewhere(Problem):
    """The host's name leads to another machine, or to this one on another network than the management network."""

    code = "HE-HOST-ADDRESS"
    title = "This host's name does not lead to its address on the management network"


def on_bridge(choice: NetworkChoice) -> bool:
    """With `HOSTED_ENGINE/networkMode=str:bridge`."""
    return bridged(choice)


def reverse_advised(choice: NetworkChoice, test: NetworkTestAnswers) -> bool:
    """On the management bridge, unless `OVEHOSTED_NETWORK/fqdnReverseValidation` is true."""
    return bridged(choice) and not test.reverse


def reverse_required(choice: NetworkChoice, test: NetworkTestAnswers) -> bool:
    """On the management bridge, with `OVEHOSTED_NETWORK/fqdnReverseValidation=bool:True`."""
    return bridged(choice) and test.reverse


@check("Different names")
def different_names(vm: VmAnswers, mine: HostAnswers, machine: MachineFacts) -> None:
    """Refuse the host's own name for the engine VM."""
    if str(vm.fqdn) in (machine.hostname.lower(), str(mine.address)):
        why = _("whoever asked for one of them would reach the other")
        hint = _("Answer another OVEHOSTED_NETWORK/fqdn, or rename the host:")
        raise NamesSame(str(vm.fqdn), why=why, hint=hint, command="hostnamectl")


@check("Engine name", within=WITHIN, when=on_bridge)
def engine_name(  # noqa: PLR0913 - the names of both machines, and the wire between them
    vm: VmAnswers,
    choice: NetworkChoice,
    network: NetworkAnswers,
    mine: HostAnswers,
    test: NetworkTestAnswers,
    machine: MachineFacts,
    host: Host,
) -> None:
    """Refuse an engine name that has no address of the families in use, or one of this host's."""
    name, facts = str(vm.fqdn), host.network.facts()
    found = host.names.addresses(name)
    wanted = _wanted(found, test)
    own_name = _own_name(mine, machine)
    shown = table({name: found, own_name: _addresses(own_name, host)}, facts)
    command = f"getent ahosts {name}"
    if not wanted:
        kind = EngineFamily if found else EngineUnnamed
        link = carrier(choice, network, facts)
        examples = [_("<address in {network}>", network=one) for one in _wanted(networks(link), test)] if link else []
        hint = _("Add a record such as\n{records}\nthen see:", records=forward_records(name, examples))
        raise kind(name, why=shown, hint=hint, command=command)
    own = [one for one in wanted if here(one, facts)]
    if own:
        detail = _("{name} is {addresses}", name=name, addresses=", ".join(own))
        hint = _("Give the engine VM an address of its own in DNS or in /etc/hosts; see:")
        raise EngineHere(detail, why=shown, hint=hint, command=command)
    host.reporter.emit(Info(_("Names, their addresses and interfaces:\n{shown}", shown=shown)))


@check("Engine reverse name", blocking=False, within=WITHIN, when=reverse_advised)
def engine_reverse_name(vm: VmAnswers, test: NetworkTestAnswers, host: Host) -> None:
    """Warn when an address of the engine does not lead back to its name."""
    problem = together(_not_back(str(vm.fqdn), test, host))
    if problem is not None:
        raise problem


@check("Reverse names", within=WITHIN, when=reverse_required)
def reverse_names(
    vm: VmAnswers, mine: HostAnswers, test: NetworkTestAnswers, machine: MachineFacts, host: Host
) -> None:
    """Refuse a name, the engine's or this host's, to which its address does not lead back."""
    names = (str(vm.fqdn), _own_name(mine, machine))
    problem = together(one for name in names if _is_name(name) for one in _not_back(name, test, host))
    if problem is not None:
        raise problem


def _not_back(name: str, test: NetworkTestAnswers, host: Host) -> Iterator[Problem]:
    for address in _wanted(host.names.addresses(name), test):
        names = host.names.names(address)
        if name not in names:
            yield ReverseMissing(
                _(
                    "{address} is {names}, not {name}",
                    address=address,
                    names=", ".join(names) or _("nobody"),
                    name=name,
                ),
                why=_("some clients and Kerberos ask for the reverse"),
                hint=_("Add or mend the record\n{record}\nthen see:", record=reverse_record(name, address)),
                command=f"getent hosts {address}",
            )


@check("Engine subnet", blocking=False, within=WITHIN, when=on_bridge)
def engine_subnet(
    vm: VmAnswers, choice: NetworkChoice, network: NetworkAnswers, test: NetworkTestAnswers, host: Host
) -> None:
    """Warn when the engine's address is in no network of the wire that it will be on."""
    name, facts = str(vm.fqdn), host.network.facts()
    link = carrier(choice, network, facts)
    if link is None:
        return  # the network check tells that
    addresses = _wanted(host.names.addresses(name), test)
    outside = [one for one in addresses if not here(one, facts) and beside(one, [link]) is None]
    if outside:
        detail = f"{', '.join(outside)} ({name})"
        why = _(
            "{link} is in {networks}\n{table}",
            link=link.name,
            networks=", ".join(networks(link)) or _("no network"),
            table=table({name: addresses}, facts),
        )
        hint = _("Mend the record, or answer the right OVEHOSTED_NETWORK/bridgeIf; see:")
        raise EngineSubnet(detail, why=why, hint=hint, command=f"ip address show dev {link.name}")


@check("Engine static address", blocking=False, within=WITHIN, when=on_bridge)
def engine_static_address(vm: VmAnswers, network: NetworkAnswers, address: AddressAnswers, host: Host) -> None:
    """Warn when the engine's name does not lead to its static address."""
    name = str(vm.fqdn)
    found = host.names.addresses(name)
    if address.static is None or not found or address.static.address in found:
        return  # that there is none at all is told by another check
    static = address.static.address
    hint = _("Mend the record:\n{records}\nthen see:", records=forward_records(name, [static]))
    why = table({name: found}, host.network.facts())
    raise StaticUnnamed(f"{static} ({name})", why=why, hint=hint, command=f"getent ahosts {name}")


@check("Host name", within=WITHIN, when=on_bridge)
def host_name(  # noqa: PLR0913 - see engine_name
    choice: NetworkChoice,
    network: NetworkAnswers,
    mine: HostAnswers,
    test: NetworkTestAnswers,
    machine: MachineFacts,
    host: Host,
) -> None:
    """Refuse a name of this host that does not lead to its addresses on the management network, and to no others."""
    name, facts = _own_name(mine, machine), host.network.facts()
    link = carrier(choice, network, facts)
    if link is None:
        return  # the network check tells that
    found = _addresses(name, host)
    wanted = _wanted(found, test)
    why = table({name: found}, facts)
    own = tuple(one.address for one in link.addresses if not one.link_local)
    mend = forward_records(name, _wanted(own, test))
    command = f"getent ahosts {name}"
    if not wanted or ("." not in name and _is_name(name)):
        detail = _("{name} is not fully qualified", name=name) if "." not in name else name
        hint = _(
            "Give the host a full name (hostnamectl set-hostname, or OVEHOSTED_NETWORK/host_name) and its "
            "address:\n{records}\nthen see:",
            records=mend,
        )
        raise HostUnnamed(detail, why=why, hint=hint, command=command)
    strange = [one for one in wanted if here(one, facts) != link]
    if strange:
        hint = _("Answer another OVEHOSTED_NETWORK/host_name, or mend the record:\n{records}\nthen see:", records=mend)
        detail = _(
            "{name} is {addresses}, which is not on {link}", name=name, addresses=", ".join(strange), link=link.name
        )
        raise HostElsewhere(detail, why=why, hint=hint, command=command)


def _own_name(mine: HostAnswers, machine: MachineFacts) -> str:
    """Give what this host is reached by: its answered name or address, else what it calls itself."""
    return str(mine.address or machine.hostname)


def _is_name(text: str) -> bool:
    return HostAddress(text).is_name


def _addresses(name: str, host: Host) -> tuple[str, ...]:
    """Give the addresses of a name; an address is its own."""
    return host.names.addresses(name) if _is_name(name) else (name,)


def _wanted(addresses: Iterable[str], test: NetworkTestAnswers) -> tuple[str, ...]:
    return tuple(one for one in addresses if test.wants(one))


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the checks."""
    return (
        different_names,
        engine_name,
        engine_reverse_name,
        reverse_names,
        engine_subnet,
        engine_static_address,
        host_name,
    )
