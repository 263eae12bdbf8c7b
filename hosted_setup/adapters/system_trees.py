"""Trees of files, each by what reaches its home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.adapters.nfs_tree import NfsTree
from hosted_setup.ports.locations import NfsHome
from hosted_setup.ports.trees import WITHIN

if TYPE_CHECKING:
    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.trees import Tree


class SystemTrees:
    """Implements `ports.trees.Trees`."""

    def at(self, home: FileHome, within: float = WITHIN) -> Tree:
        """Give the tree of a home."""
        return NfsTree(home, within) if isinstance(home, NfsHome) else LocalTree(home)
