"""The engine: health, trust, login, entities and faults."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.rest_engine import RestEngines
from hosted_setup.model.secret import Secret
from hosted_setup.ports.engine import EngineAddress, Engines
from hosted_setup.ports.problems import EngineFault, EngineLogin, EngineUnreachable, EngineUntrusted
from hosted_setup.testing.behaviour import CA, Behaviour
from hosted_setup.testing.state import Domain, Guest
from hosted_setup.testing.world import World
from tests.contract.engine_server import FQDN, Engine, authority, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = Secret("secret")
USER = "admin@internal"


@dataclass
class EngineBench:
    """An adapter, the engine's address, and what the engine refuses."""

    engines: Engines
    address: EngineAddress
    other_ca: str
    refused: list[str] = field(default_factory=list)


@pytest.fixture(params=["fake", "real"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineBench]:
    """Give a pretended engine, and a small one behind real TLS."""
    if request.param == "fake":
        behaviour = Behaviour()
        world = World.make(tmp_path / "world", behaviour)
        told = {"admin-password": hashlib.sha256(GOOD.reveal().encode()).hexdigest()}
        guest = Guest(serving=True, answers=told)
        world.hypervisor.keep(Domain("u", "n", "<domain/>", live="<domain/>", guest=guest))
        address = EngineAddress(FQDN, "192.0.2.2", CA)
        yield EngineBench(world.engines, address, "-----BEGIN CERTIFICATE-----\nother", behaviour.refused)
        return
    ca, state = authority(), Engine()
    with serving(state, ca.issue(FQDN, tmp_path)) as port:
        address = EngineAddress(FQDN, "127.0.0.1", ca.pem, port)
        yield EngineBench(RestEngines(), address, authority().pem, state.refused)


def test_health(engine: EngineBench) -> None:
    assert engine.engines.health(engine.address) == "DB Up!Welcome to Health Status!"


def test_another_ca_is_not_trusted(engine: EngineBench) -> None:
    stranger = replace(engine.address, ca_pem=engine.other_ca)
    with pytest.raises(EngineUntrusted):
        engine.engines.health(stranger)
    with pytest.raises(EngineUntrusted):
        engine.engines.login(stranger, USER, GOOD)


def test_a_wrong_password_is_refused_once(engine: EngineBench) -> None:
    with pytest.raises(EngineLogin) as caught:
        engine.engines.login(engine.address, USER, Secret("wrong"))
    assert "Cannot authenticate user" in caught.value.why
    assert "wrong" not in str(caught.value) + caught.value.why


def test_entities(engine: EngineBench) -> None:
    session = engine.engines.login(engine.address, USER, GOOD)
    assert session.product_version() == "4.5.6-1"
    assert session.find("datacenters", "Default") is None
    center = session.add("datacenters", {"name": "Default2", "local": True})
    assert session.find("datacenters", "Default") is None
    made = session.add("datacenters", {"name": "Default", "local": True})
    assert made.name == "Default"
    assert session.find("datacenters", "Default") == made
    assert session.find("datacenters", "Default2") == center
    stored = session.add("storagedomains", {"id": "sd-1", "name": "hosted_storage", "host": {"id": "h"}})
    assert stored.id == "sd-1"
    nested = f"datacenters/{made.id}/storagedomains"
    assert session.find(nested, "hosted_storage") is None
    session.add(nested, {"id": stored.id})
    attached = session.find(nested, "hosted_storage")
    assert attached is not None
    assert attached.id == stored.id
    session.close()


def test_a_fault_carries_the_engines_words(engine: EngineBench) -> None:
    session = engine.engines.login(engine.address, USER, GOOD)
    engine.refused.append("clusters")
    with pytest.raises(EngineFault) as caught:
        session.add("clusters", {"name": "Default"})
    assert "Cannot add" in caught.value.why
    session.close()


def test_nobody_there(engine: EngineBench, tmp_path: Path) -> None:
    if isinstance(engine.engines, RestEngines):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            nowhere = replace(engine.address, port=listener.getsockname()[1])
            with pytest.raises(EngineUnreachable):
                engine.engines.health(nowhere)
        return
    with pytest.raises(EngineUnreachable):
        World.make(tmp_path / "empty").engines.health(engine.address)


# What follows is the real adapter's alone: what a network can do to it.


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    ca = authority()
    with serving(Engine(), ca.issue("other.example.org", tmp_path)) as port, pytest.raises(EngineUntrusted) as caught:
        RestEngines().health(EngineAddress(FQDN, "127.0.0.1", ca.pem, port))
    assert FQDN in caught.value.why


def test_a_ca_that_is_none(tmp_path: Path) -> None:
    with serving(Engine(), authority().issue(FQDN, tmp_path)) as port:
        for pem in ("", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            with pytest.raises(EngineUntrusted):
                RestEngines().health(EngineAddress(FQDN, "127.0.0.1", pem, port))


def hang_up(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_a_server_that_hangs_up_is_unreachable_not_untrusted() -> None:
    ca = authority()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = EngineAddress(FQDN, "127.0.0.1", ca.pem, listener.getsockname()[1])
        listener.settimeout(5)
        thread = Thread(target=hang_up, args=(listener,))
        thread.start()
        with pytest.raises(EngineUnreachable):
            RestEngines().health(address)
        thread.join()


def test_a_starting_engine_is_no_wrong_password(tmp_path: Path) -> None:
    ca = authority()
    with serving(Engine(broken=503), ca.issue(FQDN, tmp_path)) as port:
        address = EngineAddress(FQDN, "127.0.0.1", ca.pem, port)
        assert "Service Unavailable" in RestEngines().health(address)
        with pytest.raises(EngineFault) as caught:
            RestEngines().login(address, USER, GOOD)
    assert "HTTP 503" in caught.value.why


def test_what_is_sent(tmp_path: Path) -> None:
    ca, state = authority(), Engine()
    with serving(state, ca.issue(FQDN, tmp_path)) as port:
        session = RestEngines().login(EngineAddress(FQDN, "127.0.0.1", ca.pem, port), USER, GOOD)
        session.add("hosts", {"name": "<host> & co", "local": True, "cluster": {"id": "c"}, "port": 54321})
        session.close()
    assert state.bodies == [
        b'<host><name>&lt;host&gt; &amp; co</name><local>true</local><cluster id="c" /><port>54321</port></host>'
    ]
    assert state.logged_out
