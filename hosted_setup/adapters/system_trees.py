"""Trees of files, each by what reaches its home."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hosted_setup.adapters.libnfs import Client, Mount
from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.adapters.nfs_tree import NfsTree
from hosted_setup.ports.locations import NfsHome
from hosted_setup.ports.trees import WITHIN, Exported, Exports

if TYPE_CHECKING:
    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.trees import Tree


class SystemTrees:
    """Implements `ports.trees.Trees`."""

    def exports(self, server: str, within: float = WITHIN) -> Exports:
        """Ask the mount service; a server that has none, or does not let us reach it, for its root by version 4."""
        try:
            with Client(server, server, within) as client:
                return Exports(tuple(Exported(path, clients) for path, clients in client.exports()))
        except OSError as error:
            with suppress(OSError), Mount(server, "/", 0, 0, within, version=4) as root:
                return Exports(tuple(Exported(f"/{name}") for name in sorted(root.names(b"/"))), told=False)
            raise error from None

    def at(self, home: FileHome, within: float = WITHIN) -> Tree:
        """Give the tree of a home."""
        return NfsTree(home, within) if isinstance(home, NfsHome) else LocalTree(home)
