"""A whole pretended world in one folder."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.ports.host import Host, Paths
from hosted_setup.testing.behaviour import Behaviour
from hosted_setup.testing.clock import FakeClock
from hosted_setup.testing.engines import FakeEngines
from hosted_setup.testing.gluster import FakeGluster
from hosted_setup.testing.guests import FakeGuests
from hosted_setup.testing.hypervisor import FakeHypervisor
from hosted_setup.testing.images import FakeImages
from hosted_setup.testing.initiator import FakeInitiator
from hosted_setup.testing.luns import FakeLuns
from hosted_setup.testing.machine import FakeMachine, FakeShells
from hosted_setup.testing.mounts import FakeMounts
from hosted_setup.testing.names import FakeNames
from hosted_setup.testing.network import FakeNetwork
from hosted_setup.testing.sessions import FakeSessions
from hosted_setup.testing.state import Domain, Network, load, load_all, save
from hosted_setup.testing.trees import FakeTrees

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.model.events import Event, Reporter


@dataclass
class Recorder:
    """A reporter that keeps the events."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Keep `event`."""
        self.events.append(event)


class World:
    """The fakes of every port over one folder.

    `root/host` is the host's root directory (what `--root` names), `root/storage` a directory for a storage domain,
    `root/exports` what servers export (see `testing.trees`);
    the rest is the pretended hypervisor's. A second World over the same folder, in another process too, is the same
    world.
    """

    def __init__(self, root: Path, behaviour: Behaviour) -> None:
        """Open the world in `root`; see `make` and `reopen`."""
        self.root = root
        self.behaviour = behaviour
        self.paths = Paths(root / "host")
        self.storage = root / "storage"
        self.exports = root / "exports"
        self.clock = FakeClock(root / "clock")
        self.hypervisor = FakeHypervisor(root / "libvirt", behaviour, self.clock)
        self.network = FakeNetwork(root / "network.json", behaviour, self.clock)
        self.gluster = FakeGluster(root / "gluster.json")
        self.mounts = FakeMounts(root / "mounts.json", self.exports, behaviour)
        self.sessions = FakeSessions(root / "sessions.json", root, behaviour)
        self.guests = FakeGuests(self.hypervisor)
        self.engines = FakeEngines(self.hypervisor)

    @classmethod
    def make(cls, root: Path, behaviour: Behaviour | None = None) -> Self:
        """Make a new world."""
        made = cls(root, behaviour or Behaviour())
        made.paths.root.mkdir(parents=True)
        made.storage.mkdir()
        made.save()
        return made

    @classmethod
    def reopen(cls, root: Path) -> Self:
        """Open a world that is there, as another process does."""
        return cls(root, load(root / "behaviour.json", Behaviour) or Behaviour())

    def save(self) -> None:
        """Write the behaviour down, after a change, for other processes."""
        save(self.root / "behaviour.json", self.behaviour)

    def host(self, run_id: str, reporter: Reporter | None = None, timeout_factor: float = 1.0) -> Host:
        """Give this world as a step sees it."""
        return Host(
            paths=self.paths,
            run_id=run_id,
            hypervisor=self.hypervisor,
            images=FakeImages(self.root / "luns", self.exports),
            trees=FakeTrees(self.exports),
            mounts=self.mounts,
            disk_tools=UtilLinux(),
            luns=FakeLuns(self.root / "devices"),
            gluster=self.gluster,
            initiator=FakeInitiator(self.root / "luns", self.behaviour),
            sessions=self.sessions,
            machine=FakeMachine(self.behaviour),
            network=self.network,
            names=FakeNames(self.behaviour),
            guests=self.guests,
            engines=self.engines,
            shells=FakeShells(self.behaviour),
            clock=self.clock,
            reporter=reporter or Recorder(),
            timeout_factor=timeout_factor,
        )

    def reboot(self) -> None:
        """Start the host anew: nothing is mounted any more, and the kernel has no session and no device of one."""
        self.mounts.end_all()
        self.sessions.end_all()
        self.behaviour.boot += 1
        self.save()

    def inventory(self) -> dict[str, str]:
        """Give everything there is: domains, networks, the engine's entities, and files with mode and content."""
        found: dict[str, str] = {}
        for domain in load_all(self.hypervisor.domains, Domain):
            running = "running" if domain.live else "off"
            found[f"domain {domain.name}"] = f"{running} {_digest(domain.xml.encode())}"
            for entity in domain.entities:
                found[f"entity {entity['collection']} {entity['name']}"] = ""
        for network in load_all(self.hypervisor.networks, Network):
            found[f"network {network.name}"] = f"active={network.active} {_digest(network.xml.encode())}"
        for link in self.network.facts().links:
            found[f"link {link.name}"] = f"{link.master} {' '.join(one.cidr for one in link.addresses)}"
        for top in (self.paths.root, self.storage, self.exports):
            for path in sorted(top.rglob("*")):
                found[f"file {path.relative_to(self.root)}"] = _described(path)
        return found


def _described(path: Path) -> str:
    status = path.lstat()
    mode = stat.filemode(status.st_mode)
    if path.is_symlink():
        return f"{mode} {path.readlink()}"
    return f"{mode} {_digest(path.read_bytes())}" if stat.S_ISREG(status.st_mode) else mode


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
