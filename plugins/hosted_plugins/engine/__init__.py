"""The engine: its health, its login, and what is registered in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hosted_plugins.backup import Backup
from hosted_plugins.image import OpenedAppliance
from hosted_setup.model.answer import Source, Suggestion
from hosted_setup.model.messages import _
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import Name, VmName, usable_password
from hosted_setup.ports.machine import MachineFacts

ADMIN: Final = "admin@internal"
_KEYCLOAK_ADMIN: Final = "admin@ovirt@internalsso"
KEYCLOAK: Final = "keycloak"  # the appliance's word for it
_DEFAULT: Final = Name("Default")  # what every engine comes with


def _host_name(machine: MachineFacts) -> Suggestion[VmName]:
    return Suggestion(VmName.parse(machine.hostname))


def _admin_password(value: Secret) -> None:
    usable_password(value)
    if value.reveal().strip() != value.reveal():
        message = _("it must not begin or end in a blank: engine-setup would drop the blank")
        raise ValueError(message)


def _timeout(value: int) -> None:
    if not 60 <= value <= 86400:  # noqa: PLR2004 - a minute to a day
        message = _("{value} s is not between 60 and 86400", value=value)
        raise ValueError(message)


def _place(backup: Backup) -> tuple[Name, Name] | None:
    """Give the data center and the cluster that the backup tells."""
    place = backup.facts and backup.facts.place
    return (Name.parse(place.data_center), Name.parse(place.cluster)) if place else None


def _center_of_backup(backup: Backup) -> Suggestion[Name] | None:
    place = _place(backup)
    return Suggestion(place[0], Source.BACKUP) if place else None


@section("Engine")
class DataCenterAnswers:
    """Where in the engine this host goes."""

    name: Name = ask(
        "Data center", key="OVEHOSTED_ENGINE/datacenterName", default=_DEFAULT, suggest=_center_of_backup,
        help="It is added unless the engine has it; a restore proposes the one that the hosted engine was in.",
    )  # fmt: skip


def _cluster_of(center: DataCenterAnswers, backup: Backup) -> Suggestion[Name] | None:
    place = _place(backup)
    if place and place[0] == center.name:
        return Suggestion(place[1], Source.BACKUP)
    return Suggestion(_DEFAULT, Source.DEFAULT) if center.name == _DEFAULT else None


def _not_another_s(value: Name, center: DataCenterAnswers, backup: Backup) -> None:
    # A restored engine may have its data center of old under another name.
    if value == _DEFAULT != center.name and _place(backup) != (center.name, value):
        message = _(
            "the cluster {default} is in the data center {default}, not in {name}", default=_DEFAULT, name=center.name
        )
        raise ValueError(message)


@section("Engine")
class EngineAnswers:
    """The engine's administrator, and what this host is called in it."""

    cluster: Name = ask(
        "Cluster", key="OVEHOSTED_ENGINE/clusterName", suggest=_cluster_of, check=_not_another_s,
        help="It is added to the data center unless the engine has it; a restore proposes the hosted engine's.",
    )  # fmt: skip
    host_name: VmName = ask(
        "Name of this host in the engine", key="OVEHOSTED_ENGINE/appHostName", suggest=_host_name,
        help="On a restore, a host of that name is removed and added anew.",
    )  # fmt: skip
    admin_password: Secret = ask(
        f"Password of {ADMIN}", key="OVEHOSTED_ENGINE/adminPassword", check=_admin_password,
        help="With it one logs in to the engine's portals and its API; on a restore it replaces the backup's.",
    )  # fmt: skip
    setup_timeout: int = ask(
        "Seconds engine-setup may take", key="OVEHOSTED_ENGINE/engineSetupTimeout", default=1800, check=_timeout,
        asked=False, help="After that the run fails; --timeout-factor stretches it.",
    )  # fmt: skip


def _restores(backup: Backup) -> bool:
    return backup.facts is not None


@section("Engine")
class RestoreAnswers:
    """What a restore may change of the engine."""

    renew_pki: bool = ask(
        "Renew the restored engine's certificates if needed", key="OVEHOSTED_CORE/renewPKIonRestore", default=False,
        when=_restores, help="Needed when they expire soon; hosts trust a renewed CA once they are enrolled again.",
    )  # fmt: skip


def _declared(opened: OpenedAppliance) -> bool:
    return opened.has(KEYCLOAK)


def _as_in_backup(backup: Backup) -> Suggestion[bool]:
    if backup.facts is None:
        return Suggestion(value=True, source=Source.DEFAULT)
    return Suggestion("db/keycloak_backup.db" in backup.facts.members, Source.BACKUP)


@section("Engine")
class LoginAnswers:
    """How people log in to the engine."""

    keycloak: bool = ask(
        "Set Keycloak up on the engine", key="OVEHOSTED_CORE/enableKeycloak", default=False, when=_declared,
        suggest=_as_in_backup, help="It takes over the engine's log-in; on a restore, as the backup has it.",
    )  # fmt: skip

    @property
    def admin(self) -> str:
        """Give the administrator's name with the realm that it is known in."""
        return _KEYCLOAK_ADMIN if self.keycloak else ADMIN


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
