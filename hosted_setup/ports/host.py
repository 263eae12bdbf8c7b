"""The host: every outside thing a step may touch, in one parameter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hosted_setup.model.events import Reporter
    from hosted_setup.ports.clock import Clock
    from hosted_setup.ports.disk_tools import DiskTools
    from hosted_setup.ports.engine import Engines
    from hosted_setup.ports.gluster import Gluster
    from hosted_setup.ports.guest import Guests
    from hosted_setup.ports.hypervisor import Hypervisor
    from hosted_setup.ports.images import Images
    from hosted_setup.ports.initiator import Initiator
    from hosted_setup.ports.luns import Luns
    from hosted_setup.ports.machine import Machine
    from hosted_setup.ports.mounts import Mounts
    from hosted_setup.ports.names import Names
    from hosted_setup.ports.network import HostNetwork
    from hosted_setup.ports.sessions import Sessions
    from hosted_setup.ports.shell import Shells
    from hosted_setup.ports.trees import Trees


@dataclass(frozen=True)
class Paths:
    """The files operators know, under another root when `--root` says so."""

    root: Path = Path("/")

    @property
    def etc(self) -> Path:
        """Hold `hosted-engine.conf` and `answers.conf`."""
        return self.root / "etc/ovirt-hosted-engine"

    @property
    def state(self) -> Path:
        """Hold answers and runs."""
        return self.root / "var/lib/ovirt-hosted-engine-setup"

    @property
    def runs(self) -> Path:
        """Hold a folder a run."""
        return self.state / "runs"

    @property
    def logs(self) -> Path:
        """Hold the log of each run."""
        return self.root / "var/log/ovirt-hosted-engine-setup"

    @property
    def ha_state(self) -> Path:
        """Hold `ha.conf`."""
        return self.root / "var/lib/ovirt-hosted-engine-ha"

    @property
    def mounts(self) -> Path:
        """Hold the mount points of storage, each under the name that vdsm gives it."""
        return self.root / "rhev/data-center/mnt"

    @property
    def ha_run(self) -> Path:
        """Hold `vm.conf`, lost at reboot."""
        return self.root / "run/ovirt-hosted-engine-ha"


@dataclass(frozen=True)
class Host:
    """The outside world as a run sees it."""

    paths: Paths
    run_id: str
    hypervisor: Hypervisor
    images: Images
    trees: Trees
    mounts: Mounts
    disk_tools: DiskTools
    initiator: Initiator
    sessions: Sessions
    luns: Luns
    gluster: Gluster
    machine: Machine
    network: HostNetwork
    names: Names
    guests: Guests
    engines: Engines
    shells: Shells
    clock: Clock
    reporter: Reporter
    timeout_factor: float = 1.0

    @property
    def run_dir(self) -> Path:
        """Give this run's folder (0700)."""
        return self.paths.runs / self.run_id
