"""Passwords that the hypervisor keeps: found by UUID, marked, and gone."""

from __future__ import annotations

from uuid import uuid4

import pytest

from hosted_setup.model.secret import Secret
from hosted_setup.ports.hypervisor import SecretInfo
from hosted_setup.ports.problems import HypervisorFault, NameTaken
from tests.contract.bench import RUN, Bench


def made(usage: str = "") -> SecretInfo:
    uuid = str(uuid4())
    return SecretInfo(uuid, usage or f"iqn.2026-01.org.example:{uuid} & <more>", RUN)


def test_a_life(bench: Bench) -> None:
    hypervisor, ours = bench.hypervisor, made()
    assert hypervisor.secret(ours.uuid) is None
    hypervisor.define_secret(ours, Secret("correct-horse"))
    hypervisor.define_secret(ours, Secret("battery-stäple"))
    assert hypervisor.secret(ours.uuid) == ours
    assert hypervisor.secret_value(ours.uuid) == Secret("battery-stäple")
    hypervisor.remove_secret(ours.uuid)
    hypervisor.remove_secret(ours.uuid)
    assert hypervisor.secret(ours.uuid) is None
    with pytest.raises(HypervisorFault, match="HE-LIBVIRT-FAULT"):
        hypervisor.secret_value(ours.uuid)


def test_a_usage_that_is_taken_stays_its_holders(bench: Bench) -> None:
    hypervisor, theirs = bench.hypervisor, made()
    hypervisor.define_secret(theirs, Secret("theirs"))
    with pytest.raises(NameTaken, match=theirs.uuid):
        hypervisor.define_secret(made(theirs.usage), Secret("ours"))
    assert hypervisor.secret_value(theirs.uuid) == Secret("theirs")
    hypervisor.remove_secret(theirs.uuid)
