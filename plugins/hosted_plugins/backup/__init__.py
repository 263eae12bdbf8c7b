"""The backup that a deploy restores."""

from __future__ import annotations

from dataclasses import dataclass

from hosted_setup.domain.archive import ArchiveFacts
from hosted_setup.model.messages import _


@dataclass(frozen=True)
class Backup:
    """The archive, validated; `facts` is None when a fresh engine is deployed.

    `fingerprint` (size, mtime in ns, inode) tells on resume whether the file is still the one that was read.
    """

    path: str = ""
    facts: ArchiveFacts | None = None
    fingerprint: tuple[int, int, int] = (0, 0, 0)

    def effects(self) -> tuple[str, ...]:
        """Say what a restore takes out of the restored database."""
        if self.facts is None:
            return ()
        return (
            (
                _(
                    "In the restored engine: the previous hosted-engine VM is removed, this host is removed and "
                    "added anew, the previous hosted-engine storage domain is renamed. Nothing is deleted on the "
                    "previous storage."
                )
            ),
        )
