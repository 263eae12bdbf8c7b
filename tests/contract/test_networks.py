"""Networks: made, running, and gone."""

from __future__ import annotations

from uuid import uuid4

import pytest

from hosted_setup.ports.problems import NameTaken
from tests.contract.bench import RUN, Bench


def test_a_life(bench: Bench) -> None:
    hypervisor, made = bench.hypervisor, bench.network(1)
    assert hypervisor.network(made.uuid) is None
    assert hypervisor.network_named(made.name) is None
    hypervisor.define_network(made.xml)
    hypervisor.define_network(made.xml)
    found = hypervisor.network(made.uuid)
    assert found is not None
    assert (found.name, found.active, found.mark) == (made.name, True, RUN)
    assert hypervisor.network_named(made.name) == found
    hypervisor.remove_network(made.uuid)
    hypervisor.remove_network(made.uuid)
    hypervisor.remove_network(str(uuid4()))
    assert hypervisor.network(made.uuid) is None


def test_a_name_that_is_taken_stays_its_holders(bench: Bench) -> None:
    hypervisor, theirs = bench.hypervisor, bench.network(2, mark="")
    hypervisor.define_network(theirs.xml)
    ours = bench.network(3, name=theirs.name)
    with pytest.raises(NameTaken, match=theirs.uuid):
        hypervisor.define_network(ours.xml)
    hypervisor.remove_network(ours.uuid)
    found = hypervisor.network_named(theirs.name)
    assert found is not None
    assert (found.uuid, found.active, found.mark) == (theirs.uuid, True, "")


def test_a_domain_uses_it(bench: Bench) -> None:
    network = bench.network(4)
    bench.hypervisor.define_network(network.xml)
    nic = f"<interface type='network'><source network='{network.name}'/><rom enabled='no'/></interface>"
    made = bench.domain(nic)
    bench.hypervisor.define(made.xml)
    bench.hypervisor.start(made.uuid, {})
    bench.hypervisor.destroy(made.uuid)
