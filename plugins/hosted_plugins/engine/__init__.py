"""The engine: its health, its login, and what is registered in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hosted_setup.model.answer import Suggestion
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import Name, VmName, usable_password
from hosted_setup.ports.machine import MachineFacts

ADMIN: Final = "admin@internal"


def _host_name(machine: MachineFacts) -> Suggestion[VmName]:
    return Suggestion(VmName.parse(machine.hostname))


def _admin_password(value: Secret) -> None:
    usable_password(value)
    if value.reveal().strip() != value.reveal():
        message = "it must not begin or end in a blank: engine-setup would drop the blank"
        raise ValueError(message)


def _timeout(value: int) -> None:
    if not 60 <= value <= 86400:  # noqa: PLR2004 - a minute to a day
        message = f"{value} s is not between 60 and 86400"
        raise ValueError(message)


@section("Engine")
class EngineAnswers:
    """The engine's administrator, and what this host is called in it."""

    admin_password: Secret = ask(f"Password of {ADMIN}", key="OVEHOSTED_ENGINE/adminPassword", check=_admin_password)
    data_center: Name = ask("Data center", key="OVEHOSTED_ENGINE/datacenterName", default=Name("Default"))
    cluster: Name = ask("Cluster", key="OVEHOSTED_ENGINE/clusterName", default=Name("Default"))
    host_name: VmName = ask("Name of this host in the engine", key="OVEHOSTED_ENGINE/appHostName", suggest=_host_name)
    setup_timeout: int = ask(
        "Seconds engine-setup may take",
        key="OVEHOSTED_ENGINE/engineSetupTimeout",
        default=1800,
        check=_timeout,
        asked=False,
    )


@dataclass(frozen=True)
class Healthy:
    """The engine answered over TLS, verified against its own CA."""

    fqdn: str
    address: str
    ca_pem: str


@dataclass(frozen=True)
class Registered:
    """The ids of what the engine now knows."""

    version: str
    data_center: str
    cluster: str
    host: str
    storage_domain: str
