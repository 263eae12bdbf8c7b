"""A precheck among servers that hang, all at once: each is stopped by SIGSTOP, so that it neither answers nor refuses.

libvirt, a name server that is the gateway too, and a server for the TCP test.
"""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.wire import Machine
from tests.refusal.site import Program, Site
from tests.refusal.told import Refusal, assert_well_told

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN: Final = 20.0
"""Seconds a precheck may take, whatever hangs."""
CABLE: Final = (
    "link add n0 type veth peer name g0 netns {gateway}",
    "link set n0 up",
    "address add 192.0.2.10/24 dev n0",
    "route add default via 192.0.2.1 dev n0",
)


class Surroundings:
    """A laboratory of its own, a gateway on its wire, and the servers there."""

    def __init__(self, *, knows_itself: bool) -> None:
        self.lab, self.gateway = Laboratory(), Machine()
        with self.lab.network():
            for line in CABLE:
                subprocess.run(["ip", *line.format(gateway=self.gateway.path).split()], check=True)
        self.gateway.ip("link set lo up", "link set g0 up", "address add 192.0.2.1/24 dev g0")
        self.server = self.gateway.start(
            [
                "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
                "--pid-file=", "--host-record=engine.example.com,192.0.2.20", "--local=/example.com/",
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.lab.run(["sh", "-c", "echo nameserver 192.0.2.1 > /etc/resolv.conf"], check=True)
        if knows_itself:  # else libvirt asks for the host's name, and waits
            self.lab.run(["sh", "-c", "echo 127.0.1.1 $(uname -n) >> /etc/hosts"], check=True)
        self.program = Program(self.lab)
        self.site = Site(self.lab, self.lab.folder("h"), self.program)
        self.site.answer(HOSTED_ENGINE__networkMode="str:bridge")

    def hang_libvirt(self) -> None:
        """Stop the daemon."""
        self.lab.run(["pkill", "-STOP", "-x", "libvirtd"], check=True)

    def precheck(self) -> tuple[Refusal, float]:
        """Run it; give what was told, and the seconds it took."""
        site = self.site
        arguments = ["deploy", "--precheck", *site.again, f"--config-append={site.answers}", *site.arguments]
        begun = time.monotonic()
        code, out = self.program(arguments, site.environment)
        return Refusal(code, out), time.monotonic() - begun

    def close(self) -> None:
        """End everything."""
        self.program.close()
        self.server.kill()
        self.server.wait()
        self.lab.close()
        self.gateway.close()


@pytest.fixture(params=[True, False], ids=["in its hosts file", "nowhere"])
def surroundings(request: pytest.FixtureRequest) -> Iterator[Surroundings]:
    """Give a host whose own name is in its hosts file, and one that would have to ask for it."""
    made = Surroundings(knows_itself=request.param)
    yield made
    made.close()


def test_servers_that_hang_hold_up_no_precheck(surroundings: Surroundings) -> None:
    before = sorted(surroundings.site.root.rglob("*"))
    surroundings.server.send_signal(signal.SIGSTOP)
    refusal, seconds = surroundings.precheck()
    assert seconds < WITHIN, refusal.out
    assert refusal.exit_code == 3
    assert {"HE-CHECK-DEADLINE", "HE-DNS"} <= set(refusal.codes), refusal.out
    late = {one.text("What").partition(":")[0] for one in refusal.told if one.code == "HE-CHECK-DEADLINE"}
    assert "Engine address" in late
    surroundings.hang_libvirt()
    refusal, seconds = surroundings.precheck()
    assert seconds < WITHIN, refusal.out
    assert {"HE-CHECK-DEADLINE", "HE-DNS"} <= set(refusal.codes), refusal.out
    assert "Look at libvirt: no answer within 10 s" in [one.text("What") for one in refusal.told]
    for one in refusal.told:
        assert_well_told(one)
    assert sorted(surroundings.site.root.rglob("*")) == before
