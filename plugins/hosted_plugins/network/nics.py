"""Which network interface can carry the management bridge."""

from __future__ import annotations

import re
from typing import Final

from hosted_setup.model.messages import _
from hosted_setup.ports.network import BOND, BRIDGE, VLAN, Link

MODES: Final = ("active-backup", "balance-xor", "broadcast", "802.3ad")  # those under which a bridge may be


def suitable(link: Link) -> str:
    """Tell why a link cannot carry the bridge; empty when it can."""
    reasons = {
        _("it is the loopback interface"): link.loopback,
        _("it is a {kind}", kind=link.kind): link.kind in (BRIDGE, "team", "tun"),
        _("it is part of {master}", master=link.master): bool(link.master),
        _("it is not active"): not (link.up and link.carrier),
        _("it has no address"): all(address.link_local for address in link.addresses),
        _("its bond mode is {mode}, not one of {modes}", mode=link.bond_mode, modes=", ".join(MODES)): (
            link.kind == BOND and link.bond_mode not in MODES
        ),
        _("a bond has to be called bond and a number"): link.kind == BOND and not re.fullmatch(r"bond\d+", link.name),
        _("a VLAN has to be called {name}", name=f"{link.parent}.{link.vlan_id}"): (
            link.kind == VLAN and link.name != f"{link.parent}.{link.vlan_id}"
        ),
    }
    return next((reason for reason, so in reasons.items() if so), "")
