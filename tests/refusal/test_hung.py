"""A precheck among servers that hang, all at once: each is stopped by SIGSTOP, so that it neither answers nor refuses.

libvirt, a name server that is the gateway too, the storage server, and one for the TCP test, whose queue is full: for a
stopped server alone the kernel would go on to take connections.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab import gluster_server, iscsi_server, nfs_server
from tests.lab.laboratory import Laboratory
from tests.lab.wire import Machine
from tests.refusal.site import Program, Site
from tests.refusal.told import Refusal, assert_well_told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

WITHIN: Final = 20.0
"""Seconds a precheck may take, whatever hangs."""
GATEWAY: Final = "192.0.2.1"
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

    @contextmanager
    def name_server_hung(self) -> Iterator[None]:
        """Stop the name server."""
        self.server.send_signal(signal.SIGSTOP)
        yield
        self.server.send_signal(signal.SIGCONT)

    @contextmanager
    def libvirt_hung(self) -> Iterator[None]:
        """Stop the daemon."""
        self.lab.run(["pkill", "-STOP", "-x", "libvirtd"], check=True)
        yield
        self.lab.run(["pkill", "-CONT", "-x", "libvirtd"], check=True)

    @contextmanager
    def tcp_hung(self) -> Iterator[int]:
        """Give the port of the gateway where a server has one connection in its queue, and takes none from there."""
        with self.gateway.inside():
            server = socket.create_server((GATEWAY, 0), backlog=0)
        port = server.getsockname()[1]
        with self.lab.network():
            waiting = socket.create_connection((GATEWAY, port))
        with server, waiting:
            yield port

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


def test_a_name_server_that_hangs_holds_up_no_precheck(surroundings: Surroundings) -> None:
    before = sorted(surroundings.site.root.rglob("*"))
    with surroundings.name_server_hung():
        refusal, seconds = surroundings.precheck()
    assert seconds < WITHIN, refusal.out
    assert refusal.exit_code == 3
    assert {"HE-CHECK-DEADLINE", "HE-DNS"} <= set(refusal.codes), refusal.out
    assert "Engine address" in late(refusal)
    assert sorted(surroundings.site.root.rglob("*")) == before


def late(refusal: Refusal) -> dict[str, str]:
    """Give what did not end in time, by its title."""
    what = [one.text("What").partition(": ") for one in refusal.told if one.code == "HE-CHECK-DEADLINE"]
    return {title: rest for title, _colon, rest in what}


@contextmanager
def nfs(lab: Laboratory) -> Iterator[None]:
    """Have an NFS server that hangs."""
    with nfs_server.NfsServer(lab, {"/plain": nfs_server.Export(lab.folder("plain"))}) as server:
        server.hang()
        yield
        server.go_on()


@contextmanager
def iscsi(lab: Laboratory) -> Iterator[None]:
    """Have an iSCSI server that hangs."""
    with iscsi_server.IscsiServer(lab, ISCSI_PORT) as server, server.hung():
        yield


@contextmanager
def glusterfs(lab: Laboratory) -> Iterator[None]:
    """Have a GlusterFS server that hangs."""
    with gluster_server.GlusterServer(lab) as server, server.hung():
        yield


@contextmanager
def mounted(lab: Laboratory) -> Iterator[None]:
    """Have a mounted file system whose client in user space hangs."""
    with gluster_server.GlusterServer(lab) as server:
        server.volume("engine")
        lab.run(["mkdir", PLACE], check=True)
        lab.run(["mount", "-t", "glusterfs", f"{gluster_server.SERVER}:/engine", PLACE], check=True)
        lab.run(["pkill", "-STOP", "-x", "glusterfs"], check=True)
        yield
        lab.run(["pkill", "-CONT", "-x", "glusterfs"], check=True)
        lab.run(["umount", PLACE], check=True)


@dataclass(frozen=True)
class Case:
    """A storage server that hangs, the answers that lead to it, and what is told: what is late and codes of its own."""

    hung: Callable[[Laboratory], AbstractContextManager[None]]
    answers: dict[str, str]
    late: set[str]
    codes: set[str] = field(default_factory=set)


ISCSI_PORT: Final = 3264
PLACE: Final = "/run/mounted"
CONNECTION, KIND = "OVEHOSTED_STORAGE__storageDomainConnection", "OVEHOSTED_STORAGE__domainType"
SERVER: Final = "HOSTED_ENGINE__storageServer"
NFS: Final = {
    KIND: "str:nfs",
    CONNECTION: f"str:{nfs_server.SERVER}:/plain",
    "HOSTED_ENGINE__storageAccess": "str:qemu",
}
GLUSTER: Final = {KIND: "str:glusterfs", CONNECTION: f"str:{gluster_server.SERVER}:/engine"}
ISCSI: Final = {
    KIND: "str:iscsi",
    CONNECTION: "",
    "OVEHOSTED_STORAGE__iSCSIPortalIPAddress": f"str:{iscsi_server.ADDRESS}",
    "OVEHOSTED_STORAGE__iSCSIPortalPort": f"int:{ISCSI_PORT}",
    "OVEHOSTED_STORAGE__iSCSITargetName": "str:iqn.2026-01.org.example:engine",
    "OVEHOSTED_STORAGE__LunID": "str:3600",
}
CASES: Final = {
    "nfs": Case(nfs, NFS, {"Look for an engine in the storage"}, {"HE-NFS-HUNG"}),
    "nfs, listed": Case(nfs, NFS | {SERVER: f"str:{nfs_server.SERVER}"}, {"List the NFS exports"}),
    "iscsi": Case(iscsi, ISCSI, {"Discover iSCSI targets"}),
    "glusterfs": Case(glusterfs, GLUSTER, {"Look at the GlusterFS volume"}),
    "localfs": Case(mounted, {CONNECTION: f"str:{PLACE}"}, {f"Path of the storage ({PLACE})"}),
}


@pytest.mark.parametrize("name", CASES)
def test_servers_that_hang_all_at_once_hold_up_no_precheck(name: str) -> None:
    case = CASES[name]
    with closing(Surroundings(knows_itself=False)) as surroundings, ExitStack() as hung:
        site = surroundings.site
        hung.enter_context(case.hung(site.lab))
        port = hung.enter_context(surroundings.tcp_hung())
        site.answer(
            HOSTED_ENGINE__networkMode="str:bridge", OVEHOSTED_NETWORK__network_test="str:tcp",
            OVEHOSTED_NETWORK__network_test_tcp_address=f"str:{GATEWAY}",
            OVEHOSTED_NETWORK__network_test_tcp_port=f"int:{port}", **case.answers,
        )  # fmt: skip
        before, files = site.inventory(), sorted(site.root.rglob("*"))
        with surroundings.name_server_hung(), surroundings.libvirt_hung():
            refusal, seconds = surroundings.precheck()
        assert seconds < WITHIN, refusal.out
        assert refusal.exit_code == 3
        assert {"HE-TCP-TEST", *case.codes} <= set(refusal.codes), refusal.out
        assert {"Engine address", *case.late} <= late(refusal).keys(), refusal.out
        assert late(refusal)["Look at libvirt"] == "no answer within 9 s"
        for one in refusal.told:
            assert_well_told(one)
        assert (site.inventory(), sorted(site.root.rglob("*"))) == (before, files)
