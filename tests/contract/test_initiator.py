"""What an initiator sees of a real server, and how it tells what goes wrong, in time."""

from __future__ import annotations

import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hosted_plugins.storage.iscsi import IscsiWanted, latency
from hosted_plugins.storage.luns import FoundLun
from hosted_plugins.storage.proofs import SLOW
from hosted_setup.adapters.iscsi_user import UserInitiator
from hosted_setup.model.problem import Problem
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import MIB
from hosted_setup.ports.initiator import Chap, Portal
from hosted_setup.ports.iscsi_problems import (
    ChapRefused,
    DiscoveryRefused,
    InitiatorRefused,
    IscsiFault,
    LunMissing,
    PortalDown,
    PortalHung,
    TargetMissing,
)
from hosted_setup.testing.world import World
from tests.lab.iscsi_server import ADDRESS, IscsiServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory

pytestmark = pytest.mark.system

PORT: Final = 3261
ADDRESSES: Final = (ADDRESS, "127.0.0.2", "::1")
MACHINE: Final = "0d9cbe4c-2f1c-4b39-8a43-4b9d2b5f1a10"
NAME: Final = f"iqn.2008-11.org.linux-kvm:{MACHINE}"
USER, PASSWORD = "alice", "correct-horse"
PORTAL: Final = Portal(ADDRESS, PORT)
CHAP: Final = Chap(USER, Secret(PASSWORD))
IN_TIME: Final = 10.0


@pytest.fixture(scope="module")
def server(lab: Laboratory) -> Iterator[IscsiServer]:
    with IscsiServer(lab, PORT, ADDRESSES) as running:
        yield running


@pytest.fixture(autouse=True)
def inside(lab: Laboratory) -> Iterator[None]:
    with lab.network():
        yield


@pytest.fixture
def initiator(tmp_path: Path) -> UserInitiator:
    return UserInitiator(tmp_path / "initiatorname.iscsi", lambda: MACHINE, within=4)


@pytest.fixture(scope="module")
def guarded(server: IscsiServer) -> tuple[str, Path]:
    """Give a target that asks for a user, with one LUN."""
    target = server.target("guarded", chap=(USER, PASSWORD))
    return target, server.lun(target, 20 * MIB, scsi_id="he-guarded")


@pytest.mark.parametrize("address", ADDRESSES)
def test_targets_are_discovered_at_each_portal_with_their_group(
    server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator, address: str
) -> None:
    found = {one.name: one.portals for one in initiator.discover(Portal(address, PORT), None)}
    assert found[guarded[0]] == (Portal(address, PORT, 1),)
    assert initiator.luns(found[guarded[0]][0], guarded[0], CHAP)


def test_a_target_that_is_for_others_is_not_shown(server: IscsiServer, initiator: UserInitiator) -> None:
    ours, others = server.target("ours", initiator=NAME), server.target("others", initiator="iqn.2026-01.org.example:b")
    shown = {one.name for one in initiator.discover(PORTAL, None)}
    assert ours in shown
    assert others not in shown


def test_luns_are_listed_with_their_exact_size_and_names(
    server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator
) -> None:
    target = server.target("disks")
    server.lun(target, 64 * MIB + 512, vendor_id="ACME", product_id="Fast Disk", scsi_sn="0042")
    server.lun(target, 5 * 1024**4, read_only=True)
    first, second = initiator.luns(PORTAL, target, None)
    assert (first.number, first.size, first.block) == (1, 64 * MIB + 512, 512)
    assert (first.vendor, first.product, first.serial) == ("ACME", "Fast Disk", "0042")
    assert (first.read_only, first.thin) == (False, True)
    assert (second.number, second.size, second.read_only) == (2, 5 * 1024**4, True)
    assert first.wwid.startswith("36")
    assert len(first.wwid) == 33
    assert first.wwid != second.wwid
    assert [one.size for one in initiator.luns(PORTAL, guarded[0], CHAP)] == [20 * MIB]


def test_a_slow_server_is_warned_of(
    server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator, tmp_path: Path
) -> None:
    host = replace(World.make(tmp_path / "world").host("20260102030405-abcdef"), initiator=initiator)
    (lun,) = initiator.luns(PORTAL, guarded[0], CHAP)
    shown = (lun.wwid, lun.number, lun.size, lun.block, lun.vendor, lun.product, lun.serial, lun.read_only)
    want = IscsiWanted((PORTAL,), guarded[0], FoundLun(*shown), USER, CHAP.password)
    latency(want, host)
    with ThreadPoolExecutor(1) as threads:
        with server.hung():
            slow = threads.submit(latency, want, host)
            time.sleep(1.2 * SLOW)
        with pytest.raises(Problem, match="HE-LUN-SLOW") as caught:
            slow.result()
    assert "sanlock" in caught.value.why


