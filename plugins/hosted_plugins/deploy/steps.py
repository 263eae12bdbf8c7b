"""The order in which a deploy asks: storage first, since it is what is wrong most often and found latest elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hosted_plugins.additional_host import EngineDomain, HostIdAnswers, JoinedEngine, JoinInterviewed, NewEngine
from hosted_plugins.checks import NetworkTestAnswers, TcpTestAnswers
from hosted_plugins.deploy import Interviewed
from hosted_plugins.deploy.ignoring import IgnoreAnswers
from hosted_plugins.engine import DataCenterAnswers, EngineAnswers, LoginAnswers, RestoreAnswers
from hosted_plugins.guest_network import AddressAnswers, ResolverAnswers
from hosted_plugins.hardening import FipsAnswers, OpenScapAnswers, ProfileAnswers
from hosted_plugins.network import HostAnswers, NetworkAnswers, NetworkChoice
from hosted_plugins.notifications import NotificationAnswers
from hosted_plugins.pauses import PauseAnswers
from hosted_plugins.storage import Storage
from hosted_plugins.virt import VirtAnswers
from hosted_plugins.vm import VmAnswers
from hosted_setup.hooks import hookimpl
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step


@step(Stage.CUSTOMIZATION, "All questions are answered")
def interview(  # noqa: PLR0913 - every section
    storage: Storage,
    new: NewEngine,
    choice: NetworkChoice,
    network: NetworkAnswers,
    mine: HostAnswers,
    test: NetworkTestAnswers,
    tcp: TcpTestAnswers,
    vm: VmAnswers,
    address: AddressAnswers,
    resolver: ResolverAnswers,
    scap: OpenScapAnswers,
    profile: ProfileAnswers,
    fips: FipsAnswers,
    virt: VirtAnswers,
    center: DataCenterAnswers,
    engine: EngineAnswers,
    restoring: RestoreAnswers,
    people: LoginAnswers,
    pauses: PauseAnswers,
    notifications: NotificationAnswers,
    ignoring: IgnoreAnswers,
) -> Interviewed:
    """Name the sections in the order in which they are asked; the parameters are the order."""
    return Interviewed()


@step(Stage.CUSTOMIZATION, "All questions of an additional host are answered")
def interview_joining(
    engine: EngineDomain, number: HostIdAnswers, joined: JoinedEngine, ignoring: IgnoreAnswers
) -> JoinInterviewed:
    """Name the sections in the order in which they are asked."""
    return JoinInterviewed()


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (interview, interview_joining)
