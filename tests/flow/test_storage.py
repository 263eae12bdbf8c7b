"""Deploys onto each kind of storage in a pretended world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.trees import export_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.program import Program

EXPORT = "nas.example.com:/exports/engine"


def exported(program: Program) -> Path:
    """Have the export; the operator answers it."""
    folder = export_file(program.world.exports, "nas.example.com", "/exports/engine")
    folder.mkdir(parents=True)
    program.answer(OVEHOSTED_STORAGE__domainType="str:nfs", OVEHOSTED_STORAGE__storageDomainConnection=f"str:{EXPORT}")
    return folder


def test_nfs_from_the_answers_to_the_cleanup(program: Program) -> None:
    folder = exported(program)
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 0, done.out
    assert f"{EXPORT}  ({program.inputs.answers}:" in done.out
    found = portrait(program.world)
    assert "<source protocol='nfs' name='/exports/engine/" in found["domain HostedEngine"]
    assert "<host name='nas.example.com'/><identity user='+36' group='+36'/>" in found["domain HostedEngine"]
    assert '"type":"nfs"' in found["entity storagedomains hosted_storage"]
    assert '"local":false' in found["entity datacenters Default"]
    (domain,) = folder.iterdir()
    assert f"nfs://nas.example.com/exports/engine/{domain.name}" in done.out
    assert f"storage={EXPORT}\n" in (domain / "conf/hosted-engine.conf").read_text()
    assert "domainType=nfs\n" in (domain / "conf/hosted-engine.conf").read_text()
    done = program("cleanup", "--yes")
    assert done.code == 0, done.out
    assert changes(before, portrait(program.world)) == {}
    assert list(folder.iterdir()) == []


def test_nfs_that_is_not_there_is_refused_and_nothing_changed(program: Program) -> None:
    exported(program).rmdir()
    before = portrait(program.world)
    done = program.restore()
    assert done.code == 3, done.out
    assert "HE-NFS-EXPORT" in done.out
    assert "showmount --exports nas.example.com" in done.out
    assert changes(before, portrait(program.world)) == {}
