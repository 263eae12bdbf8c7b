"""What a host connects to reach the storage of a home. Plain data, good for the journal."""

from __future__ import annotations

import msgspec

from hosted_setup.model.messages import _
from hosted_setup.ports.initiator import Portal


class MountAt(msgspec.Struct, frozen=True, tag="mount"):
    """A file system to be mounted on a folder; `kind` and `options` are those of mount(8)."""

    kind: str
    source: str
    options: tuple[str, ...]
    point: str

    def __str__(self) -> str:
        """Name it."""
        return _("mount of {source} on {point}", source=self.source, point=self.point)


class IscsiSessions(msgspec.Struct, frozen=True, tag="iscsi"):
    """Sessions of this host's kernel with a target, one at each portal, for the LUN with that WWID.

    The `secret` is the UUID of libvirt's, never a password; without a `user` there is no CHAP.
    """

    target: str
    portals: tuple[Portal, ...]
    wwid: str
    user: str = ""
    secret: str = ""

    def __str__(self) -> str:
        """Name it."""
        portals = ", ".join(map(str, self.portals))
        return _("sessions with {target} at {portals}", target=self.target, portals=portals)


Connection = MountAt | IscsiSessions
