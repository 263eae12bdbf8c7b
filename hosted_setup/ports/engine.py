"""The engine: health over TLS and the REST API, version 4 (oVirt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hosted_setup.model.secret import Secret


@dataclass(frozen=True)
class EngineAddress:
    """How to reach an engine without DNS: connect to `address`, verify for `fqdn` against `ca_pem` alone."""

    fqdn: str
    address: str
    ca_pem: str
    port: int = 443


@dataclass(frozen=True)
class Entity:
    """An object of the engine."""

    id: str
    name: str


class Session(Protocol):
    """A login. Collections are the API's: datacenters, clusters, hosts, storagedomains, vms, disks."""

    def product_version(self) -> str:
        """Give the engine's full version."""

    def find(self, collection: str, name: str) -> Entity | None:
        """Find an entity by its exact name."""

    def add(self, collection: str, fields: dict[str, object]) -> Entity:
        """Add an entity; nested dicts become nested elements, the key `name` is its name."""

    def close(self) -> None:
        """Log out."""


class Engines(Protocol):
    """Reaches engines."""

    def health(self, engine: EngineAddress) -> str:
        """Give the health page's text; raises EngineUnreachable, or EngineUntrusted when the certificate is wrong."""

    def login(self, engine: EngineAddress, user: str, password: Secret) -> Session:
        """Log in once; raises EngineLogin at the first refusal."""
