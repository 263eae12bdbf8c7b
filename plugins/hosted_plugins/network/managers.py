"""Who runs a NIC: NetworkManager, systemd-networkd or ifupdown, and the files by which each makes our bridge at a boot.

Told by what they write under /run while they run, and by ifupdown's own configuration. The functions that give texts
are pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hosted_plugins.network import dhclient, ifupdown, keyfile, networkd, networkd_unit
from hosted_plugins.network.addressing import addressing
from hosted_plugins.network.uncarried import NicUncarried, uncarried
from hosted_setup.model.messages import _
from hosted_setup.ports.network import BOND, VLAN, BridgeChange, NetworkFacts

Commands = tuple[tuple[str, ...], ...]
NETWORKD: Final = "systemd-networkd"
CONNECTIONS: Final = "etc/NetworkManager/system-connections"
_MADE_CONNECTIONS: Final = ("run/NetworkManager/system-connections", "usr/lib/NetworkManager/system-connections")
IFCFG: Final = "etc/sysconfig/network-scripts"


@dataclass(frozen=True)
class NetworkFile:
    """A file of the manager's, below the host's root."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Persistence:
    """The files that make the bridge at a boot; none where nobody runs the NIC, or in a way that cannot be kept.

    `told` are the commands after which the manager runs the bridge at once, and renews its lease; `told_back` those
    after which it runs the NIC again, once the files are back and the bridge is gone.
    """

    manager: str
    files: tuple[NetworkFile, ...] = ()
    told: Commands = ()
    told_back: Commands = ()


def persistence(root: Path, change: BridgeChange, facts: NetworkFacts) -> Persistence:
    """Find out who runs the NIC, and what files it needs; raises NicUncarried."""
    index = change.nic.index
    device = _settings(root / f"run/NetworkManager/devices/{index}")
    if device.get("managed") in ("true", "1"):
        return _networkmanager(root, change, facts, device)
    link = _settings(root / f"run/systemd/netif/links/{index}")
    if link.get("ADMIN_STATE", "unmanaged") not in ("unmanaged", "pending", "initialized"):
        lease = _settings(root / f"run/systemd/netif/leases/{index}")
        known = networkd.Known(lease.get("CLIENTID", ""), link.get("DHCP6_CLIENT_IAID", ""))
        names = networkd.files(change, facts, known, networkd_unit.read(root, link, change))
        files = tuple(NetworkFile(f"etc/systemd/network/{name}", text) for name, text in names.items())
        return Persistence(NETWORKD, files, networkd.RELOAD, networkd.RELOAD)
    paths = [path for path in ifupdown.files(root) if ifupdown.runs(change.nic.name, path.read_text())]
    if len(paths) > 1:
        what = " ".join(path.name for path in paths)
        raise uncarried(what, _("{nic} is configured in several files", nic=change.nic.name), paths[0])
    if paths:
        return _ifupdown(root, change, paths[0])
    return Persistence("")


def carried(root: Path, manager: str, bridge: int) -> bool:
    """Tell whether the manager has done with the bridge, by its index, what the files say; some tell nobody."""
    if manager != NETWORKD:
        return True  # its command has waited for it
    return _settings(root / f"run/systemd/netif/links/{bridge}").get("ADMIN_STATE") == "configured"


def _ifupdown(root: Path, change: BridgeChange, path: Path) -> Persistence:
    nic, bridge, text = change.nic.name, change.bridge, path.read_text()
    files = [NetworkFile(str(path.relative_to(root)), ifupdown.bridged(text, change, path), _mode(path))]
    if ifupdown.method(nic, "inet6", text) == "dhcp" or (root / dhclient.pid_file6(nic)).is_file():
        raise uncarried(f"iface {nic} inet6", _("nobody could tell its client of DHCPv6 of the bridge"), path)
    if ifupdown.method(nic, "inet", text) != "dhcp":
        return Persistence("ifupdown", tuple(files))  # nothing runs that could be told
    if not (root / dhclient.pid_file(nic)).is_file():
        raise uncarried(f"iface {nic} inet dhcp", _("no dhclient runs for it, and others could not be told"), path)
    leases = root / dhclient.leases(nic)
    known = dhclient.identity(leases.read_text()) if leases.is_file() else ""
    if known:
        files.append(NetworkFile(dhclient.identity_file(bridge), known))
    told = (dhclient.end(nic, nic), dhclient.flush(nic), dhclient.begin(bridge))
    return Persistence("ifupdown", tuple(files), told, (dhclient.end(bridge, nic), dhclient.begin(nic)))


