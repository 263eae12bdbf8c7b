"""The management bridge: made over the chosen NIC, proven by its gateways' answers, then written into files."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from hosted_plugins.network import EngineNetwork, NetworkAnswers, NetworkChoice, default_nic
from hosted_plugins.network.handover import GatewayLost, RemoveBridge, hand_over
from hosted_plugins.network.managers import persistence
from hosted_plugins.network.nics import suitable
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.network import BRIDGE, BridgeChange, Link, NetworkFacts, Trial

PROOF_DEADLINE: Final = 15.0
"""Seconds the gateways have to answer over the bridge."""
HEARING_DEADLINE: Final = 5.0
"""Seconds they have to answer before anything is changed."""
_EVERY: Final = 0.1


class NicUnusable(Problem):
    """The chosen NIC cannot carry the management bridge."""

    code = "HE-NIC"
    title = "The network interface cannot carry the management bridge"


class NicRuled(Problem):
    """A rule of policy routing names the NIC; nothing would match it once the bridge has the NIC's traffic."""

    code = "HE-NIC-RULE"
    title = "A routing rule names the network interface"


class BridgeNameTaken(Problem):
    """There is a link of the bridge's name that is no bridge."""

    code = "HE-BRIDGE-NAME"
    title = "The name of the management bridge is taken"


class BridgeDown(Problem):
    """The bridge is there and switched off."""

    code = "HE-BRIDGE-DOWN"
    title = "The management bridge is down"


class GatewayMute(Problem):
    """No gateway answers, before anything was changed."""

    code = "HE-GATEWAY-MUTE"
    title = "The gateway does not answer"


def bridge_possible(choice: NetworkChoice, answers: NetworkAnswers, host: Host) -> Iterator[Problem]:
    """Find what stands against the bridge; changes nothing."""
    facts = host.network.facts()
    there = facts.link(str(choice.bridge))
    try:
        if there is None:
            persistence(host.paths.root, _plan(choice, answers, facts, host), facts)
        else:
            _usable(there)
            _gateways(there, answers, facts, host)
    except Problem as problem:
        yield problem


def make_bridge(choice: NetworkChoice, answers: NetworkAnswers, host: Host, undo: UndoLog) -> EngineNetwork:
    """Use the bridge that is there, or make one and keep it once the gateways have answered over it."""
    facts = host.network.facts()
    there = facts.link(str(choice.bridge))
    if there is not None:
        host.reporter.emit(Info(_("The bridge {name} is there: it is used as it is", name=there.name)))
        return _product(there, there.name)
    change = _plan(choice, answers, facts, host)
    kept = persistence(host.paths.root, change, facts)
    undo.before(RemoveBridge(change, kept.told_back))
    trial = host.network.make_bridge(change, host.run_dir, PROOF_DEADLINE * host.timeout_factor)
    _prove(trial, change, host)
    host.reporter.emit(
        Info(
            _(
                "{nic} is a port of {bridge}; {gateways} answered over it",
                nic=change.nic.name,
                bridge=change.bridge,
                gateways=_all(change.gateways),
            )
        )
    )
    if kept.files:
        hand_over(kept, change, host, undo)
    else:
        manager = (
            _("{manager} runs it without a file", manager=kept.manager) if kept.manager else _("nothing known runs it")
        )
        host.reporter.emit(
            Warn(
                _(
                    "{bridge} is gone after a reboot: {manager}, so make it permanent yourself",
                    bridge=change.bridge,
                    manager=manager,
                )
            )
        )
    return _product(host.network.facts().link(change.bridge) or change.nic, change.bridge)


def bridge_there(network: EngineNetwork, host: Host) -> bool:
    """Tell whether the bridge still is."""
    found = host.network.facts().link(network.bridge)
    return found is not None and found.kind == BRIDGE


def _plan(choice: NetworkChoice, answers: NetworkAnswers, facts: NetworkFacts, host: Host) -> BridgeChange:
    nic = _nic(answers, facts)
    routes = tuple(route for route in facts.routes if route.device == nic.name)
    return BridgeChange(host.run_id, str(choice.bridge), nic, routes, _gateways(nic, answers, facts, host))


