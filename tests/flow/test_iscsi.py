"""A deploy onto an iSCSI LUN of a pretended server: what it leaves, what is taken back, and what is left alone."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from hosted_plugins.storage.iscsi import Iscsi, IscsiWanted
from hosted_plugins.storage.luns import FoundLun
from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.domain.lun_contents import ends_of, look
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import GIB
from hosted_setup.ports.hypervisor import SecretInfo
from hosted_setup.ports.initiator import Portal
from hosted_setup.ports.iscsi_problems import LunMissing
from hosted_setup.ports.locations import DeviceAt, LunHome
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.testing.images import FakeImages
from hosted_setup.testing.initiator import pretended_wwid
from hosted_setup.testing.portrait import portrait
from tests.flow.program import CHAP, ISCSI_TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hosted_setup.ports.images import DiskSource
    from tests.flow.program import Program


def head(lun: Path) -> str:
    with lun.open("rb") as file:
        return hashlib.sha256(file.read(64 << 20)).hexdigest()


def secrets(program: Program) -> list[Path]:
    return sorted((program.world.root / "libvirt/secrets").glob("*"))


def test_a_deploy_and_its_cleanup(program: Program) -> None:
    lun = program.on_iscsi()
    before = head(lun)
    done = program.restore()
    assert done.code == 0, done.out
    conf = (program.world.paths.etc / "hosted-engine.conf").read_text().splitlines()
    assert {f"iqn={ISCSI_TARGET}", "storage=192.0.2.5", "port=3260", "user=host", "password=''"} <= set(conf)
    assert CHAP not in "".join(path.read_text() for path in program.world.paths.root.rglob("*") if path.is_file())
    assert head(lun) != before
    assert len(secrets(program)) == 1
    undone = program("cleanup", "--yes")
    assert undone.code == 0, undone.out
    assert head(lun) == before
    assert secrets(program) == []


def test_the_password_is_kept_while_it_is_needed_to_clean_up(program: Program) -> None:
    lun = program.on_iscsi()
    assert program.restore().code == 0
    domain = look(UtilLinux(), lambda regions: read(lun, regions), lun.stat().st_size).domain
    assert domain is not None
    home = LunHome(DeviceAt(str(lun)), lun.stat().st_size)
    theirs = BlockLayout(domain.uuid, home, FakeImages(), UtilLinux()).add_volume(str(uuid4()), "raw", GIB)
    undone = program("cleanup", "--yes")
    assert undone.code == 4
    assert "Why:   HE-ISCSI-SECRET" in undone.out
    assert len(secrets(program)) == 1
    assert BlockLayout(domain.uuid, home, FakeImages(), UtilLinux()).has(theirs_of(theirs, lun))


def theirs_of(disk: DiskSource, lun: Path) -> str:
    """Give the GUID of the partition that lies where `disk` does."""
    table = UtilLinux().table(ends_of(lambda regions: read(lun, regions), lun.stat().st_size))
    assert table is not None
    return next(one.uuid for one in table.partitions if one.start == disk.offset)


def read(lun: Path, regions: Sequence[tuple[int, int]]) -> list[bytes]:
    with lun.open("rb") as file:
        return [os.pread(file.fileno(), length, start) for start, length in regions]


def test_a_secret_of_somebody_elses_under_our_uuid_stays(program: Program) -> None:
    program.on_iscsi()
    assert program.restore().code == 0
    (kept,) = secrets(program)
    hypervisor = program.world.hypervisor
    hypervisor.define_secret(SecretInfo(kept.stem, "theirs", "another run"), Secret(CHAP))
    assert program("cleanup", "--yes").code == 0
    assert secrets(program) == [kept]


def test_a_lun_that_has_changed_since_it_was_chosen_is_refused(program: Program) -> None:
    lun = program.on_iscsi()
    chosen = FoundLun(pretended_wwid(lun), 1, 64 * GIB, 512, "ACME", "Virtual Disk", "0001", read_only=False)
    want = IscsiWanted((Portal("192.0.2.5", 3260),), ISCSI_TARGET, chosen, "host", Secret(CHAP))
    host = program.world.host("20261121000000-abcdef")
    Iscsi().check(want, host)
    os.truncate(lun, 32 * GIB)
    with pytest.raises(LunMissing, match="HE-ISCSI-LUN") as changed:
        Iscsi().check(want, host)
    assert changed.value.why == "it was there with 68719476736 bytes when it was chosen"


@pytest.mark.parametrize("disk", [25, 40])
def test_a_lun_without_room_for_a_copy_of_the_disk_is_warned_of(program: Program, disk: int) -> None:
    program.on_iscsi(OVEHOSTED_STORAGE__imgSizeGB=f"int:{disk}")
    done = program.restore("--precheck")
    assert ("HE-STORAGE-BACKUP" in done.out) is (2 * disk > 64), done.out


def test_a_user_that_no_agent_could_log_in_as_is_refused(program: Program) -> None:
    program.on_iscsi(OVEHOSTED_STORAGE__iSCSIPortalUser=f"str:{'x' * 51}")
    done = program.restore()
    assert (done.code, "51 characters are more than 50" in done.out) == (2, True), done.out


def test_a_portal_without_targets_is_told(program: Program) -> None:
    program.on_iscsi().unlink()
    done = program.restore()
    assert (done.code, "HE-ISCSI-TARGET" in done.out) == (3, True), done.out
    assert "any target at 192.0.2.5:3260" in done.out


def test_a_portal_that_lets_nobody_in_is_no_obstacle_while_another_does(program: Program) -> None:
    program.on_iscsi(OVEHOSTED_STORAGE__iSCSIPortalIPAddress="str:192.0.2.5,192.0.2.6")
    program.world.behaviour.silent_portals = ("192.0.2.5:3260",)
    program.world.save()
    done = program.restore()
    assert done.code == 0, done.out
    conf = (program.world.paths.etc / "hosted-engine.conf").read_text().splitlines()
    assert "storage=192.0.2.6,192.0.2.5" in conf
    assert "name='192.0.2.6'" in portrait(program.world)["domain HostedEngine"]


def test_when_every_portal_lets_nobody_in_the_first_is_told(program: Program) -> None:
    program.on_iscsi(OVEHOSTED_STORAGE__iSCSIPortalIPAddress="str:192.0.2.5,192.0.2.6")
    program.world.behaviour.silent_portals = ("192.0.2.5:3260", "192.0.2.6:3260")
    program.world.save()
    done = program.restore()
    assert (done.code, "HE-ISCSI-PORTAL" in done.out, "192.0.2.5:3260" in done.out) == (3, True, True), done.out


FIRST, SECOND = "192.0.2.5", "192.0.2.6"


def in_two_groups(program: Program, *, hidden: Sequence[int] = (), group: str = "") -> Path:
    """Answer with two portals, each in a group of its own; the groups that are `hidden` do not show the LUN."""
    lun = program.on_iscsi(
        OVEHOSTED_STORAGE__iSCSIPortalIPAddress=f"str:{FIRST},{SECOND}",
        OVEHOSTED_STORAGE__iSCSIPortal=f"str:{group}" if group else "",
    )
    behaviour = program.world.behaviour
    behaviour.initiator = True
    behaviour.portal_groups = {f"{SECOND}:3260": 2}
    behaviour.hidden_luns = dict.fromkeys(hidden, (1,))
    program.world.save()
    return lun


@pytest.mark.parametrize(
    ("hidden", "group", "portals"),
    [((), "", [FIRST, SECOND]), ((1,), "", [SECOND]), ((2,), "", [FIRST]), ((), "2", [SECOND])],
)
def test_the_groups_that_show_the_lun_are_logged_in_to(
    program: Program, hidden: tuple[int, ...], group: str, portals: list[str]
) -> None:
    in_two_groups(program, hidden=hidden, group=group)
    done = program.restore()
    assert done.code == 0, done.out
    assert [one.address for one in program.world.sessions.portals(ISCSI_TARGET)] == portals
    conf = (program.world.paths.etc / "hosted-engine.conf").read_text().splitlines()
    assert {f"storage={','.join(portals)}", f"portal={1 if FIRST in portals else 2}"} <= set(conf)


def test_a_group_that_nobody_answers_for_is_left_out(program: Program) -> None:
    in_two_groups(program)
    program.world.behaviour.silent_portals = (f"{SECOND}:3260",)
    program.world.save()
    assert program.restore().code == 0
    assert [one.address for one in program.world.sessions.portals(ISCSI_TARGET)] == [FIRST]


@pytest.mark.parametrize(
    ("group", "code", "place"), [("1", "HE-ISCSI-LUN", f"{ISCSI_TARGET} at {FIRST}"), ("7", "HE-ISCSI-TARGET", "7 at")]
)
def test_a_group_without_the_lun_or_without_portals_is_refused(
    program: Program, group: str, code: str, place: str
) -> None:
    in_two_groups(program, hidden=(1,), group=group)
    done = program.restore()
    assert (done.code, code in done.out, place in done.out) == (3, True, True), done.out
    assert "allow the initiator iqn.2026-01.org.example:host" in " ".join(done.out.split())
