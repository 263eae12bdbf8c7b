"""Where the pretended hypervisor keeps its things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.ports.problems import HypervisorDown
from hosted_setup.testing.state import load, save

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.testing.behaviour import Behaviour
    from hosted_setup.testing.clock import FakeClock


class Storehouse:
    """Base of the parts of the fake hypervisor."""

    def __init__(self, root: Path, behaviour: Behaviour, clock: FakeClock) -> None:
        """Keep everything below `root`."""
        self.root = root
        self.domains = root / "domains"
        self.networks = root / "networks"
        self.secrets = root / "secrets"
        self.behaviour = behaviour
        self.clock = clock
        self.uri = f"fake://{root}"

    def must_answer(self) -> None:
        """Raise HypervisorDown in a world whose libvirt is down."""
        if self.behaviour.libvirt_down:
            why = "Failed to connect socket to '/run/libvirt/libvirt-sock': No such file or directory"
            hint, command = "Start libvirt's daemon:", "systemctl start libvirtd.service"
            raise HypervisorDown(f"no answer at {self.uri}", why=why, hint=hint, command=command)

    def domain_file(self, uuid: str) -> Path:
        """Give the file of a domain."""
        return self.domains / f"{uuid}.json"

    def network_file(self, uuid: str) -> Path:
        """Give the file of a network."""
        return self.networks / f"{uuid}.json"

    def secret_file(self, uuid: str) -> Path:
        """Give the file of a kept password."""
        return self.secrets / f"{uuid}.json"

    def next_boot(self) -> int:
        """Count the starts."""
        number = (load(self.root / "boots.json", int) or 0) + 1
        save(self.root / "boots.json", number)
        return number
