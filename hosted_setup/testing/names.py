"""Pretended names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.ports.problems import ResolverDown

if TYPE_CHECKING:
    from hosted_setup.testing.behaviour import Behaviour


class FakeNames:
    """Implements `ports.names.Names`."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Know what `behaviour` says."""
        self._behaviour = behaviour

    def addresses(self, name: str) -> tuple[str, ...]:
        """Give the addresses."""
        if self._behaviour.resolver_down:
            hint, command = "See which name servers there are, and whether they answer:", "cat /etc/resolv.conf"
            raise ResolverDown(name, why="Temporary failure in name resolution", hint=hint, command=command)
        return tuple(self._behaviour.names.get(name, ()))

    def names(self, address: str) -> tuple[str, ...]:
        """Give the names that have the address, unless another one is pretended."""
        found = [name for name, addresses in self._behaviour.names.items() if address in addresses]
        return tuple(self._behaviour.reverse.get(address, found))

    def server_fault(self, server: str, name: str, within: float) -> str:  # noqa: ARG002 - of the protocol
        """Be at fault as the behaviour says."""
        return self._behaviour.at_fault.get(server, "")

    def ping_fault(self, address: str, within: float) -> str:  # noqa: ARG002 - of the protocol
        """Be at fault as the behaviour says."""
        return self._behaviour.at_fault.get(f"ping {address}", "")

    def tcp_fault(self, host: str, port: int, within: float) -> str:  # noqa: ARG002 - of the protocol
        """Be at fault as the behaviour says."""
        return self._behaviour.at_fault.get(f"{host}:{port}", "")
