"""Checks of the host and of the network around it before anything is changed."""

from __future__ import annotations

from enum import Enum
from typing import Final

from hosted_setup.model.question import ask, section

FORCE4: Final = "OVEHOSTED_NETWORK/forceIPv4"
FORCE6: Final = "OVEHOSTED_NETWORK/forceIPv6"
_PORT_MAX: Final = 65535


class NetworkTest(Enum):
    """What proves that the network beyond the gateway works; the gateway itself is always tried."""

    PING = "ping"
    DNS = "dns"
    TCP = "tcp"
    NONE = "none"


def _port(value: int | None) -> None:
    if value is not None and not 1 <= value <= _PORT_MAX:
        message = f"{value} is not a port: 1 to {_PORT_MAX}"
        raise ValueError(message)


@section("Network test")
class NetworkTestAnswers:
    """How the network is tried when the engine VM is on the management bridge."""

    test: NetworkTest = ask(
        "Network connectivity check", key="OVEHOSTED_NETWORK/network_test", default=NetworkTest.DNS, asked=False,
        help="dns: each name server is asked for the engine's name; tcp: a connection is made; ping: only the gateway.",
    )  # fmt: skip
    address: str | None = ask(
        "Address for the TCP test", key="OVEHOSTED_NETWORK/network_test_tcp_address", default=None, asked=False
    )
    port: int | None = ask(
        "Port for the TCP test", key="OVEHOSTED_NETWORK/network_test_tcp_port", default=None, check=_port, asked=False
    )
    only4: bool = ask("IPv4 only (--4)", key=FORCE4, default=False, asked=False)
    only6: bool = ask("IPv6 only (--6)", key=FORCE6, default=False, asked=False)

    def wants(self, address: str) -> bool:
        """Tell whether an address is of a family that counts; both do, unless one is asked for."""
        if self.only4 == self.only6:
            return True
        return (":" in address) is self.only6
