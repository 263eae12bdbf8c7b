"""What the engine VM is told of its network: what is proposed, what is refused, and what it does with it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from hosted_plugins.guest_network import AddressAnswers, ResolverAnswers
from hosted_plugins.network import router
from hosted_setup.model.addresses import InterfaceAddress
from hosted_setup.model.lookup import call_with
from hosted_setup.model.question import questions_of
from hosted_setup.ports.host import Host
from hosted_setup.ports.network import Address, NetworkFacts, Route
from hosted_setup.testing.network import FACTS, NIC
from tests.golden import products

if TYPE_CHECKING:
    from pathlib import Path

guest = importlib.import_module("hosted_templates.guest")  # a script of the VM's, not typed here
SIX = replace(FACTS, routes=(*FACTS.routes, Route("::/0", "eno1", gateway="2001:db8::1")))
DUAL = replace(SIX, links=(replace(NIC, addresses=(*NIC.addresses, Address("2001:db8::10", 64))),))


@dataclass
class Wired:
    """The part of a host's network that can be looked at."""

    found: NetworkFacts

    def facts(self) -> NetworkFacts:
        return self.found


def on(facts: NetworkFacts) -> Host:
    return replace(products.host(), network=cast("Any", Wired(facts)))


def checked(text: str, facts: NetworkFacts = FACTS) -> str | None:
    (static,) = (one for one in questions_of(AddressAnswers) if one.name == "static")
    sections = (products.NETWORK_CHOICE, products.NETWORK_ANSWERS)
    known = {type(one): one for one in sections} | {Host: on(facts)}
    assert static.check is not None
    return cast("str | None", call_with(static.check, known, InterfaceAddress.parse(text)))


def test_a_static_address_beside_its_gateway() -> None:
    assert checked("192.0.2.5/24") is None
    assert checked("2001:db8::5/64", SIX) is None
    assert checked("2001:db8::5/64", DUAL) is None


def test_a_static_address_without_a_gateway() -> None:
    assert checked("2001:db8::5/64") == (
        "no IPv6 gateway is known, so the engine VM would reach its own network alone"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.3.5/24", "eno1 is in 192.0.2.0/24, not in 192.0.3.0/24"),
        ("192.0.2.5/25", "eno1 is in 192.0.2.0/24, not in 192.0.2.0/25"),
        ("2001:db8:1::5/64", "eno1 is in 2001:db8::/64, not in 2001:db8:1::/64"),
        ("192.0.2.10/24", "192.0.2.10 is this host's own"),
    ],
)
def test_a_static_address_that_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        checked(text, DUAL)


def test_a_static_address_without_its_gateway() -> None:
    with pytest.raises(ValueError, match="the gateway 2001:db8::1 is not in the network of 2001:db8:1::5/64"):
        checked("2001:db8:1::5/64", SIX)


def test_the_gateway_of_a_wire() -> None:
    answers, choice = products.NETWORK_ANSWERS, products.NETWORK_CHOICE
    assert router(4, choice, answers, SIX) == "192.0.2.1"
    assert router(6, choice, answers, SIX) == "2001:db8::1"
    assert router(6, choice, answers, FACTS) == ""
    assert router(4, choice, replace(answers, gateway="192.0.2.9"), SIX) == "192.0.2.9"
    bridge = Route("0.0.0.0/0", "ovirtmgmt", gateway="203.0.113.1", metric=5)
    theirs = replace(NIC, index=9, name="ovirtmgmt", kind="bridge")
    bridged = replace(FACTS, links=(*FACTS.links, theirs), routes=(*FACTS.routes, bridge))
    assert router(4, choice, answers, bridged) == "203.0.113.1"
    assert router(4, choice, answers, NetworkFacts()) == ""


@pytest.mark.parametrize(
    ("known", "proposed"),
    [
        (("127.0.0.53", "192.0.2.1", "fe80::1%2", "2001:db8::53"), "192.0.2.1,2001:db8::53"),
        (("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"), "192.0.2.1,192.0.2.2,192.0.2.3"),
        (("127.0.0.53",), None),
        ((), None),
    ],
)
def test_the_host_s_name_servers_are_proposed(known: tuple[str, ...], proposed: str | None) -> None:
    (question,) = questions_of(ResolverAnswers)
    assert question.suggest is not None
    found = call_with(question.suggest, {Host: on(replace(FACTS, nameservers=known))})
    assert (str(found.value) if found else None) == proposed


def test_the_guest_s_hosts_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    monkeypatch.setattr(guest, "HOSTS", str(hosts))
    monkeypatch.setattr(guest, "own_address", lambda: "192.0.2.77")
    guest.add_hosts([["", "engine.example.com engine"], ["192.0.2.10", "host1"]])
    assert hosts.read_text() == "127.0.0.1 localhost\n192.0.2.77 engine.example.com engine\n192.0.2.10 host1\n"
    monkeypatch.setattr(guest, "own_address", lambda: "")
    guest.add_hosts([["", "engine"]])
    assert "\nengine" not in hosts.read_text()
