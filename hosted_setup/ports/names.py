"""Names and addresses, as this host resolves them, and the servers behind them."""

from __future__ import annotations

from typing import Protocol


class Names(Protocol):
    """Looks names up; changes nothing. A call may take as long as the system's resolver does."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """Give the addresses of both families that a name has, in the resolver's order; none when it has none.

        Raises:
            ResolverDown: nobody knows, for now.
        """

    def names(self, address: str) -> tuple[str, ...]:
        """Give the names that an address has, in lower case and without the last dot; none when it has none."""

    def server_fault(self, server: str, name: str, within: float) -> str:
        """Ask one name server for a name, and tell what is wrong with its answer; empty when nothing is.

        That there is no such name is an answer too. `within` is in seconds.
        """

    def ping_fault(self, address: str, within: float) -> str:
        """Send ICMP echo requests, and tell why no reply came; empty when one did. `within` is in seconds."""

    def tcp_fault(self, host: str, port: int, within: float) -> str:
        """Connect, and tell why that does not work; empty when it does. `within` is in seconds."""
