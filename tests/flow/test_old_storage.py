"""A restore onto storage that the old engine has a storage domain on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flow.test_storage import EXPORT, exported
from tests.unit.domain.dumps import NAS, changed, dump

if TYPE_CHECKING:
    from tests.flow.program import Program


def test_a_restore_onto_the_old_engine_s_storage_is_warned_of(program: Program) -> None:
    exported(program)
    program.inputs.back_up(db__engine_backup=dump())
    assert "HE-STORAGE-OLD" not in program.deploy("--precheck").out, "nothing is restored"
    done = program.restore()
    assert (done.code, "HE-STORAGE-OLD" in done.out) == (0, True), done.out
    assert f"the backup has the storage domain 'hosted_storage' at {EXPORT}" in done.out


def test_a_restore_onto_other_storage_than_the_old_engine_s_is_not_warned_of(program: Program) -> None:
    exported(program)
    others = [(NAS, "nas.example.com:/exports/engine2", r"\N")]
    program.inputs.back_up(db__engine_backup=dump(changed(storage_server_connections=others)))
    done = program.restore("--precheck")
    assert (done.code, "HE-STORAGE-OLD" in done.out) == (0, False), done.out
