"""Products with fixed values, and a host that keeps what it is given, for texts that must not change unseen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from hosted_plugins.backup import Backup
from hosted_plugins.checks import NetworkTest, NetworkTestAnswers
from hosted_plugins.engine import EngineAnswers, LoginAnswers, RestoreAnswers
from hosted_plugins.guest_network import AddressAnswers, ResolverAnswers
from hosted_plugins.hardening import FipsAnswers, OpenScapAnswers, Profile, ProfileAnswers
from hosted_plugins.image import EngineDisk
from hosted_plugins.network import (
    EngineNetwork,
    HostAnswers,
    LinkName,
    NetworkAnswers,
    NetworkChoice,
    NetworkMode,
    Subnet,
)
from hosted_plugins.storage import StorageChoice
from hosted_plugins.vm import Firmware, RootAccess, Seed, VmAnswers
from hosted_setup.adapters.system_trees import SystemTrees
from hosted_setup.domain.archive import ArchiveFacts
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import DomainName, Fqdn, MacAddress, Name, VmName
from hosted_setup.ports.host import Host, Paths
from hosted_setup.ports.hypervisor import HypervisorFacts
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DirectoryHome, FileAt
from hosted_setup.ports.machine import MachineFacts
from hosted_setup.storage.domain import StorageDomain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hosted_setup.pipeline.undo import Undo

RUN: Final = "20260102030405-abcdef"
DOMAIN: Final = StorageDomain("5d000000-0000-4000-8000-000000000001", DirectoryHome(Path("/srv/he"), 64055, 994))
MACHINE: Final = MachineFacts("host1.example.com", "a0000000-0000-4000-8000-000000000002", 4, 16000, 12000, "Etc/UTC")
NETWORK: Final = EngineNetwork(
    "e7000000-0000-4000-8000-000000000003", "hosted-engine", "192.168.222.1", "192.168.222.2"
)
FACTS: Final = HypervisorFacts(
    9000000, "/usr/bin/qemu-system-x86_64", claims_kvm=True, uid=64055, gid=994, passes_files=True
)
SEED: Final = Seed("/var/lib/he/run/seed.iso", "f00d" * 8)
ARCHIVE: Final = ArchiveFacts(
    "4.5.6", "centos9", "engine.example.com", None, has_dwh=True, members=(), expanded=1000, size=4096,
    hash_algorithm="sha256", config=(),
)  # fmt: skip
BACKUP: Final = Backup("/backup/engine.tar.gz", ARCHIVE, (4096, 1, 2))


def vm_answers(**changes: Any) -> VmAnswers:  # noqa: ANN401 - of any question
    """Give the answers about the VM."""
    answers: dict[str, Any] = {
        "fqdn": Fqdn("engine.example.com"),
        "vcpus": 2,
        "memory_mib": 4096,
        "disk_gib": 25,
        "mac": MacAddress("00:16:3e:01:02:03"),
        "root_password": Secret("canary-root"),
        "root_ssh_key": None,
        "root_access": RootAccess.YES,
        "timezone": "Europe/Berlin",
        "name": VmName("HostedEngine"),
        "firmware": Firmware.AUTO,
        "machine": VmName("q35"),
    }
    return VmAnswers(**(answers | changes))


STORAGE: Final = StorageChoice(kind="localfs", name=Name("hosted_storage"))
NETWORK_CHOICE: Final = NetworkChoice(mode=NetworkMode.NAT, bridge=LinkName("ovirtmgmt"))
NETWORK_ANSWERS: Final = NetworkAnswers(
    name=VmName("hosted-engine"), subnet=Subnet("192.168.222.0/24"), nic=None, gateway=None
)
ADDRESS: Final = AddressAnswers(host_name=DomainName("engine.example.com"), domain=None, static=None, hosts=True)
RESTORING: Final = RestoreAnswers(renew_pki=False)
SCAP: Final = OpenScapAnswers(apply=False)
PROFILE: Final = ProfileAnswers(profile=Profile.STIG)
FIPS: Final = FipsAnswers(fips=False)
LOGIN: Final = LoginAnswers(keycloak=False)
TEST: Final = NetworkTestAnswers(test=NetworkTest.NONE, only4=False, only6=False, reverse=False)
MINE: Final = HostAnswers(address=None)
RESOLVER: Final = ResolverAnswers(servers=None)
ENGINE: Final = EngineAnswers(
    admin_password=Secret("canary-admin"),
    cluster=Name("Default"),
    host_name=VmName("host1"),
    setup_timeout=1800,
)


SOURCE: Final = DiskSource(FileAt("/srv/he/5d/images/v/v"), "qcow2")


def disk(
    *,
    backing: DiskSource | None = None,
    firmware: str = "bios",
    source: DiskSource = SOURCE,
    domain: StorageDomain = DOMAIN,
) -> EngineDisk:
    """Give the engine's disk."""
    volume = "d15c0000-0000-4000-8000-000000000005"
    return EngineDisk("c0000000-0000-4000-8000-000000000004", domain, volume, source, firmware, backing)


class Keeping:
    """The part of a hypervisor that takes definitions; it keeps them."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self.files: dict[str, Path] = {}

    def define(self, xml: str) -> None:
        self.definitions.append(xml)

    def define_network(self, xml: str) -> None:
        self.definitions.append(xml)

    def start(self, uuid: str, files: Mapping[str, Path]) -> None:
        self.files.update(files)

    def pull(self, uuid: str, disk: str) -> None:
        """Pull nothing."""

    def domain(self, uuid: str) -> None:
        """Know nothing."""


class Still:
    """A clock that stands, and a machine with one hash for all passwords."""

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def hash_password(self, password: str) -> str:
        return "$6$salt$hash"


class NoUndo:
    """An undo log that forgets."""

    def before(self, undo: Undo) -> None:
        """Forget."""


def host(keeping: Keeping | None = None, root: Path = Path("/")) -> Host:
    """Give a host that keeps definitions; what no text needs is not there."""
    no, still = cast("Any", None), cast("Any", Still())
    return Host(
        paths=Paths(root),
        run_id=RUN,
        hypervisor=cast("Any", keeping),
        images=no,
        trees=SystemTrees(),
        mounts=no,
        disk_tools=no,
        initiator=no,
        sessions=no,
        luns=no,
        gluster=no,
        machine=still,
        network=no,
        names=no,
        guests=no,
        engines=no,
        shells=no,
        clock=still,
        reporter=no,
    )
