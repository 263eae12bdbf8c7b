"""A storage domain as a run and its journal know it: which one, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hosted_setup.ports.locations import Home, LunHome
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.storage.file_layout import FileLayout

if TYPE_CHECKING:
    from hosted_setup.ports.host import Host
    from hosted_setup.storage.layout import Layout


@dataclass(frozen=True)
class StorageDomain:
    """A storage domain in its home."""

    uuid: str
    home: Home

    def on(self, host: Host) -> Layout:
        """Give the domain at work."""
        if isinstance(self.home, LunHome):
            return BlockLayout(self.uuid, self.home, host.images, host.disk_tools)
        return FileLayout(self.uuid, self.home, host.trees.at(self.home))

    def __str__(self) -> str:
        """Give the place, for people."""
        return f"{self.home}/{self.uuid}"
