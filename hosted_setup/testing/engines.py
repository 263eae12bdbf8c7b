"""The pretended engine: it lives in a guest that serves, and dies with it."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from hosted_setup.model.messages import _
from hosted_setup.ports.engine import EngineAddress, Entity
from hosted_setup.ports.problems import (
    BUNDLE,
    COLLECT,
    EngineFault,
    EngineUnreachable,
    EngineUntrusted,
    login_refused,
)
from hosted_setup.testing.state import Domain, load_all

if TYPE_CHECKING:
    from hosted_setup.model.secret import Secret
    from hosted_setup.testing.hypervisor import FakeHypervisor

PASSWORD_QUESTION = "admin-password"  # noqa: S105 - the name of a question


class FakeEngines:
    """Implements `ports.engine.Engines`."""

    def __init__(self, hypervisor: FakeHypervisor) -> None:
        """Reach the engines in the guests of `hypervisor`."""
        self._hypervisor = hypervisor

    def health(self, engine: EngineAddress) -> str:
        """Give the health page's text."""
        self.serving(engine)
        return self._hypervisor.behaviour.health

    def login(self, engine: EngineAddress, user: str, password: Secret) -> FakeSession:
        """Log in with what the guest was told as the administrator's password."""
        domain = self.serving(engine)
        good = domain.guest.answers.get(PASSWORD_QUESTION)
        if good != hashlib.sha256(password.reveal().encode()).hexdigest():
            raise login_refused(f"{user} at {engine.fqdn}", "access_denied: Cannot authenticate user.")
        return FakeSession(self, engine)

    def serving(self, engine: EngineAddress) -> Domain:
        """Give the domain of the engine that answers at this address."""
        domain = next((one for one in load_all(self._hypervisor.domains, Domain) if one.guest.serving), None)
        where = f"https://{engine.fqdn}:{engine.port} at {engine.address}"
        if domain is None or not domain.live:
            raise EngineUnreachable(where, why="Connection refused", hint=_(COLLECT), command=BUNDLE)
        behaviour = self._hypervisor.behaviour
        if engine.ca_pem != (behaviour.shown_ca or behaviour.ca):
            raise EngineUntrusted(where, why="certificate verify failed", hint=_(COLLECT), command=BUNDLE)
        return domain

    def keep(self, domain: Domain) -> None:
        """Write down what an engine holds."""
        self._hypervisor.keep(domain)

    @property
    def version(self) -> str:
        """Give the engines' version."""
        return self._hypervisor.behaviour.version

    @property
    def refused(self) -> list[str]:
        """Give the collections to which nothing can be added."""
        return self._hypervisor.behaviour.refused


class FakeSession:
    """Implements `ports.engine.Session`."""

    def __init__(self, engines: FakeEngines, engine: EngineAddress) -> None:
        """See FakeEngines."""
        self._engines = engines
        self._engine = engine

    def product_version(self) -> str:
        """Give the engine's full version."""
        self._engines.serving(self._engine)
        return self._engines.version

    def find(self, collection: str, name: str) -> Entity | None:
        """Find an entity by its exact name."""
        for one in self._engines.serving(self._engine).entities:
            if one["collection"] == collection and one["name"] == name:
                return Entity(str(one["id"]), str(one["name"]))
        return None

    def add(self, collection: str, fields: dict[str, object]) -> Entity:
        """Add an entity; in a nested collection an `id` alone attaches one that is there."""
        domain = self._engines.serving(self._engine)
        if collection in self._engines.refused:
            detail = f"adding to {collection}"
            why = "[Cannot add. The engine is pretended to refuse it.]"
            raise EngineFault(detail, why=why, hint=_(COLLECT), command=BUNDLE)
        known = next((one for one in domain.entities if one["id"] == fields.get("id")), {})
        name = str(fields.get("name") or known.get("name", ""))
        if any(one["collection"] == collection and one["name"] == name for one in domain.entities):
            why = f"[The name {name} is already in use.]"
            raise EngineFault(f"adding {name} to {collection}", why=why, hint=_(COLLECT), command=BUNDLE)
        entity = {**fields, "collection": collection, "id": fields.get("id") or str(uuid.uuid4()), "name": name}
        domain.entities.append(entity)
        self._engines.keep(domain)
        return Entity(str(entity["id"]), name)

    def close(self) -> None:
        """Log out."""
