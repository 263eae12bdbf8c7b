"""NFS in user space when the server does not do what it should: each in its own words, none later than its deadline."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.nfs_tree import NfsTree
from hosted_setup.ports.locations import NfsHome
from tests.lab.nfs_server import SERVER, Export, NfsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

OWNER = (36, 36)
WITHIN = 2.0
MIB = 1 << 20


class Exports:
    """A server with exports of several kinds, seen from the laboratory's network."""

    def __init__(self, server: NfsServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def tree(self, name: str = "/export", server: str = SERVER) -> NfsTree:
        return NfsTree(NfsHome(server, name, *OWNER), WITHIN)


@pytest.fixture(scope="module")
def exports(lab: Laboratory) -> Iterator[Exports]:
    folder = lab.folder("nfs")
    os.chown(folder, *OWNER)
    full = lab.folder("full")
    lab.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", full], check=True)
    options = {
        "/export": "",
        "/ro": "Access_Type = RO;",
        "/denied": "Access_Type = None; CLIENT { Clients = 192.0.2.9; Access_Type = RW; }",
        "/squashed": "Squash = All_Squash; Anonymous_Uid = 65534; Anonymous_Gid = 65534;",
    }
    served = {name: Export(folder, text) for name, text in options.items()} | {"/full": Export(full)}
    with NfsServer(lab, served) as server, lab.network():
        yield Exports(server, folder)
    lab.run(["umount", full], check=True)


def soon(begun: float, within: float = WITHIN) -> bool:
    """Tell whether that was in time; a loaded machine may take thrice as long."""
    return time.monotonic() - begun < 3 * within


@pytest.mark.parametrize("name", ["/nothing", "/denied"])
def test_an_export_that_is_not_there_for_us(exports: Exports, name: str) -> None:
    begun = time.monotonic()
    with pytest.raises(PermissionError, match="MNT3ERR_ACCES") as caught:
        exports.tree(name).names("")
    assert f"{SERVER}:{name}" in str(caught.value)
    assert soon(begun)


def test_an_export_for_reading_alone(exports: Exports) -> None:
    assert exports.tree("/ro").names("") == ()
    with pytest.raises(OSError, match="NFS3ERR_ROFS") as caught:
        exports.tree("/ro").make_folder("folder")
    assert caught.value.errno == errno.EROFS


def test_an_export_that_makes_nobody_of_us(exports: Exports) -> None:
    with pytest.raises(PermissionError, match="NFS3ERR_ACCES"):
        exports.tree("/squashed").make_file("file", 0o600)


def test_a_server_by_its_name_and_by_its_other_address(exports: Exports) -> None:
    for server in ("localhost", "::1"):
        assert exports.tree(server=server).names("") == ()


def test_a_name_that_nobody_knows(exports: Exports) -> None:
    with pytest.raises(OSError, match=r"[Nn]ame"):
        exports.tree(server="nas.invalid").names("")


def test_no_server_that_would_answer(exports: Exports, lab: Laboratory) -> None:
    begun = time.monotonic()
    with pytest.raises(OSError, match=r"unreachable"):
        exports.tree(server="192.0.2.9").names("")
    lab.run(["ip", "route", "add", "192.0.2.8/32", "dev", "lo"], check=True)  # it is taken, and nobody ever answers
    with pytest.raises(TimeoutError):
        exports.tree(server="192.0.2.8").names("")
    assert soon(begun)


def test_a_server_that_hangs_and_one_that_died(exports: Exports) -> None:
    exports.server.hang()
    try:
        begun = time.monotonic()
        with pytest.raises(TimeoutError, match="did not answer within 2 s"):
            exports.tree().names("")
        assert soon(begun)
    finally:
        exports.server.go_on()
    assert exports.tree().names("") == ()
    exports.server.stop()
    begun = time.monotonic()
    with pytest.raises(ConnectionError):
        exports.tree().names("")
    assert soon(begun)
    exports.server.start()
    assert exports.tree().names("") == ()


def test_a_server_that_hangs_in_the_middle(exports: Exports) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"before"
        exports.server.hang()
        yield b"after"

    begun = time.monotonic()
    try:
        with pytest.raises(TimeoutError, match=r"pwrite|fsync"):
            exports.tree().make_file("half", 0o600, chunks())
        assert soon(begun)
    finally:
        exports.server.go_on()
    assert exports.tree().read("half", 100).startswith(b"before")
    exports.tree().remove("half")


def test_a_server_that_dies_in_the_middle(exports: Exports) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"before"
        exports.server.stop()
        yield b"after"

    try:
        with pytest.raises(ConnectionError):
            exports.tree().make_file("half", 0o600, chunks())
    finally:
        exports.server.start()
    exports.tree().remove("half")


def test_a_full_file_system(exports: Exports) -> None:
    tree = exports.tree("/full")
    assert tree.space().total == 4 * MIB
    with pytest.raises(OSError, match="No space left") as caught:
        tree.make_file("large", 0o600, (os.urandom(MIB) for _ in range(8)))
    assert caught.value.errno == errno.ENOSPC
    tree.remove("large")
