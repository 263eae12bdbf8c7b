"""Which network interface can carry the management bridge."""

from __future__ import annotations

import re
from typing import Final

from hosted_setup.ports.network import BOND, BRIDGE, VLAN, Link

MODES: Final = ("active-backup", "balance-xor", "broadcast", "802.3ad")  # those under which a bridge may be


def suitable(link: Link) -> str:
    """Tell why a link cannot carry the bridge; empty when it can."""
    reasons = {
        "it is the loopback interface": link.loopback,
        f"it is a {link.kind}": link.kind in (BRIDGE, "team", "tun"),
        f"it is part of {link.master}": bool(link.master),
        "it is not active": not (link.up and link.carrier),
        "it has no address": all(address.link_local for address in link.addresses),
        f"its bond mode is {link.bond_mode}, not one of {', '.join(MODES)}": (
            link.kind == BOND and link.bond_mode not in MODES
        ),
        "a bond has to be called bond and a number": link.kind == BOND and not re.fullmatch(r"bond\d+", link.name),
        f"a VLAN has to be called {link.parent}.{link.vlan_id}": (
            link.kind == VLAN and link.name != f"{link.parent}.{link.vlan_id}"
        ),
    }
    return next((reason for reason, so in reasons.items() if so), "")
