"""A wire between two machines that consist of a network alone: a host with a NIC, and its gateway. Dual stack.

    host: n0 192.0.2.10/24, 2001:db8::10/64, default routes to the gateway     gateway: gw 192.0.2.1, 2001:db8::1

Each is a network namespace, held open by its descriptor and by nothing else: it ends with its maker.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from hosted_setup.ports.network import NetworkFacts

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
HOST4, HOST6, GATEWAY4, GATEWAY6 = "192.0.2.10", "2001:db8::10", "192.0.2.1", "2001:db8::1"
ELSEWHERE4, ELSEWHERE6 = "198.51.100.7", "2001:db8:7::7"
BEYOND: Final = (ELSEWHERE4, ELSEWHERE6)
"""Addresses of the gateway that are reached by the default routes alone."""
_CARRIER_WITHIN: Final = 30.0
_CHOSEN: Final = 0x22C  # those of IFA_F_* that say how an address is to be, not how it is doing
_ON_LINK: Final = 0x4  # RTNH_F_ONLINK
_CABLES: Final = {
    "n0": ("""
link add n0 type veth peer name gw netns {gateway}
link set n0 up
""", ""),
    "bond0": ("""
link add n0 type veth peer name g0 netns {gateway}
link add n1 type veth peer name g1 netns {gateway}
link add bond0 type bond mode active-backup miimon 50
link set n0 master bond0
link set n1 master bond0
link set bond0 up
""", """
link add gw type bridge
link set g0 up master gw
link set g1 up master gw
"""),
    "n0.100": ("""
link add n0 type veth peer name g0 netns {gateway}
link add link n0 name n0.100 type vlan id 100
link set n0 up
link set n0.100 up
""", """
link set g0 up
link add link g0 name gw type vlan id 100
"""),
}  # fmt: skip
"""Commands for the host, and for the gateway, that lay the wire, by the NIC."""
_HOST: Final = """
address add 192.0.2.10/24 broadcast + dev {nic}
address add 192.0.2.11/24 dev {nic} label {nic}:1 valid_lft 3600 preferred_lft 1800
address add 2001:db8::10/64 dev {nic} nodad
address add 2001:db8::11/64 dev {nic} nodad valid_lft 7200 preferred_lft 3600
route add default via 192.0.2.1 dev {nic} metric 100 mtu 1400
route add 203.0.113.0/24 via 192.0.2.1 dev {nic} proto static src 192.0.2.11
route add 203.0.113.128/25 via 198.51.100.1 dev {nic} onlink table 77
-6 route add default via 2001:db8::1 dev {nic} metric 1024 expires 1200
-6 route add 2001:db8:9::/48 via 2001:db8::1 dev {nic}
"""
_GATEWAY: Final = """
link set lo up
link set gw up
address add 192.0.2.1/24 dev gw
address add 198.51.100.7/32 dev lo
address add 2001:db8::1/64 dev gw nodad
address add 2001:db8:7::7/128 dev lo
"""


class Machine:
    """A network namespace."""

    def __init__(self, there: Path | None = None) -> None:
        """Make an empty one, or take the one that is `there`."""
        if there:
            self._descriptor = os.open(there, os.O_RDONLY | os.O_CLOEXEC)
            return
        libc = ctypes.CDLL(None, use_errno=True)

        def make() -> None:
            if libc.unshare(_NEW_NETWORK):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
            self._descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

        maker = threading.Thread(target=make)  # this thread stays where it is
        maker.start()
        maker.join()

    @property
    def path(self) -> str:
        """Give a name of the namespace for other processes, as long as this one lives."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread, and what it starts, be in this network."""
        libc = ctypes.CDLL(None, use_errno=True)
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        assert libc.setns(self._descriptor, _NEW_NETWORK) == 0
        try:
            yield
        finally:
            assert libc.setns(outside, _NEW_NETWORK) == 0
            os.close(outside)

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - as Popen takes them
        """Start a program in this network."""
        with self.inside():
            return subprocess.Popen(command, text=True, **options)

    def ip(self, *commands: str) -> str:
        """Run the `ip` program for each of `commands`; give what they print."""
        with self.inside():
            done = [
                subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
                for command in commands
            ]
        assert not any(one.returncode for one in done), [one.stderr for one in done]
        return "".join(one.stdout for one in done)

    def close(self) -> None:
        """Let go of it; it ends with its last process."""
        os.close(self._descriptor)


class Wire:
    """The host and its gateway."""

    def __init__(self, nic: str = "n0", host: Machine | None = None) -> None:
        """Take a wire for the host's `nic`: n0, or where the kernel can, bond0 or n0.100."""
        self.nic = nic
        self.host, self.gateway = host or Machine(), Machine()

    def __enter__(self) -> Self:
        """Lay it; addresses are good at once, which saves two seconds."""
        for machine in (self.host, self.gateway):
            with machine.inside():
                Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
        cable, other_end = _CABLES[self.nic]
        self.host.ip("link set lo up", *_lines(cable.format(gateway=self.gateway.path)))
        self.gateway.ip(*_lines(other_end), *_lines(_GATEWAY))
        self._await_carrier()
        self.host.ip(*_lines(_HOST.format(nic=self.nic)))
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of both."""
        self.host.close()
        self.gateway.close()

    def cut(self) -> None:
        """Let the gateway hear and say nothing, while the link stays up."""
        self.gateway.ip("link set gw arp off", "address flush dev gw")

    @contextmanager
    def talking(self) -> Iterator[Callable[[], bool]]:
        """Hold a connection of each family from the host to a machine beyond; give what tells that they go on."""
        with ExitStack() as stack:
            ends = [tuple(map(stack.enter_context, self._connection(there))) for there in BEYOND]

            def go_on() -> bool:
                for one, other in (*ends, *(pair[::-1] for pair in ends)):
                    one.sendall(b"word")
                    if other.recv(64) != b"word":
                        return False
                return True

            yield go_on

    def _connection(self, there: str) -> tuple[socket.socket, socket.socket]:
        family = socket.AF_INET6 if ":" in there else socket.AF_INET
        with self.gateway.inside(), socket.create_server((there, 7007), family=family) as server:
            with self.host.inside():
                near = socket.create_connection((there, 7007), 10)
            far, _ = server.accept()
        far.settimeout(10)
        return near, far

    def _await_carrier(self) -> None:
        deadline = time.monotonic() + _CARRIER_WITHIN
        while "LOWER_UP" not in self.host.ip(f"link show dev {self.nic}"):
            assert time.monotonic() < deadline, "no carrier"
            time.sleep(0.02)


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


def essence(facts: NetworkFacts) -> list[str]:
    """Give links with addresses, and routes, as text: without indexes, and what changes by itself with the time."""
    lines = []
    for one in facts.links:
        lines.append(f"link {one.name} {one.kind} {one.master} {one.mac} {one.mtu} {one.up} {one.alias}")
        for each in one.addresses:
            place = (each.peer, each.broadcast, each.label, each.scope, each.metric, each.flags & _CHOSEN)
            times = [None if left is None else round(left, -2) for left in (each.valid, each.preferred)]
            lines.append(f"address {one.name} {each.cidr} {place} {times}")
    for route in facts.routes:
        expires = None if route.expires is None else round(route.expires, -2)
        lines.append(f"route {replace(route, expires=expires, flags=route.flags & _ON_LINK)}")
    return sorted(lines)
