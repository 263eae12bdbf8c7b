"""The storage of a deployed engine is connected again after a reboot, and let go of: just what this host has done."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hosted_setup.ports.connections import IscsiSessions
from hosted_setup.ports.initiator import Portal
from hosted_setup.ports.iscsi_problems import LunMissing
from hosted_setup.ports.luns import HostLun
from hosted_setup.ports.mounts import FileSystem
from hosted_setup.storage.connecting import device_of
from hosted_setup.testing.luns import FakeLuns
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.state import Domain, load, save
from hosted_setup.testing.trees import export_file
from tests.flow.program import CHAP, ISCSI_TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.program import Done, Program

EXPORT = "nas.example.com:/exports/engine"
PORTAL = Portal("192.0.2.5", 3260, 1)


def told(done: Done) -> list[str]:
    assert done.code == 0, done.out
    return [line.removeprefix("[ INFO  ] ") for line in done.out.splitlines()]


def point_of(program: Program) -> Path:
    return program.world.paths.mounts / "nas.example.com:_exports_engine"


def shut_down(program: Program) -> None:
    """End the engine VM."""
    for path in program.world.hypervisor.domains.glob("*.json"):
        domain = load(path, Domain)
        assert domain is not None
        domain.live, domain.boot = "", -1
        save(path, domain)


def on_iscsi(program: Program, **answers: str) -> Path:
    """Answer with a LUN that the pretended kernel logs in to."""
    program.world.behaviour.initiator = True
    lun = program.on_iscsi(discovery=False, **answers)
    program.world.save()
    return lun


def test_a_mount_is_connected_again_after_a_reboot_and_let_go_of(program: Program) -> None:
    folder = program.on_mounted_nfs()
    before = portrait(program.world)
    assert program.restore().code == 0
    name = f"mount of {EXPORT} on {point_of(program)}"
    assert told(program("connect-storage")) == [f"Connected already: {name}"]
    program.world.reboot()
    assert program.world.mounts.mounted(point_of(program)) is None
    done = program("get-shared-config", "fqdn", "--type=he_shared")
    assert "HE-STORAGE-MOUNT" in done.out
    assert "hosted-engine connect-storage" in done.out
    assert told(program("connect-storage")) == [f"Connected: {name}"]
    assert program("get-shared-config", "fqdn", "--type=he_shared").code == 0
    assert told(program("connect-storage")) == [f"Connected already: {name}"]
    shut_down(program)
    assert told(program("disconnect-storage")) == [f"Disconnected: {name}"]
    assert program.world.mounts.mounted(point_of(program)) is None
    assert not program.world.paths.mounts.exists()
    assert told(program("disconnect-storage")) == [f"Nothing to disconnect: {name}"]
    assert program("connect-storage").code == 0
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}
    assert list(folder.iterdir()) == []


def test_a_mount_of_somebody_elses_stays(program: Program) -> None:
    program.on_mounted_nfs()
    assert program.restore().code == 0
    program.world.reboot()
    theirs = program.world.mounts.mount(FileSystem("nfs", EXPORT), point_of(program))
    assert program("connect-storage").code == 0
    shut_down(program)
    done = program("disconnect-storage")
    assert (done.code, "not by this run, and stays" in done.out) == (0, True), done.out
    assert program.world.mounts.mounted(point_of(program)) == theirs
    assert program("cleanup", "--yes").code == 0
    assert program.world.mounts.mounted(point_of(program)) == theirs


def test_the_storage_is_let_go_of_neither_while_the_engine_runs_nor_while_it_is_used(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.on_mounted_nfs()
    assert program.restore().code == 0
    done = program("disconnect-storage")
    assert (done.code, "HE-STORAGE-USED" in done.out) == (3, True), done.out
    assert re.search(r"virsh -c \S+ shutdown HostedEngine", done.out)
    shut_down(program)

    def busy(_point: Path) -> None:
        raise OSError(16, "target is busy")

    monkeypatch.setattr(program.world.mounts, "unmount", busy)
    done = program("disconnect-storage")
    assert (done.code, "HE-STORAGE-DISCONNECT" in done.out, "target is busy" in done.out) == (1, True, True), done.out


def test_a_server_that_refuses_is_told(program: Program) -> None:
    program.on_mounted_nfs()
    assert program.restore().code == 0
    program.world.reboot()
    folder = export_file(program.world.exports, "nas.example.com", "/exports/engine")
    folder.rename(folder.with_name("elsewhere"))
    done = program("connect-storage")
    assert (done.code, "HE-STORAGE-CONNECT" in done.out, "access denied by server" in done.out) == (1, True, True)
    folder.with_name("elsewhere").rename(folder)
    assert program("connect-storage").code == 0


def test_an_unfinished_run_is_connected_for_its_end(program: Program) -> None:
    program.on_mounted_nfs()
    before = portrait(program.world)
    program.world.behaviour.guest.boot = ("!off",)
    program.world.save()
    assert program.restore().code == 4
    program.world.reboot()
    done = program("deploy", "--abort")
    assert done.code == 4
    assert "hosted-engine connect-storage" in done.out
    assert "HE-STORAGE-NEEDED" in done.out
    assert program("connect-storage").code == 0
    done = program("deploy", "--abort")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}


def test_storage_of_this_host_needs_no_connection(program: Program) -> None:
    done = program("connect-storage")
    assert (done.code, "You must run deploy first" in done.out) == (1, True)
    assert program.restore().code == 0
    for command in ("connect-storage", "disconnect-storage"):
        shut_down(program)
        (line,) = told(program(command))
        assert line == "The engine's storage is part of this host: there is nothing to connect."
    assert not (program.world.paths.root / "etc/systemd").exists()


def test_systemd_connects_it_at_each_boot_until_it_is_cleaned_up(program: Program) -> None:
    program.on_mounted_nfs()
    assert program.restore().code == 0
    folder = program.world.paths.root / "etc/systemd/system"
    path = folder / "hosted-engine-storage.service"
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    unit = path.read_text()
    assert f'"connect-storage" "--root={program.world.paths.root}"' in unit
    assert "Before=libvirt-guests.service" in unit
    wanted = folder / "multi-user.target.d/hosted-engine-storage.conf"
    assert wanted.read_text() == "[Unit]\nWants=hosted-engine-storage.service\n"
    assert program("cleanup", "--yes").code == 0
    assert not folder.parent.exists()


def test_without_systemd_there_is_no_unit(program: Program) -> None:
    program.on_mounted_nfs()
    program.world.behaviour.processes = ("libvirtd",)
    program.world.save()
    assert program.restore().code == 0
    assert not (program.world.paths.root / "etc/systemd").exists()


def test_the_kernel_logs_in_to_a_target_and_out_again(program: Program) -> None:
    on_iscsi(program)
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 0, done.out
    sessions = program.world.sessions
    assert sessions.table.sessions == sessions.table.records == [(PORTAL, ISCSI_TARGET)]
    found = portrait(program.world)["domain HostedEngine"]
    assert ("<source dev=" in found, "cache='none'" in found) == (True, True)
    assert CHAP not in "".join(path.read_text() for path in program.world.paths.root.rglob("*") if path.is_file())
    name = f"sessions with {ISCSI_TARGET} at 192.0.2.5:3260"
    program.world.reboot()
    assert "HE-STORAGE-MOUNT" in program("get-shared-config", "fqdn", "--type=he_shared").out
    assert told(program("connect-storage")) == [f"Connected: {name}"]
    assert told(program("connect-storage")) == [f"Connected already: {name}"]
    assert program("get-shared-config", "fqdn", "--type=he_shared").code == 0
    shut_down(program)
    assert told(program("disconnect-storage")) == [f"Disconnected: {name}"]
    assert sessions.table.sessions == sessions.table.records == []
    assert program("connect-storage").code == 0
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert sessions.table.sessions == sessions.table.records == []
    assert not any((program.world.root / "libvirt/secrets").glob("*"))
    assert changes(before, portrait(program.world)) == {}


def test_a_session_and_a_record_of_somebody_elses_stay(program: Program) -> None:
    on_iscsi(program)
    sessions = program.world.sessions
    program.world.behaviour.chap = {}
    program.world.save()
    sessions.login(PORTAL, ISCSI_TARGET, None, anew=True)
    theirs = sessions.table
    assert program.restore().code == 0
    done = program("cleanup", "--yes")
    assert (done.code, "was begun by others, and stays" in done.out) == (0, True), done.out
    assert sessions.table == theirs


def test_a_portal_that_is_down_is_left_out_while_another_answers(program: Program) -> None:
    on_iscsi(program, OVEHOSTED_STORAGE__iSCSIPortalIPAddress="str:192.0.2.5,192.0.2.6")
    program.world.behaviour.refused_portals = ("192.0.2.5:3260",)
    program.world.save()
    done = program.restore()
    assert done.code == 0, done.out
    sessions = program.world.sessions
    assert [portal.address for portal in sessions.portals(ISCSI_TARGET)] == ["192.0.2.6"]
    assert "left out: " in done.out
    program.world.behaviour.refused_portals = ()
    program.world.save()
    assert program("connect-storage").code == 0
    assert len(sessions.portals(ISCSI_TARGET)) == 2
    assert program("cleanup", "--yes").code == 0
    assert sessions.table.sessions == sessions.table.records == []


def test_when_no_portal_lets_us_in_the_deploy_ends_and_nothing_is_left(program: Program) -> None:
    on_iscsi(program)
    program.world.behaviour.refused_portals = ("192.0.2.5:3260",)
    program.world.save()
    before = portrait(program.world)
    done = program.restore("--on-failure=abort")
    assert (done.code, "HE-ISCSI-PORTAL" in done.out) == (1, True), done.out
    assert changes(before, portrait(program.world)) == {}
    assert program.world.sessions.table.records == []


def test_a_kernel_that_cannot_log_in_is_told(program: Program) -> None:
    program.on_iscsi(HOSTED_ENGINE__storageAccess="str:kernel")
    done = program.restore()
    assert (done.code, "HE-ISCSI-WAY" in done.out, "modinfo iscsi_tcp" in done.out) == (3, True, True), done.out


def test_a_lun_that_does_not_appear_is_told(program: Program) -> None:
    on_iscsi(program)
    host = program.world.host("20260102030405-abcdef")
    with pytest.raises(LunMissing, match="HE-ISCSI-LUN") as missing:
        device_of(IscsiSessions(ISCSI_TARGET, (PORTAL,), "3600"), host)
    assert missing.value.why == "this host is logged in, and does not see it"


def test_multipath_is_given_the_time_to_take_a_lun(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program.world.behaviour.processes = ("multipathd",)
    host = program.world.host("20260102030405-abcdef")
    single = HostLun("/dev/disk/by-id/wwn-0x600", 1, 512, "", "", "", "3600", False, 1, 1)  # noqa: FBT003
    looks = [(replace(single, path="/dev/sda"),), (single,), (single,)]
    both = replace(single, path="/dev/disk/by-id/dm-uuid-mpath-3600", paths=2)
    monkeypatch.setattr(FakeLuns, "listed", lambda _self: looks.pop(0) if looks else (both,))
    assert device_of(IscsiSessions(ISCSI_TARGET, (PORTAL,), "3600"), host) == both
    monkeypatch.setattr(FakeLuns, "listed", lambda _self: (single,))
    assert device_of(IscsiSessions(ISCSI_TARGET, (PORTAL,), "3600"), host) == single
