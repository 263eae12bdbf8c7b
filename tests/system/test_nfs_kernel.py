"""NFS by the kernel: mounted, used and unmounted under a kernel that has the client, and again after a reboot."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.kernel_tier import run_in_kernel
from tests.lab.nfs_server import Export, NfsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory

PROGRAM: Final = Path(__file__).with_name("nfs_by_kernel.py")
MODULES: Final = ("nfs", "nfsv3", "nfsv4")
SERVER: Final = "10.0.2.2"  # this machine, as the VM sees it
OWNER: Final = 36
STOPS: Final = ("127.0.0.1", 20500)


@pytest.fixture(scope="module")
def exports(lab: Laboratory) -> Iterator[Path]:
    """Give the top of what is exported, to the laboratory's network alone."""
    top = lab.folder("exports")
    for name in ("v3", "v4_1", "others"):
        (top / name).mkdir()
        if name != "others":
            os.chown(top / name, OWNER, OWNER)
    served = {
        "/v3": Export(top / "v3"),
        "/v4_1": Export(top / "v4_1"),
        "/squash": Export(top / "v3", "Squash = Root_Squash;"),
        "/ro": Export(top / "v3", "Access_Type = RO;"),
        "/others": Export(top / "others"),
    }
    with NfsServer(lab, served, minors="0,1") as server, lab.network(), stops(server):
        yield top


@contextmanager
def stops(server: NfsServer) -> Iterator[None]:
    """Have the server hang for as long as somebody is connected to STOPS."""
    listener = socket.create_server(STOPS)

    def serve() -> None:
        with suppress(OSError):  # the end
            while True:
                connection, _address = listener.accept()
                with connection:
                    server.hang()
                    with suppress(ConnectionError):  # a VM that was killed
                        connection.sendall(b".")
                        connection.recv(1)
                    server.go_on()

    thread = Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def run(what: str) -> list[str]:
    done = run_in_kernel([sys.executable, str(PROGRAM), what, SERVER], MODULES, within=300)
    assert done.code == 0, done.output
    return done.output.splitlines()


@pytest.mark.system
def test_a_domain_is_made_and_is_there_after_a_reboot(exports: Path) -> None:
    mounted = {"v3": f"/{SERVER}:_v3 vers=3", "v4_1": f"/{SERVER}:_v4__1 vers=4.1"}
    for what, word in (("first", "made"), ("second", "gone")):
        assert run(what) == [
            line
            for version, point in mounted.items()
            for line in (f"{version}: {point}", f"{version}: the domain is {word}, nothing is mounted")
        ]
        there = sorted(path for path in exports.rglob("*/dom_md/metadata"))
        assert len(there) == (2 if word == "made" else 0)
        assert {(path.stat().st_uid, path.stat().st_gid) for path in there} <= {(OWNER, OWNER)}
    assert [list((exports / name).iterdir()) for name in mounted] == [[], []]


@pytest.mark.system
def test_what_the_kernel_meets_is_told_by_codes(exports: Path) -> None:
    told = dict(line.split(": ", 1) for line in run("refused"))
    assert {case: text.partition(" ")[0] for case, text in told.items()} == {
        "root is squashed": "HE-NFS-SQUASH",
        "no locks": "HE-NFS-UNFIT",
        "no such version": "HE-NFS-VERSION",
        "no such export": "HE-NFS-EXPORT",
        "read-only": "HE-NFS-READONLY",
        "not for user 36": "HE-NFS-WRITE",
        "nobody there": "HE-NFS-UNREACHABLE",
        "hung": "HE-NFS-HUNG",
        "hung on the way": "HE-NFS-HUNG",
        "hung at the end": "umount",
    }
    assert not [text for text in told.values() if text.endswith("late")], told
    assert "names: the server did not answer within 8 s" in told["hung on the way"]
    assert told["hung at the end"] == "umount did not end within 10 s"
    assert [list((exports / name).iterdir()) for name in ("v3", "v4_1", "others")] == [[], [], []]