def _networkmanager(root: Path, change: BridgeChange, facts: NetworkFacts, device: Mapping[str, str]) -> Persistence:
    uuid = device.get("connection-uuid", "")
    found = _profile(root, uuid)
    old = found.read_text() if found else ""
    if not found:
        _refuse_ifcfg(root, change, uuid)
    lasting = found if found and found.is_relative_to(root / CONNECTIONS) else None
    if not lasting and change.nic.kind in (BOND, VLAN):  # its profile is made by something else, such as netplan
        if addressing(change).dhcp4 or "dhcp6.iaid" in device:
            raise _leased(change, uuid, found or root / f"run/NetworkManager/devices/{change.nic.index}")
        return Persistence("NetworkManager")
    texts = (
        keyfile.bridge(change, facts, old, device.get("dhcp6.iaid", "")),
        keyfile.port(change, old, replaced=lasting is not None),
    )
    mine = root / CONNECTIONS / f"{change.bridge}-port.nmconnection"
    paths = (f"{CONNECTIONS}/{change.bridge}.nmconnection", str((lasting or mine).relative_to(root)))
    files = tuple(NetworkFile(path, text, 0o600) for path, text in zip(paths, texts, strict=True))
    load = ("nmcli", "connection", "load", *(str(root / file.path) for file in files))
    up = ("nmcli", "connection", "up", "uuid")
    told = tuple((*up, keyfile.uuid(text)) for text in texts)
    # a profile in no lasting file may be NetworkManager's own, which it forgets when the NIC has another
    again = (*up, uuid) if lasting else ("nmcli", "device", "connect", change.nic.name)
    back = (("nmcli", "connection", "reload"), again)
    return Persistence("NetworkManager", files, (load, *told), back)


def _leased(change: BridgeChange, uuid: str, path: Path) -> NicUncarried:
    """Give the problem with a lease that NetworkManager would go on renewing on the NIC, where no answer arrives."""
    return NicUncarried(
        change.nic.name,
        why=_("NetworkManager cannot be told to renew its lease on the bridge: its profile is in no file that lasts"),
        where=str(path),
        hint=_("Give it a fixed address, or make the bridge there yourself: one that is there is used as it is. See:"),
        command=shlex.join(("nmcli", "connection", "show", uuid)),
    )


def _profile(root: Path, uuid: str) -> Path | None:
    """Find the keyfile of a profile: the operator's, else what something else has made at this boot, or a package."""
    paths = (path for folder in (CONNECTIONS, *_MADE_CONNECTIONS) for path in sorted((root / folder).glob("[!.]*")))
    return next((path for path in paths if uuid and f"uuid={uuid}" in path.read_text().split()), None)


def _refuse_ifcfg(root: Path, change: BridgeChange, uuid: str) -> None:
    """Refuse a NIC whose profile is in a file of the older kind, ifcfg-rh: raises NicUncarried."""
    names = (f"DEVICE={change.nic.name}", f"UUID={uuid}")
    for path in sorted((root / IFCFG).glob("ifcfg-*")):
        if any(name in path.read_text().replace('"', "").split() for name in names):
            raise NicUncarried(
                path.name,
                why=_("the bridge would lose what stands there: this program reads keyfiles alone"),
                where=str(path),
                hint=_("NetworkManager makes a keyfile of it by:"),
                command=f"nmcli connection migrate {uuid}",
            )


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _settings(path: Path) -> Mapping[str, str]:
    """Read lines `KEY=VALUE`; none where there is no such file."""
    text = path.read_text() if path.is_file() else ""
    return dict(re.findall(r"^([\w.-]+)=(.*)$", text, re.MULTILINE))