def _usable(there: Link) -> None:
    """Refuse a link of the bridge's name that is no bridge, or is down."""
    command = f"ip -details link show dev {there.name}"
    if there.kind != BRIDGE:
        raise BridgeNameTaken(
            _("{name} is no bridge", name=there.name),
            why=_("a network interface of that name is there"),
            hint=_("Answer another OVEHOSTED_NETWORK/bridgeName, or look at that one:"),
            command=command,
        )
    if not there.up:
        raise BridgeDown(
            there.name,
            why=_("a bridge that is there is used as it is, and this one is switched off"),
            hint=_("Set it up where it is configured, or answer another OVEHOSTED_NETWORK/bridgeName; look at it:"),
            command=command,
        )


def _gateways(link: Link, answers: NetworkAnswers, facts: NetworkFacts, host: Host) -> tuple[str, ...]:
    """Give the gateways that answer at the NIC, or at the bridge that is there: the answered one, or the link's."""
    asked = (answers.gateway,) if answers.gateway else facts.gateways(link.name)
    heard = _heard(asked, link, host)
    if not heard:
        raise GatewayMute(
            _("{asked} at {link}", asked=_all(asked), link=link.name)
            if asked
            else _("no default route goes through {link}", link=link.name),
            why=_("without it nobody could tell whether the bridge works"),
            hint=_("Answer OVEHOSTED_NETWORK/gateway with a machine on that wire that answers, or look at it:"),
            command=f"ip neighbour show dev {link.name}",
        )
    return heard


def _nic(answers: NetworkAnswers, facts: NetworkFacts) -> Link:
    name = str(answers.nic or default_nic(facts))
    link = facts.link(name)
    if link is None:
        why = _("there is no such interface") if name else _("no interface was chosen, and there is no default route")
    elif any(name in route.nexthops for route in facts.routes):
        why = _("a route goes through several interfaces at once, this one among them")
    else:
        why = suitable(link)
    if link is None or why:
        hint = _("Answer another OVEHOSTED_NETWORK/bridgeIf, or mend that one:")
        raise NicUnusable(name or "(none)", why=why, hint=hint, command="ip -details address")
    if name in facts.ruled:
        why = _("the NIC's traffic will be the bridge's, so the rule would match nothing, also after a reboot")
        hint = _("Write the rule by addresses (from, to) where it is configured, or take it out; see:")
        raise NicRuled(_("iif or oif {name}", name=name), why=why, hint=hint, command="ip rule")
    return link


def _heard(gateways: tuple[str, ...], link: Link, host: Host) -> tuple[str, ...]:
    """Give those that answer: what is mute before the change proves nothing after it."""

    def answering() -> tuple[str, ...]:
        return tuple([one for one in gateways if host.network.answers(one, link.name)])

    def everyone() -> bool | None:
        return True if len(answering()) == len(gateways) else None

    try:
        wait_until(
            host,
            everyone,
            within=HEARING_DEADLINE,
            every=_EVERY,
            what=_("{gateways} to answer", gateways=_all(gateways)),
        )
    except DeadlineExceeded:
        return answering()
    return gateways


def _prove(trial: Trial, change: BridgeChange, host: Host) -> None:
    """Keep the bridge once it is proven; take it back whatever else happens."""
    try:
        what = _("{gateways} to answer over {bridge}", gateways=_all(change.gateways), bridge=change.bridge)
        wait_until(host, lambda: trial.proven() or None, within=PROOF_DEADLINE, every=_EVERY, what=what)
    except DeadlineExceeded:
        trial.undo()
        raise GatewayLost(
            _(
                "{gateways}: no answer within {limit:g} s",
                gateways=_all(change.gateways),
                limit=PROOF_DEADLINE * host.timeout_factor,
            ),
            why=_("the network behind the NIC may refuse a bridge (port security), or answer late (spanning tree)"),
            hint=_("The network is as before. Mend it, or wait longer with --timeout-factor=4, then:"),
            command="hosted-engine deploy --resume",
        ) from None
    except BaseException:
        trial.undo()
        raise
    trial.keep()


def _all(names: tuple[str, ...]) -> str:
    return _(" and ").join(names)


def _product(link: Link, bridge: str) -> EngineNetwork:
    """Give the network; `link` has the host's addresses, IPv4 first."""
    own = [one for one in link.addresses if not one.link_local]
    own.sort(key=lambda one: ip_address(one.address).version)
    return EngineNetwork(uuid="", name=bridge, gateway=own[0].address if own else "", address="", bridge=bridge)
