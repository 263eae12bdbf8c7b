"""A wire to a VM: at its other end a gateway, which gives leases too. It is a network of its own, and ends with us.

Where it speaks IPv6, it announces itself as a router, with a prefix to make an address of, and gives leases by DHCPv6.
"""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.lab.initrd import ENDS_WITH_ITS_MAKER
from tests.lab.vm import TAP
from tests.lab.wire import GATEWAY4, GATEWAY6, Machine

if TYPE_CHECKING:
    from typing import Self

RENEWED_AFTER: Final = 10
"""Seconds after which a client asks again for its lease (T1 of RFC 2131); the lease is good for two minutes."""
_WIRE: Final = (
    "link set lo up",
    f"tuntap add dev {TAP} mode tap",
    f"address add {GATEWAY4}/24 dev {TAP}",
    f"link set {TAP} up",
)
_SIX: Final = f"address add {GATEWAY6}/64 dev {TAP} nodad"
_SERVE_SIX: Final = (
    "--enable-ra", f"--ra-param={TAP},30,1800", "--dhcp-range=2001:db8::100,2001:db8::200,slaac,64,2m",
)  # fmt: skip


class Segment:
    """The gateway's network, with a server of leases in it."""

    def __init__(self, *, six: bool = False) -> None:
        """Lay the wire; `six` for IPv6 too."""
        self.gateway = Machine()
        self._six = six
        self._ends = ExitStack()
        self._log = Path()

    def __enter__(self) -> Self:
        """Start the server."""
        self.gateway.ip(*_WIRE, *([_SIX] if self._six else []))
        self._ends.callback(self.gateway.close)
        folder = Path(self._ends.enter_context(TemporaryDirectory(prefix="he-segment-")))
        self._log = folder / "log"
        server = [
            *ENDS_WITH_ITS_MAKER, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
            f"--interface={TAP}", "--bind-interfaces", "--user=root", f"--log-facility={self._log}", "--no-ping",
            "--dhcp-range=192.0.2.100,192.0.2.200,255.255.255.0,2m", f"--dhcp-leasefile={folder / 'leases'}",
            f"--dhcp-option=option:router,{GATEWAY4}", f"--dhcp-option-force=option:T1,{RENEWED_AFTER}",
            *(_SERVE_SIX if self._six else ()),
        ]  # fmt: skip
        process = self.gateway.start(server, stdin=subprocess.DEVNULL)
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._ends.close()

    def leases_given(self) -> list[str]:
        """Give the address of each lease that was given or renewed, the oldest first."""
        words = [line.split() for line in self._log.read_text().splitlines() if f"DHCPACK({TAP})" in line]
        return [line[line.index(f"DHCPACK({TAP})") + 1] for line in words]
