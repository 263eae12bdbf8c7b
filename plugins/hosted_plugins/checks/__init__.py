"""Checks of the host and of the network around it before anything is changed."""

from __future__ import annotations

from enum import Enum
from typing import Final

from hosted_plugins.network import NetworkChoice, bridged
from hosted_setup.model.addresses import HostAddress, PortNumber
from hosted_setup.model.question import ask, section

FORCE4: Final = "OVEHOSTED_NETWORK/forceIPv4"
FORCE6: Final = "OVEHOSTED_NETWORK/forceIPv6"


class NetworkTest(Enum):
    """What proves that the network works; that the gateway answers for its address is always tried."""

    PING = "ping"
    DNS = "dns"
    TCP = "tcp"
    NONE = "none"


@section("Network")
class NetworkTestAnswers:
    """How the network is tried when the engine VM is on the management bridge."""

    test: NetworkTest = ask(
        "Network connectivity check", key="OVEHOSTED_NETWORK/network_test", default=NetworkTest.DNS, when=bridged,
        help="dns: each name server is asked for the engine's name; tcp: a connection is made; ping: of the gateway.",
    )  # fmt: skip
    only4: bool = ask("IPv4 only (--4)", key=FORCE4, default=False, asked=False)
    only6: bool = ask("IPv6 only (--6)", key=FORCE6, default=False, asked=False)
    reverse: bool = ask(
        "Addresses have to lead back to their names", key="OVEHOSTED_NETWORK/fqdnReverseValidation", default=False,
        asked=False, help="Then an address of the engine or of this host without its PTR record stops the run.",
    )  # fmt: skip

    def wants(self, address: str) -> bool:
        """Tell whether an address is of a family that counts; both do, unless one is asked for."""
        if self.only4 == self.only6:
            return True
        return (":" in address) is self.only6


def _by_tcp(choice: NetworkChoice, test: NetworkTestAnswers) -> bool:
    return bridged(choice) and test.test is NetworkTest.TCP


@section("Network")
class TcpTestAnswers:
    """Where to, when the network is tried by a TCP connection; else there is neither."""

    address: HostAddress = ask(
        "Address for the TCP test", key="OVEHOSTED_NETWORK/network_test_tcp_address", when=_by_tcp,
        help="Name or address of a machine beyond the gateway that is always up.",
    )  # fmt: skip
    port: PortNumber = ask(
        "Port for the TCP test", key="OVEHOSTED_NETWORK/network_test_tcp_port", when=_by_tcp,
        help="Something has to listen there.",
    )  # fmt: skip
