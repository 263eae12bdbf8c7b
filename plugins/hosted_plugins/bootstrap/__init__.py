"""The first boot: restore and engine-setup inside the engine VM, followed live."""

from __future__ import annotations

from dataclasses import dataclass

from hosted_plugins.bootstrap.guest import GuestLog

__all__ = ["EngineReady", "Greeted", "GuestLog", "Restored"]


@dataclass(frozen=True)
class Greeted:
    """The guest spoke; `seen` lines of the channel have been shown.

    Its SSH host keys (`type base64`) came over the channel, not over the network they secure. `address` is the
    engine VM's own as it reports it.
    """

    seen: int
    host_keys: tuple[str, ...]
    address: str = ""


@dataclass(frozen=True)
class Restored:
    """The backup is restored, if there is one, and its disk is detached."""

    seen: int


@dataclass(frozen=True)
class EngineReady:
    """engine-setup succeeded; the CA came over the channel, not over the network it secures."""

    seen: int
    ca_pem: str
