"""The appliance image, and the engine VM's disk that is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hosted_setup.domain.appliance import Appliance
from hosted_setup.model.answer import Suggestion
from hosted_setup.model.messages import _
from hosted_setup.model.question import ask, section
from hosted_setup.ports.images import DiskSource
from hosted_setup.storage.domain import StorageDomain


@dataclass(frozen=True)
class KnownAppliances:
    """The appliances that `*appliance*.conf` files name, newest first."""

    paths: tuple[str, ...]


def _first_known(known: KnownAppliances) -> Suggestion[Path] | None:
    return Suggestion(Path(known.paths[0])) if known.paths else None


def _is_a_file(path: Path) -> None:
    if not path.is_file():
        message = _("{path} is not a file", path=path)
        raise ValueError(message)


@section("Engine appliance")
class ApplianceAnswers:
    """Which image is deployed."""

    path: Path = ask(
        "Path of the engine appliance (OVA or disk image)",
        key="OVEHOSTED_VM/ovfArchive",
        suggest=_first_known,
        check=_is_a_file,
        help="An OVA (plain or gzip'd) or a qcow2 or raw disk with cloud-init, engine-setup and engine-backup.",
    )


@dataclass(frozen=True)
class OpenedAppliance:
    """The appliance, looked at; `fingerprint` tells on resume whether the file is still the same."""

    appliance: Appliance
    fingerprint: tuple[int, int, int]

    def has(self, feature: str) -> bool:
        """Tell whether the appliance declares that it can be told to set this up."""
        return feature in self.appliance.features


@dataclass(frozen=True)
class EngineDisk:
    """The engine VM's disk, a volume of its storage domain, and the UUID of the VM it is for.

    `backing` is what is still to be pulled over while the VM runs; until then the volume is marked as importing.
    """

    vm: str
    domain: StorageDomain
    volume: str
    source: DiskSource
    firmware: str
    backing: DiskSource | None


@dataclass(frozen=True)
class ImportedDisk:
    """The disk stands alone."""

    volume: str
    format: str


@dataclass(frozen=True)
class CurrentDisk:
    """The storage domain's pointer names this disk: the commit point is passed."""

    volume: str
