"""ICMP echo: ping (RFC 792, RFC 4443), for which no program need be installed."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from typing import Final

from hosted_setup.adapters.readable import readable

_HEADER: Final = struct.Struct("!BBHHH")  # type, code, checksum, identifier, number
_KINDS: Final = {
    4: (socket.AF_INET, socket.IPPROTO_ICMP, 8, 0),
    6: (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129),
}
"""Family, protocol, type of a request and of its reply."""
_EVERY: Final = 0.5


def ping(address: str, within: float) -> bool:
    """Ask until a reply comes, for `within` seconds at most. Needs root.

    Raises:
        OSError: nothing can be sent there.
    """
    version = 6 if ":" in address else 4
    family, protocol, request, reply = _KINDS[version]
    body = secrets.token_bytes(16)  # by it a reply is known as ours
    message = _HEADER.pack(request, 0, 0, 0, 1) + body
    if version == 4:  # noqa: PLR2004 - of IPv6 the kernel computes it
        message = _HEADER.pack(request, 0, _checksum(message), 0, 1) + body
    deadline = time.monotonic() + within
    with socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as wire:
        wire.connect((address, 0))
        while time.monotonic() < deadline:
            wire.send(message)
            again = min(deadline, time.monotonic() + _EVERY)
            while readable(wire.fileno(), again - time.monotonic()):
                packet = wire.recv(1 << 16)
                start = (packet[0] & 0xF) * 4 if version == 4 else 0  # noqa: PLR2004 - IPv4 gives its own header too
                if packet[start : start + 1] == bytes([reply]) and packet.endswith(body):
                    return True
    return False


def _checksum(message: bytes) -> int:
    """Give the Internet checksum (RFC 1071) of a message of even length."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
