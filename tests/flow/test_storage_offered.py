"""What the interview offers of the storage there is: exports, volumes, LUNs; what is refused is shown, not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.ports.gluster import GlusterVolume
from tests.flow.test_discovery import GIB, UUID, lun, with_a_domain
from tests.flow.test_interrupt import Operator

if TYPE_CHECKING:
    from tests.flow.program import Done, Program


def listed(done: Done, prompt: str) -> str:
    """Give what stands on the screen before the question: its pick list."""
    return done.out.partition(prompt)[0].rpartition("Storage server")[2]


def test_the_wizard_lists_the_exports_of_the_server_that_is_named(program: Program) -> None:
    program.on_mounted_nfs(OVEHOSTED_STORAGE__storageDomainConnection="")
    replies = ["nas.example.org", "nas.example.com", "1", *[""] * 20]
    program.stdin = Operator(replies, None)
    done = program.deploy("--dialect=plain")
    assert "HE-NFS-UNREACHABLE" in done.out
    assert "nas.example.com:/exports/engine" in listed(done, "Shared storage path")
    assert "192.0.2.0/24" in listed(done, "Shared storage path")
    assert done.code == 0, done.out
    (kept,) = (program.world.paths.state / "answers").glob("*.conf")
    assert "HOSTED_ENGINE/storageServer=str:nas.example.com\n" in kept.read_text()
    assert "storageDomainConnection=str:nas.example.com:/exports/engine\n" in kept.read_text()


def test_who_knows_the_path_types_it(program: Program) -> None:
    program.on_mounted_nfs(OVEHOSTED_STORAGE__storageDomainConnection="")
    program.stdin = Operator(["", "nas.example.com:/exports/engine", *[""] * 20], None)
    done = program.deploy("--dialect=plain")
    assert done.code == 0, done.out


def test_an_answered_path_leaves_nothing_to_ask_of_a_server(program: Program) -> None:
    program.on_mounted_nfs()
    done = program.deploy()
    assert (done.code, "Storage server" in done.out) == (0, False), done.out


def test_the_wizard_lists_volumes_and_takes_none_that_will_not_do(program: Program) -> None:
    program.on_gluster(OVEHOSTED_STORAGE__storageDomainConnection="")
    program.world.gluster.add(GlusterVolume("two", UUID, started=True, replica=2))
    program.stdin = Operator(["gluster1.example.com", "2", "1", *[""] * 20], None)
    done = program.deploy("--dialect=plain")
    assert done.code == 0, done.out
    pick = listed(done, "GlusterFS volume (server")
    assert "gluster1.example.com:/engine" in pick
    assert "3 copies" in pick
    assert "The GlusterFS volume has the wrong number of copies" in pick
    errors = [line for line in done.out.splitlines() if "[ ERROR ]" in line]
    assert len(errors) == 1
    assert "wrong number of copies: gluster1.example.com:/two" in errors[0]


def test_the_wizard_shows_used_luns_and_takes_none(program: Program) -> None:
    path = program.on_fc()
    with_a_domain(path)
    lun(path.with_name("36001405bb"), 64 * GIB)
    program.answer(OVEHOSTED_STORAGE__domainType="str:fc", OVEHOSTED_STORAGE__storageDomainConnection="")
    program.stdin = Operator(["1", "2", *[""] * 20], None)
    done = program.deploy("--dialect=plain")
    assert done.code == 0, done.out
    (error,) = [line for line in done.out.splitlines() if "[ ERROR ]" in line]
    assert "36001405aa" in error
    assert "the storage domain" in done.out.partition("[ ERROR ]")[0]
