"""Pretended channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.testing.guest import advance, endpoints, told
from hosted_setup.testing.state import Domain, load_all

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.testing.hypervisor import FakeHypervisor


class FakeGuests:
    """Implements `ports.guest.Guests`."""

    path_limit = 4095  # nothing is bound: any path will do, unless a test lowers this

    def __init__(self, hypervisor: FakeHypervisor) -> None:
        """Reach the guests of `hypervisor`."""
        self._hypervisor = hypervisor

    def open(self, socket: Path, log: Path) -> FakeChannel:
        """Open the channel behind `socket`, whose log is `log`, from its first line on."""
        return FakeChannel(self._hypervisor, socket, log)


class FakeChannel:
    """Implements `ports.guest.Channel`: the guest goes on whenever somebody looks."""

    def __init__(self, hypervisor: FakeHypervisor, socket: Path, log: Path) -> None:
        """See FakeGuests."""
        self._hypervisor = hypervisor
        self._socket = socket
        self._log = log
        self._read = 0

    def read(self) -> tuple[str, ...]:
        """Give the lines that came since the last call."""
        domain = self._domain()
        if domain is not None:
            hypervisor = self._hypervisor
            advance(domain, hypervisor.clock.monotonic(), hypervisor.behaviour.guest.delay)
            hypervisor.keep(domain)
        text = self._log.read_text() if self._log.exists() else ""
        lines = text.splitlines()
        new = tuple(lines[self._read :])
        self._read = len(lines)
        return new

    def send(self, line: str) -> None:
        """Send one line to the guest."""
        domain = self._domain()
        if domain is not None:
            told(domain, line, self._hypervisor.clock.monotonic())
            self._hypervisor.keep(domain)

    def close(self) -> None:
        """Let go of the channel."""

    def _domain(self) -> Domain | None:
        for domain in load_all(self._hypervisor.domains, Domain):
            found = endpoints(domain.live)
            if found is not None and found[0] == self._socket:
                return domain
        return None
