"""The sessions of this host's kernel with iSCSI targets: they stay until they are ended, or until a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hosted_setup.ports.initiator import Chap, Portal


class Sessions(Protocol):
    """Logs in and out. Raises what an `Initiator` raises."""

    def missing(self) -> str:
        """Tell what this host lacks to log in by its kernel; empty when nothing."""

    def portals(self, target: str) -> tuple[Portal, ...]:
        """Give the portals at which the kernel has a session with a target now."""

    def recorded(self, portal: Portal, target: str) -> bool:
        """Tell whether the host's database of nodes has a record of the target there."""

    def login(self, portal: Portal, target: str, chap: Chap | None, *, anew: bool) -> None:
        """Log in, by a record that is made for it (`anew`), or by the one that is there, as it is."""

    def logout(self, portal: Portal, target: str) -> None:
        """End the session there, if there is one; its devices go."""

    def forget(self, portal: Portal, target: str) -> None:
        """Remove the record, if there is one."""