def test_regions_are_read(server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator) -> None:
    target, path = guarded
    written = bytes(range(256)) * 4096
    with path.open("r+b") as file:
        file.write(written)
        file.seek(-1024, 2)
        file.write(written[:1024])
    head, tail = initiator.read(PORTAL, target, CHAP, 1, [(0, MIB), (20 * MIB - 1024, 1024)])
    assert head == written
    assert tail == written[:1024]


def test_nothing_stays_connected(server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator) -> None:
    initiator.luns(PORTAL, guarded[0], CHAP)
    deadline = time.monotonic() + IN_TIME
    while server.initiators(guarded[0]):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_name_is_that_of_open_iscsi_if_it_has_one(tmp_path: Path) -> None:
    named = tmp_path / "initiatorname.iscsi"
    assert UserInitiator(named, lambda: MACHINE).name() == NAME
    named.write_text("## generated\nInitiatorName=iqn.1993-08.org.debian:01:abc\n")
    assert UserInitiator(named, lambda: MACHINE).name() == "iqn.1993-08.org.debian:01:abc"


@pytest.mark.parametrize("chap", [None, Chap(USER, Secret("wrong-wrong-wrong")), Chap("nobody", Secret(PASSWORD))])
def test_a_wrong_password_is_told_as_that(
    server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator, chap: Chap | None
) -> None:
    with pytest.raises(ChapRefused, match="HE-ISCSI-CHAP") as refused:
        initiator.luns(PORTAL, guarded[0], chap)
    assert "Authentication failure" in refused.value.why


def test_discovery_can_ask_for_a_user_too(server: IscsiServer, initiator: UserInitiator) -> None:
    server.account("finder", "finders-keepers")
    with server.discovery_by("finder"):
        with pytest.raises(DiscoveryRefused, match="HE-ISCSI-DISCOVERY-CHAP"):
            initiator.discover(PORTAL, None)
        with pytest.raises(DiscoveryRefused, match="HE-ISCSI-DISCOVERY-CHAP"):
            initiator.discover(PORTAL, CHAP)
        assert initiator.discover(PORTAL, Chap("finder", Secret("finders-keepers")))


def test_a_target_that_is_not_shown_tells_the_name_to_allow(server: IscsiServer, initiator: UserInitiator) -> None:
    with pytest.raises(TargetMissing, match="HE-ISCSI-TARGET") as refused:
        initiator.luns(PORTAL, "iqn.2026-01.org.example:missing", None)
    assert NAME in refused.value.hint


def test_a_lun_that_is_not_there(server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator) -> None:
    with pytest.raises(LunMissing, match="HE-ISCSI-LUN"):
        initiator.read(PORTAL, guarded[0], CHAP, 7, [(0, 512)])


def test_nobody_at_the_port(initiator: UserInitiator) -> None:
    with pytest.raises(PortalDown, match="HE-ISCSI-PORTAL") as refused:
        initiator.discover(Portal(ADDRESS, 3999), None)
    assert "Connection refused" in refused.value.why


def test_a_hung_portal_is_given_up_in_time(
    server: IscsiServer, guarded: tuple[str, Path], initiator: UserInitiator
) -> None:
    with server.hung():
        for ask in (lambda: initiator.discover(PORTAL, None), lambda: initiator.luns(PORTAL, guarded[0], CHAP)):
            started = time.monotonic()
            with pytest.raises(PortalHung, match="HE-ISCSI-HUNG"):
                ask()
            assert time.monotonic() - started < IN_TIME
    assert initiator.luns(PORTAL, guarded[0], CHAP)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(0x0202, InitiatorRefused, "HE-ISCSI-ACL"), (0x0301, IscsiFault, "HE-ISCSI-FAULT")],
)
def test_what_this_server_never_says_is_told_apart_too(
    initiator: UserInitiator, status: int, kind: type[Exception], code: str
) -> None:
    with refusing(status) as port, pytest.raises(kind, match=code):
        initiator.luns(Portal(ADDRESS, port), "iqn.2026-01.org.example:any", None)


@contextmanager
def refusing(status: int) -> Iterator[int]:
    """Answer logins with a status (RFC 7143, 11.13) on a port."""
    with socket.create_server((ADDRESS, 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(48, socket.MSG_WAITALL)
                    if len(asked) == 48:
                        head = struct.pack(">BB6x8s4s4x", 0x23, 0x00, asked[8:16], asked[16:20])
                        connection.sendall(head + struct.pack(">IIIBB10x", 0, 1, 1, status >> 8, status & 0xFF))
                        connection.recv(4096)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
