"""A wire to a VM: at its other end a gateway, which gives leases too. It is a network of its own, and ends with us."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.lab.initrd import ENDS_WITH_ITS_MAKER
from tests.lab.vm import TAP
from tests.lab.wire import GATEWAY4, Machine

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


class Segment:
    """The gateway's network, with a server of leases in it."""

    def __init__(self) -> None:
        """Lay the wire."""
        self.gateway = Machine()
        self._ends = ExitStack()
        self._log = Path()

    def __enter__(self) -> Self:
        """Start the server."""
        self.gateway.ip(*_WIRE)
        self._ends.callback(self.gateway.close)
        folder = Path(self._ends.enter_context(TemporaryDirectory(prefix="he-segment-")))
        self._log = folder / "log"
        server = [
            *ENDS_WITH_ITS_MAKER, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
            f"--interface={TAP}", "--bind-interfaces", "--user=root", f"--log-facility={self._log}", "--no-ping",
            "--dhcp-range=192.0.2.100,192.0.2.200,255.255.255.0,2m", f"--dhcp-leasefile={folder / 'leases'}",
            f"--dhcp-option=option:router,{GATEWAY4}", f"--dhcp-option-force=option:T1,{RENEWED_AFTER}",
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
