"""The operator's own words in a .network file (systemd.network(5)): what the NIC keeps, and what the bridge takes over.

Sections and keys stay in their order, since an empty value takes back what stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hosted_plugins.network.uncarried import uncarried
from hosted_setup.model.messages import _
from hosted_setup.ports.network import BridgeChange

Section = tuple[str, tuple[str, ...]]
"""A name, and lines `Key=value`."""
_FOLDERS: Final = ("etc", "run", "usr/local/lib", "usr/lib")  # the first that has a drop-in's name counts
_BRIDGES: Final = re.compile(r"Address|DHCP|IPv6|Neighbor$|NextHop|Route$|RoutingPolicyRule")
"""Sections about addresses; what else there is describes the hardware, its queues, or a port of a bridge."""
_BRIDGES_LINK: Final = frozenset({"ARP", "Multicast", "RequiredFamilyForOnline", "RequiredForOnline"})
_NICS: Final = frozenset({"BindCarrier", "EmitLLDP", "IPoIB", "LLDP", "VLAN"})
_OVER_OR_UNDER: Final = frozenset({
    "ActiveSlave", "BatmanAdvanced", "Bond", "Bridge", "IPVLAN", "IPVTAP", "MACVLAN", "MACVTAP", "MACsec",
    "PrimarySlave", "Tunnel", "VRF", "VXLAN", "Xfrm",
})  # fmt: skip
"""Links that a port of a bridge cannot carry, or be part of."""
_ITS_NAME: Final = r"(?<=[=@]){}(?=\s|$)"  # UplinkInterface=NIC, MultiPathRoute=ADDRESS@NIC


@dataclass(frozen=True)
class Unit:
    """The operator's sections that stay with the NIC, and those of the bridge."""

    nic: tuple[Section, ...]
    bridge: tuple[Section, ...]


def read(root: Path, link: Mapping[str, str], change: BridgeChange) -> Unit | None:
    """Read the file, with its drop-ins, by which networkd runs a link; `link` is what it says of the link.

    None where the file is gone. Raises NicUncarried.
    """
    path = root / link.get("NETWORK_FILE", "").lstrip("/")
    if not path.is_file():
        return None
    nic: list[Section] = []
    bridge: list[Section] = []
    for one in (path, *_drop_ins(root, path.name)):
        for name, lines in _sections(one.read_text()):
            own, moved = _split(name, lines, change, one)
            nic += [(name, own)] if own else []
            bridge += [(name, moved)] if moved else []
    return Unit(tuple(nic), tuple(bridge))


def text(sections: Iterable[Section]) -> str:
    """Write sections down."""
    return "\n".join("".join(f"{line}\n" for line in (f"[{name}]", *lines)) for name, lines in sections)


def _drop_ins(root: Path, name: str) -> list[Path]:
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in (root / folder / "systemd/network" / f"{name}.d").glob("*.conf"):
            found.setdefault(path.name, path)
    return [found[one] for one in sorted(found)]


def _sections(words: str) -> Iterator[Section]:
    """Give the sections, without comments; lines that go on are joined."""
    name, lines = "", list[str]()
    for line in map(str.strip, re.sub(r"\\\n", " ", words).splitlines()):
        if line.startswith("["):
            yield name, tuple(lines)
            name, lines = line.strip("[]"), []
        elif line and line[0] not in "#;":
            key, _sign, value = line.partition("=")
            lines.append(f"{key.strip()}={value.strip()}")
    yield name, tuple(lines)


def _split(
    name: str, lines: tuple[str, ...], change: BridgeChange, path: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give what the NIC keeps, and what the bridge takes over."""
    if name in ("", "Match"):
        return (), ()
    own: list[str] = []
    moved: list[str] = []
    for line in lines:
        key = line.partition("=")[0]
        if name == "Network" and key in _OVER_OR_UNDER:
            raise uncarried(line, _("{nic} will be a port of a bridge", nic=change.nic.name), path)
        if name == "Network":
            bridges = key not in _NICS
        else:
            bridges = key in _BRIDGES_LINK if name == "Link" else bool(_BRIDGES.match(name))
        (moved if bridges else own).append(line)
    its_name = re.compile(_ITS_NAME.format(re.escape(change.nic.name)))
    return tuple(own), tuple(its_name.sub(change.bridge, line) for line in moved)
