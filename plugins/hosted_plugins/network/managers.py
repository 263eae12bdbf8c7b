"""Who runs a NIC: NetworkManager, systemd-networkd or ifupdown, and the files by which each makes our bridge at a boot.

Told by what they write under /run while they run, and by ifupdown's own configuration. The functions that give texts
are pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hosted_plugins.network import dhclient, ifupdown, keyfile, networkd
from hosted_setup.ports.network import BridgeChange, NetworkFacts

Commands = tuple[tuple[str, ...], ...]
NETWORKD: Final = "systemd-networkd"
INTERFACES: Final = "etc/network/interfaces"
CONNECTIONS: Final = "etc/NetworkManager/system-connections"


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
    """Find out who runs the NIC, and what files it needs."""
    index = change.nic.index
    device = _settings(root / f"run/NetworkManager/devices/{index}")
    if device.get("managed") in ("true", "1"):
        return _networkmanager(root, change, facts, device.get("connection-uuid", ""))
    link = _settings(root / f"run/systemd/netif/links/{index}")
    if link.get("ADMIN_STATE", "unmanaged") not in ("unmanaged", "pending", "initialized"):
        client = _settings(root / f"run/systemd/netif/leases/{index}").get("CLIENTID", "")
        names = networkd.files(change, facts, client)
        files = tuple(NetworkFile(f"etc/systemd/network/{name}", text) for name, text in names.items())
        return Persistence(NETWORKD, files, networkd.RELOAD, networkd.RELOAD)
    for path in _interfaces(root):
        text = path.read_text()
        if ifupdown.runs(change.nic.name, text):
            return _ifupdown(root, change, NetworkFile(str(path.relative_to(root)), text, _mode(path)))
    return Persistence("")


def carried(root: Path, manager: str, bridge: int) -> bool:
    """Tell whether the manager has done with the bridge, by its index, what the files say; some tell nobody."""
    if manager != NETWORKD:
        return True  # its command has waited for it
    return _settings(root / f"run/systemd/netif/links/{bridge}").get("ADMIN_STATE") == "configured"


def _ifupdown(root: Path, change: BridgeChange, old: NetworkFile) -> Persistence:
    nic, bridge = change.nic.name, change.bridge
    files = [replace(old, text=ifupdown.bridged(old.text, change))]
    if not (root / dhclient.pid_file(nic)).is_file():  # nothing runs that could be told
        return Persistence("ifupdown", tuple(files))
    leases = root / dhclient.leases(nic)
    known = dhclient.identity(leases.read_text()) if leases.is_file() else ""
    if known:
        files.append(NetworkFile(dhclient.identity_file(bridge), known))
    told = (dhclient.end(nic, nic), dhclient.flush(nic), dhclient.begin(bridge))
    return Persistence("ifupdown", tuple(files), told, (dhclient.end(bridge, nic), dhclient.begin(nic)))


def _networkmanager(root: Path, change: BridgeChange, facts: NetworkFacts, uuid: str) -> Persistence:
    folder = root / CONNECTIONS
    found = next((path for path in sorted(folder.glob("[!.]*")) if f"uuid={uuid}" in path.read_text().split()), None)
    if not uuid or found is None:
        found, old = folder / f"{change.bridge}-port.nmconnection", ""
    else:
        old = found.read_text()
    if not old and change.nic.kind in ("bond", "vlan"):
        return Persistence("NetworkManager")  # its profile is made by something else, such as netplan
    texts = (keyfile.bridge(change, facts, old), keyfile.port(change, old))
    paths = (f"{CONNECTIONS}/{change.bridge}.nmconnection", str(found.relative_to(root)))
    files = tuple(NetworkFile(path, text, 0o600) for path, text in zip(paths, texts, strict=True))
    load = ("nmcli", "connection", "load", *(str(root / file.path) for file in files))
    up = ("nmcli", "connection", "up", "uuid")
    told = tuple((*up, keyfile.uuid(text)) for text in texts)
    # a profile in no file may be NetworkManager's own for a NIC without one, which it forgets when the NIC has one
    again = (*up, uuid) if old else ("nmcli", "device", "connect", change.nic.name)
    back = (("nmcli", "connection", "reload"), again)
    return Persistence("NetworkManager", files, (load, *told), back)


def _interfaces(root: Path) -> Iterator[Path]:
    main = root / INTERFACES
    if main.is_file():
        yield main
    yield from sorted(path for path in (root / f"{INTERFACES}.d").glob("[!.]*") if path.is_file())


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _settings(path: Path) -> Mapping[str, str]:
    """Read lines `KEY=VALUE`; none where there is no such file."""
    text = path.read_text() if path.is_file() else ""
    return dict(re.findall(r"^([\w-]+)=(.*)$", text, re.MULTILINE))
