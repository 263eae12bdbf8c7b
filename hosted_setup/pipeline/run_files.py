"""Files that a step leaves in its run's own folder: the folder is made exclusively, with the run's id in its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hosted_setup.mounts import refuse_mounts_in
from hosted_setup.pipeline.undo import Undo

if TYPE_CHECKING:
    from hosted_setup.ports.host import Host


@dataclass(frozen=True)
class RemoveRunFile(Undo, name="run.file"):
    """Removes a file of this run's own folder."""

    name_in_run: str

    def apply(self, host: Host) -> None:
        """Remove it."""
        path = host.run_dir / self.name_in_run
        refuse_mounts_in(path)
        path.unlink(missing_ok=True)

    def describe(self) -> str:
        """Name the file."""
        return self.name_in_run
