"""The system's resolver, single name servers by dnspython, and TCP."""

from __future__ import annotations

import socket
from typing import Final

from hosted_setup.adapters.icmp import ping
from hosted_setup.model.messages import _
from hosted_setup.ports.problems import ResolverDown

_ABSENT: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, getattr(socket, "EAI_ADDRFAMILY", socket.EAI_NONAME)})


class SystemNames:
    """Implements `ports.names.Names`."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """Ask as any program here does: /etc/hosts, then DNS."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in _ABSENT:
                return ()
            hint, command = _("See which name servers there are, and whether they answer:"), "cat /etc/resolv.conf"
            raise ResolverDown(name, why=error.strerror or str(error), hint=hint, command=command) from error
        return tuple(dict.fromkeys(str(one[4][0]) for one in found))

    def names(self, address: str) -> tuple[str, ...]:
        """Ask in the same way for the reverse."""
        try:
            name, further, _ = socket.gethostbyaddr(address)
        except (socket.herror, socket.gaierror):
            return ()
        return tuple(dict.fromkeys(one.lower().removesuffix(".") for one in (name, *further)))

    def server_fault(self, server: str, name: str, within: float) -> str:
        """Ask by UDP."""
        import dns.exception  # noqa: PLC0415 - it takes 0.1 s, and most runs have no need of it
        import dns.message  # noqa: PLC0415
        import dns.query  # noqa: PLC0415
        import dns.rcode  # noqa: PLC0415

        try:
            answer = dns.query.udp(dns.message.make_query(name, "A"), server, timeout=within)
        except (OSError, dns.exception.DNSException) as error:
            return str(error)
        code = answer.rcode()
        return (
            ""
            if code in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
            else _("it answers {code}", code=dns.rcode.to_text(code))
        )

    def ping_fault(self, address: str, within: float) -> str:
        """Send one every half second."""
        try:
            return "" if ping(address, within) else _("no reply within {within:g} s", within=within)
        except OSError as error:
            return error.strerror or str(error)

    def tcp_fault(self, host: str, port: int, within: float) -> str:
        """Connect and close."""
        try:
            socket.create_connection((host, port), timeout=within).close()
        except OSError as error:
            return error.strerror or str(error)
        return ""
