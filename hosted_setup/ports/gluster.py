"""GlusterFS servers, asked by their own command line: the volumes, and their options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

WITHIN: Final = 6.0
"""Seconds after which a call is given up, whatever the server does."""


@dataclass(frozen=True)
class GlusterVolume:
    """A volume as its servers know it; `options` are those that were set.

    `replica` counts the copies, an arbiter's among them. A volume that is neither replicated nor
    spread over plain bricks, such as a dispersed one, has none.
    """

    name: str
    uuid: str
    started: bool
    replica: int
    bricks: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


class Gluster(Protocol):
    """Asks servers.

    Raises, from every call: GlusterMissing, GlusterDown, GlusterHung or GlusterFault.
    """

    def volumes(self, server: str) -> tuple[GlusterVolume, ...]:
        """Give the volumes of a server's pool, in its order."""

    def has_rights(self, volume: GlusterVolume) -> bool:
        """Tell whether this host is a server of the volume's pool, which alone may change options."""

    def set_options(self, volume: str, options: Mapping[str, str]) -> None:
        """Set options of a volume of this host's pool, all or none; an empty value goes back to the default."""


def list_command(server: str) -> str:
    """Give the command that shows a server's volumes."""
    return f"gluster --remote-host={shlex.quote(server)} volume info"


def set_command(volume: str, options: Mapping[str, str]) -> str:
    """Give the command, for one of the servers, that sets options of a volume."""
    words = [word for pair in options.items() for word in pair]
    return shlex.join(["gluster", "--mode=script", "volume", "set", volume, *words])
