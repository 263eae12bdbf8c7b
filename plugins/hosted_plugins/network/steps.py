"""Creates the NAT network with a fixed lease for the engine VM, or the management bridge."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hosted_plugins.network import EngineNetwork, HostRoutes, NetworkAnswers, NetworkChoice, bridged
from hosted_plugins.network.bridge import bridge_possible, bridge_there, make_bridge
from hosted_plugins.vm import VmAnswers
from hosted_setup.domain.templates import render_xml
from hosted_setup.hooks import hookimpl
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem, Problems
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import check, step
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.machine import MachineFacts
from hosted_setup.ports.problems import NameTaken


class SubnetTaken(Problem):
    """The host already is in, or routes to, that network."""

    code = "HE-SUBNET-TAKEN"
    title = "The subnet is in use on this host"


@step(Stage.SETUP, "Look at the networks of this host")
def look_at_routes(machine: MachineFacts, host: Host) -> HostRoutes:
    """Read the routes."""
    return HostRoutes(host.machine.routes())


@check("Network")
def network_free(choice: NetworkChoice, answers: NetworkAnswers, routes: HostRoutes, host: Host) -> None:
    """Refuse a name or a subnet that is somebody else's, and a NIC or gateway that will not do."""
    if bridged(choice):
        problems = [*bridge_possible(choice, answers, host)]
    else:
        problems = [*_name_taken(answers, host), *_subnet_taken(answers, routes)]
    if problems:
        raise Problems(problems) if len(problems) > 1 else problems[0]


def _name_taken(answers: NetworkAnswers, host: Host) -> Iterator[Problem]:
    found = host.hypervisor.network_named(str(answers.name))
    if found is not None:
        detail = _("libvirt has a network called {name} (UUID {uuid})", name=answers.name, uuid=found.uuid)
        yield NameTaken(
            detail,
            why=_("it was not made by this run"),
            hint=_("Answer another HOSTED_ENGINE/networkName, or look at that one:"),
            command=f"virsh -c {shlex.quote(host.hypervisor.uri)} net-info {answers.name}",
        )


def _subnet_taken(answers: NetworkAnswers, routes: HostRoutes) -> Iterator[Problem]:
    other = routes.overlaps(str(answers.subnet))
    if other is not None:
        yield SubnetTaken(
            _("{subnet} overlaps {other}", subnet=answers.subnet, other=other),
            why=_("this host is in {other} or routes to it, and would lose it to the engine VM's network", other=other),
            hint=_("Answer another HOSTED_ENGINE/natSubnet; see:"),
            command="ip route",
        )


@dataclass(frozen=True)
class RemoveNetwork(Undo, name="network.remove"):
    """Removes the NAT network that this run made."""

    uuid: str

    def apply(self, host: Host) -> None:
        """Remove it if it carries this run's mark."""
        found = host.hypervisor.network(self.uuid)
        if found is not None and found.mark == host.run_id:
            host.hypervisor.remove_network(self.uuid)

    def describe(self) -> str:
        """Name the network."""
        return _("network {uuid}", uuid=self.uuid)


def _there(network: EngineNetwork, host: Host) -> bool:
    if network.bridge:
        return bridge_there(network, host)
    found = host.hypervisor.network(network.uuid)
    return found is not None and found.active


@step(Stage.TRANSACTION, "Create the network", holds=_there)
def create_network(
    choice: NetworkChoice, answers: NetworkAnswers, vm: VmAnswers, host: Host, undo: UndoLog
) -> EngineNetwork:
    """Define and start the network; in bridge mode, make the bridge."""
    if bridged(choice):
        return make_bridge(choice, answers, host, undo)
    made = EngineNetwork(str(uuid.uuid4()), str(answers.name), answers.subnet.host(1), answers.subnet.host(2))
    undo.before(RemoveNetwork(made.uuid))
    xml = render_xml(
        "network.xml.j2",
        name=made.name,
        uuid=made.uuid,
        run_id=host.run_id,
        gateway=made.gateway,
        address=made.address,
        mac=str(vm.mac),
        fqdn=str(vm.fqdn),
    )
    host.hypervisor.define_network(xml)
    return made


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps and checks."""
    return (look_at_routes, network_free, create_network)
