"""What a deploy leaves for other tools and for the operator."""

from __future__ import annotations

from dataclasses import dataclass

from hosted_setup.storage.domain import StorageDomain


@dataclass(frozen=True)
class HostFiles:
    """The files of this host, written."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class SharedConfiguration:
    """The configuration in the storage domain, written; other hosts take it from there."""

    domain: StorageDomain


@dataclass(frozen=True)
class Deployed:
    """The goal of a deploy: everything is in place and the operator has been told."""

    fqdn: str
    address: str
