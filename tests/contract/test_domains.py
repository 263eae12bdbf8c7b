"""Domains: define, start, stop and forget."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from hosted_setup.adapters.libvirt_hypervisor import LibvirtHypervisor
from hosted_setup.ports.hypervisor import DomainState
from hosted_setup.ports.problems import HypervisorDown, HypervisorFault, NameTaken
from hosted_setup.testing.behaviour import Behaviour
from hosted_setup.testing.world import World
from tests.contract.bench import RUN, Bench

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.hypervisor import Hypervisor

HANDED = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}' fdgroup='given'/>"
    "<target dev='vdb' bus='virtio'/><readonly/></disk>"
)


def test_facts(bench: Bench) -> None:
    facts = bench.hypervisor.facts()
    assert facts.version >= 9_000_000
    assert facts.emulator.startswith("/")
    assert facts.passes_files
    assert facts.uid >= 0


def test_a_connection_that_was_let_go_of_is_opened_anew(bench: Bench) -> None:
    before = bench.hypervisor.facts()
    bench.hypervisor.close()
    bench.hypervisor.close()
    assert bench.hypervisor.facts() == before


def test_nothing_is_found_and_removing_it_is_no_error(bench: Bench) -> None:
    hypervisor, nobody = bench.hypervisor, str(uuid4())
    assert hypervisor.domain(nobody) is None
    assert hypervisor.domain_named("nobody") is None
    hypervisor.destroy(nobody)
    hypervisor.undefine(nobody)
    with pytest.raises(HypervisorFault, match=nobody) as caught:
        hypervisor.start(nobody, {})
    assert "no domain with matching uuid" in caught.value.why


def test_a_life(bench: Bench) -> None:
    hypervisor, made = bench.hypervisor, bench.domain()
    hypervisor.define(made.xml)
    defined = hypervisor.domain(made.uuid)
    assert defined is not None
    assert (defined.name, defined.state, defined.boot, defined.mark) == (made.name, DomainState.OFF, -1, RUN)
    assert hypervisor.domain_named(made.name) == defined
    hypervisor.define(made.xml)
    hypervisor.start(made.uuid, {})
    running = hypervisor.domain(made.uuid)
    assert running is not None
    assert running.state is DomainState.RUNNING
    assert running.boot > 0
    hypervisor.go_on(made.uuid)
    assert hypervisor.domain(made.uuid) == running
    with pytest.raises(HypervisorFault, match=made.uuid) as caught:
        hypervisor.start(made.uuid, {})
    assert "already running" in caught.value.why
    hypervisor.destroy(made.uuid)
    hypervisor.destroy(made.uuid)
    assert hypervisor.domain(made.uuid) == defined
    hypervisor.start(made.uuid, {})
    again = hypervisor.domain(made.uuid)
    assert again is not None
    assert again.boot > running.boot
    hypervisor.undefine(made.uuid)
    hypervisor.undefine(made.uuid)
    left = hypervisor.domain(made.uuid)
    assert left is not None
    assert left.state is DomainState.RUNNING
    hypervisor.destroy(made.uuid)
    assert hypervisor.domain(made.uuid) is None


def test_a_name_that_is_taken_stays_its_holders(bench: Bench) -> None:
    hypervisor, theirs = bench.hypervisor, bench.domain(mark="")
    hypervisor.define(theirs.xml)
    ours = bench.domain(name=theirs.name)
    with pytest.raises(NameTaken, match=theirs.uuid):
        hypervisor.define(ours.xml)
    assert hypervisor.domain(ours.uuid) is None
    found = hypervisor.domain_named(theirs.name)
    assert found is not None
    assert (found.uuid, found.mark) == (theirs.uuid, "")
    hypervisor.undefine(ours.uuid)
    assert hypervisor.domain_named(theirs.name) == found


def test_a_file_is_handed_over_and_stays_as_it_was(bench: Bench) -> None:
    private = bench.folder / "private"
    private.mkdir(mode=0o700)
    path = private / "backup"
    path.write_bytes(b"backup" * 1000)
    path.chmod(0o600)
    before = path.stat()
    made = bench.domain(HANDED.format(path=path))
    bench.hypervisor.define(made.xml)
    bench.hypervisor.start(made.uuid, {"given": path})
    assert bench.hypervisor.disks(made.uuid) == ("vdb",)
    bench.hypervisor.destroy(made.uuid)
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_a_file_that_was_not_handed_over(bench: Bench) -> None:
    made = bench.domain(HANDED.format(path="/nonexistent/backup"))
    bench.hypervisor.define(made.xml)
    with pytest.raises(HypervisorFault) as caught:
        bench.hypervisor.start(made.uuid, {})
    assert "file descriptor group 'given' was not associated with the domain" in caught.value.why


def test_a_file_that_is_missing(bench: Bench) -> None:
    path = bench.folder / "nowhere"
    made = bench.domain(HANDED.format(path=path))
    bench.hypervisor.define(made.xml)
    with pytest.raises(HypervisorFault, match="nowhere") as caught:
        bench.hypervisor.start(made.uuid, {"given": path})
    assert caught.value.why == "No such file or directory"
    found = bench.hypervisor.domain(made.uuid)
    assert found is not None
    assert found.state is DomainState.OFF


def test_a_network_that_is_missing(bench: Bench) -> None:
    made = bench.domain("<interface type='network'><source network='nonet'/></interface>")
    bench.hypervisor.define(made.xml)
    with pytest.raises(HypervisorFault) as caught:
        bench.hypervisor.start(made.uuid, {})
    assert "network 'nonet'" in caught.value.why or "name 'nonet'" in caught.value.why


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_a_hypervisor_that_is_down(kind: str, tmp_path: Path) -> None:
    hypervisor: Hypervisor = LibvirtHypervisor(f"qemu+unix:///system?socket={tmp_path}/none")
    if kind == "fake":
        hypervisor = World.make(tmp_path / "world", Behaviour(libvirt_down=True)).hypervisor
    for ask in (hypervisor.facts, lambda: hypervisor.domain_named("x"), lambda: hypervisor.network_named("x")):
        with pytest.raises(HypervisorDown) as caught:
            ask()
        assert "Failed to connect socket" in caught.value.why
        assert caught.value.command
