"""Who runs a NIC: NetworkManager, systemd-networkd or ifupdown, and the files by which each makes our bridge at a boot.

Told by what they write under /run while they run, and by ifupdown's own configuration. The functions that give texts
are pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hosted_plugins.network import ifupdown, keyfile, networkd
from hosted_setup.ports.network import BridgeChange, NetworkFacts

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
    """The files that make the bridge at a boot; none where nobody runs the NIC, or in a way that cannot be kept."""

    manager: str
    files: tuple[NetworkFile, ...] = ()


def persistence(root: Path, change: BridgeChange, facts: NetworkFacts) -> Persistence:
    """Find out who runs the NIC, and what files it needs."""
    index = change.nic.index
    device = _settings(root / f"run/NetworkManager/devices/{index}")
    if device.get("managed") in ("true", "1"):
        return _networkmanager(root, change, facts, device.get("connection-uuid", ""))
    link = _settings(root / f"run/systemd/netif/links/{index}")
    if link.get("ADMIN_STATE", "unmanaged") not in ("unmanaged", "pending", "initialized"):
        names = networkd.files(change, facts)
        return Persistence(
            "systemd-networkd",
            tuple(NetworkFile(f"etc/systemd/network/{name}", text) for name, text in names.items()),
        )
    for path in _interfaces(root):
        text = path.read_text()
        if ifupdown.runs(change.nic.name, text):
            return Persistence(
                "ifupdown", (NetworkFile(str(path.relative_to(root)), ifupdown.bridged(text, change), _mode(path)),)
            )
    return Persistence("")


def _networkmanager(root: Path, change: BridgeChange, facts: NetworkFacts, uuid: str) -> Persistence:
    folder = root / CONNECTIONS
    found = next((path for path in sorted(folder.glob("[!.]*")) if f"uuid={uuid}" in path.read_text().split()), None)
    if not uuid or found is None:
        found, old = folder / f"{change.bridge}-port.nmconnection", ""
    else:
        old = found.read_text()
    if not old and change.nic.kind in ("bond", "vlan"):
        return Persistence("NetworkManager")  # its profile is made by something else, such as netplan
    files = (
        NetworkFile(f"{CONNECTIONS}/{change.bridge}.nmconnection", keyfile.bridge(change, facts, old), 0o600),
        NetworkFile(str(found.relative_to(root)), keyfile.port(change, old), 0o600),
    )
    return Persistence("NetworkManager", files)


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
