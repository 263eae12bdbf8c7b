"""A wire between two machines that consist of a network alone: a host with a NIC, and its gateway. Dual stack.

    host: n0 192.0.2.10/24, 2001:db8::10/64, default routes to the gateway     gateway: g0 192.0.2.1, 2001:db8::1

Each is a network namespace, held open by its descriptor and by nothing else: it ends with its maker.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
HOST4, HOST6, GATEWAY4, GATEWAY6 = "192.0.2.10", "2001:db8::10", "192.0.2.1", "2001:db8::1"
ELSEWHERE4, ELSEWHERE6 = "198.51.100.7", "2001:db8:7::7"
"""Addresses of the gateway that are reached by the default routes alone."""
_CABLE: Final = """
link set lo up
link add n0 type veth peer name g0 netns {gateway}
link set n0 up
address add 192.0.2.10/24 broadcast + dev n0
address add 192.0.2.11/24 dev n0 label n0:1 valid_lft 3600 preferred_lft 1800
address add 2001:db8::10/64 dev n0 nodad
address add 2001:db8::11/64 dev n0 nodad valid_lft 7200 preferred_lft 3600
route add default via 192.0.2.1 dev n0 metric 100 mtu 1400
route add 203.0.113.0/24 via 192.0.2.1 dev n0 proto static src 192.0.2.11
route add 203.0.113.128/25 via 198.51.100.1 dev n0 onlink table 77
-6 route add default via 2001:db8::1 dev n0 metric 1024 expires 1200
-6 route add 2001:db8:9::/48 via 2001:db8::1 dev n0
"""
_GATEWAY: Final = """
link set lo up
link set g0 up
address add 192.0.2.1/24 dev g0
address add 198.51.100.7/32 dev lo
address add 2001:db8::1/64 dev g0 nodad
address add 2001:db8:7::7/128 dev lo
"""


class Machine:
    """A network namespace."""

    def __init__(self) -> None:
        """Make an empty one."""
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

    def __init__(self) -> None:
        """Lay the wire."""
        self.host, self.gateway = Machine(), Machine()

    def __enter__(self) -> Self:
        """Connect them; addresses are good at once, which saves two seconds."""
        for machine in (self.host, self.gateway):
            with machine.inside():
                Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
        lines = _CABLE.strip().replace("{gateway}", self.gateway.path).splitlines()
        self.host.ip(*lines[:2])
        self.gateway.ip(*_GATEWAY.strip().splitlines())
        self.host.ip(*lines[2:])
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of both."""
        self.host.close()
        self.gateway.close()

    def cut(self) -> None:
        """Let the gateway hear and say nothing to the bridge's machines, while the link stays up."""
        self.gateway.ip("link set g0 arp off", "address flush dev g0")
