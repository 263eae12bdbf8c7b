"""The same tests on the fake and on the real adapter; the real one works in the laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.libvirt_hypervisor import LibvirtHypervisor
from hosted_setup.testing.world import World
from tests.contract.bench import Bench
from tests.lab.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Give a hypervisor, the pretended one and libvirt in turn; what a test left running is removed."""
    if request.param == "fake":
        yield Bench("fake", World.make(tmp_path / "world").hypervisor, tmp_path)
        return
    lab: Laboratory = request.getfixturevalue("lab")
    hypervisor = LibvirtHypervisor(lab.uri)
    with lab.network():
        yield Bench("real", hypervisor, lab.folder("contract"))
    for domain in hypervisor.connection().listAllDomains():
        hypervisor.undefine(domain.UUIDString())
        hypervisor.destroy(domain.UUIDString())
    for network in hypervisor.connection().listAllNetworks():
        hypervisor.remove_network(network.UUIDString())
    hypervisor.close()
