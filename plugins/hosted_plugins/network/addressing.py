"""What a link's addressing is made of: what is fixed, and what comes by DHCP or router advertisement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hosted_setup.ports.network import ANYWHERE, Address, BridgeChange, Route

_BY_ITSELF: Final = frozenset({2, 9, 16, 18, 42})  # RTPROT_*: kernel, ra, dhcp, ntk (old), babel
_MAIN: Final = 254


@dataclass(frozen=True)
class Addressing:
    """The fixed addresses and routes, and the families that are configured from outside."""

    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    dhcp4: bool
    automatic6: bool

    def gateway(self, version: int) -> Route | None:
        """Give the fixed default route of a family."""
        found = [one for one in self.routes if one.version == version and one.destination in ANYWHERE]
        return min(found, key=lambda one: one.metric, default=None)

    def further(self, version: int) -> tuple[Route, ...]:
        """Give the other fixed routes of a family that have a gateway, in the main table."""
        default = self.gateway(version)
        mine = (one for one in self.routes if one.version == version and one.table == _MAIN and one.gateway)
        return tuple(one for one in mine if one != default)


def addressing(change: BridgeChange) -> Addressing:
    """Tell apart what stays and what is renewed."""
    lasting = [one for one in change.nic.addresses if not one.link_local]
    return Addressing(
        addresses=tuple(one for one in lasting if not one.dynamic),
        routes=tuple(one for one in change.routes if one.protocol not in _BY_ITSELF and one.expires is None),
        dhcp4=any(one.dynamic for one in lasting if one.version == 4),  # noqa: PLR2004
        automatic6=any(one.dynamic for one in lasting if one.version == 6)  # noqa: PLR2004
        or any(one.protocol == 9 for one in change.routes),  # noqa: PLR2004 - RTPROT_RA
    )
