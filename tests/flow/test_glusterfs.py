"""Deploys onto GlusterFS in a pretended world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.testing.portrait import changes, portrait
from tests.flow.program import GLUSTER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.program import Program


def test_glusterfs_from_the_answers_to_the_cleanup(program: Program) -> None:
    folder = program.on_gluster(OVEHOSTED_STORAGE__mntOptions="str:log-level=WARNING")
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 0, done.out
    assert "storage=gluster1.example.com:/engine\n" in conf(folder)
    assert "mnt_options=log-level=WARNING\n" in conf(folder)
    found = portrait(program.world)
    assert "rhev/data-center/mnt/glusterSD/gluster1.example.com:_engine" in found["domain HostedEngine"]
    assert '"vfs_type":"glusterfs"' in found["entity storagedomains hosted_storage"]
    assert program("cleanup", "--yes").code == 0
    assert changes(before, portrait(program.world)) == {}
    assert list(folder.iterdir()) == []


def test_the_options_of_a_volume_are_set_when_agreed_and_reset_by_the_cleanup(program: Program) -> None:
    program.on_gluster(tuned={"network.ping-timeout": "42", "storage.owner-uid": ""})
    had = program.world.host("none").gluster.volumes("")[0].options
    gluster = program.world.host("none").gluster
    before = gluster.volumes("")
    done = program.restore()
    assert done.code == 3, done.out
    assert "HE-GLUSTER-OPTIONS" in done.out
    assert "volume set engine network.ping-timeout 30 storage.owner-uid 36" in done.out
    assert gluster.volumes("") == before
    program.answer(**GLUSTER, HOSTED_ENGINE__setGlusterOptions="bool:True")
    done = program.restore()
    assert done.code == 0, done.out
    assert "sets options of the GlusterFS volume engine: network.ping-timeout=30, storage.owner-uid=36" in done.out
    now = gluster.volumes("")[0].options
    assert now == {**had, "network.ping-timeout": "30", "storage.owner-uid": "36"}
    gluster.set_options("engine", {"network.ping-timeout": "50"})  # somebody else, since then
    assert program("cleanup", "--yes").code == 0
    assert gluster.volumes("")[0].options == {**had, "network.ping-timeout": "50"}


def conf(folder: Path) -> str:
    (domain,) = folder.iterdir()
    return (domain / "conf/hosted-engine.conf").read_text()
