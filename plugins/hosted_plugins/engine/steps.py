"""Waits for the engine's health, logs in once, registers what was deployed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hosted_plugins.bootstrap import EngineReady, Greeted
from hosted_plugins.engine import DataCenterAnswers, EngineAnswers, Healthy, LoginAnswers, Registered
from hosted_plugins.network import EngineNetwork, HostAnswers
from hosted_plugins.storage import Storage, StorageBackends, StorageChoice
from hosted_plugins.vm import EngineVm, VmAnswers
from hosted_setup.hooks import hookimpl
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.engine import EngineAddress, Session
from hosted_setup.ports.host import Host
from hosted_setup.ports.machine import MachineFacts
from hosted_setup.ports.problems import BUNDLE, EngineUnreachable
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.storage.watch import StorageWatch

HEALTHY: Final = "DB Up!Welcome to Health Status!"
HEALTH_DEADLINE: Final = 600.0


class EngineUnhealthy(Problem):
    """The engine never reported good health."""

    code = "HE-HEALTH"
    title = "The engine does not become healthy"
    exit_code = ExitCode.FAILED


@step(Stage.TRANSACTION, "Wait for the engine")
def wait_for_health(  # noqa: PLR0913 - whom to ask, and what it lives on
    vm: VmAnswers, network: EngineNetwork, running: EngineVm, greeted: Greeted, ready: EngineReady, host: Host
) -> Healthy:
    """Ask for the health page until it is good; a wrong certificate ends the wait at once."""
    engine = EngineAddress(str(vm.fqdn), network.address or greeted.address, ready.ca_pem)
    storage = StorageWatch(host, running.storage, running.uuid)
    last = _("no answer yet")

    def healthy() -> bool | None:
        nonlocal last
        try:
            last = host.engines.health(engine).strip()
        except EngineUnreachable as problem:
            last = problem.why or problem.detail
        if HEALTHY in last:
            return True
        storage.go_on()
        return None

    try:
        wait_until(host, healthy, within=HEALTH_DEADLINE, every=1.0, what=_("the engine to report good health"))
    except DeadlineExceeded as error:
        url = f"https://{vm.fqdn}/ovirt-engine/services/health"
        raise EngineUnhealthy(
            url, why=last[:200], hint=_("The engine's logs are in the bundle:"), command=BUNDLE
        ) from error
    host.reporter.emit(Info(_("Engine replied: {healthy}", healthy=HEALTHY)))
    return Healthy(engine.fqdn, engine.address, engine.ca_pem)


@step(Stage.TRANSACTION, "Register this deployment in the engine")
def register(  # noqa: PLR0913 - all that is registered
    healthy: Healthy,
    wanted: DataCenterAnswers,
    answers: EngineAnswers,
    people: LoginAnswers,
    choice: StorageChoice,
    storage: Storage,
    backends: StorageBackends,
    domain: StorageDomain,
    network: EngineNetwork,
    mine: HostAnswers,
    machine: MachineFacts,
    host: Host,
) -> Registered:
    """Log in once; add data center, cluster, host and storage domain unless they are there. Safe to do again."""
    engine = EngineAddress(healthy.fqdn, healthy.address, healthy.ca_pem)
    backend = backends.by_kind[storage.kind]
    session = host.engines.login(engine, people.admin, answers.admin_password)
    try:
        center = _ensure(session, "datacenters", {"name": str(wanted.name), "local": not backend.shared})
        cluster = _ensure(session, "clusters", {"name": str(answers.cluster), "data_center": {"id": center}})
        added = _ensure(
            session,
            "hosts",
            {
                "name": str(answers.host_name),
                "address": str(mine.address or network.gateway),
                "cluster": {"id": cluster},
                "hardware_information": {"uuid": machine.uuid},
            },
        )
        stored = _ensure(session, "storagedomains", {
            "id": domain.uuid, "name": str(choice.name), "type": "data", "host": {"id": added},
            "storage": {"type": storage.kind, **backend.entity(storage.answers)},
        })  # fmt: skip
        if session.find(f"datacenters/{center}/storagedomains", str(choice.name)) is None:
            session.add(f"datacenters/{center}/storagedomains", {"id": stored})
        version = session.product_version()
    finally:
        session.close()
    host.reporter.emit(
        Info(
            _("Host, cluster, data center and storage domain are registered in the engine ({version})", version=version)
        )
    )
    return Registered(version, center, cluster, added, stored)


def _ensure(session: Session, collection: str, fields: dict[str, object]) -> str:
    found = session.find(collection, str(fields["name"]))
    return (found or session.add(collection, fields)).id


@hookimpl
def hosted_setup_steps() -> Sequence[Callable[..., Any]]:
    """Register the steps."""
    return (wait_for_health, register)
