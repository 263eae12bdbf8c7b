"""The bridge in interfaces(5): what addresses the NIC moves to the bridge's stanza, word for word; the rest stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hosted_plugins.network.uncarried import uncarried
from hosted_setup.model.messages import _
from hosted_setup.ports.network import BOND, USUAL_MTU, VLAN, BridgeChange

_MAIN: Final = "etc/network/interfaces"
_BEGINS: Final = re.compile(r"(auto|allow-\S+|iface|mapping|source|source-directory|rename|no-auto-down|no-scripts)\s")
_GOES_ON: Final = re.compile(r"^(?!\s*#)(?:.*\\\n)+", re.MULTILINE)
"""Lines that go on in the next: they move as a whole, or stay. A comment does not go on."""
_COMMAND: Final = re.compile(r"(pre-up|up|post-up|down|pre-down|post-down)\s+(.*)")
_OF_ADDRESSES: Final = re.compile(r"\bip\s+(-\S+\s+)*(a|addr|address|ru|rule)\b|\b(route|arptables|ip6?tables|nft)\b")
_OF_LINKS: Final = re.compile(
    r"\b(ethtool|ifenslave|mii-tool|tc|vconfig|ifconfig\b.*\s(hw|mtu|txqueuelen)|ip\s+(-\S+\s+)*link)\b|/sys/class/net/"
)
_FIRST_AND_LAST: Final = frozenset({"pre-up", "post-down"})
"""When the NIC has no address: what makes it, or ends it."""
_ADDRESSING: Final = frozenset({
    "accept_ra", "address", "autoconf", "broadcast", "client", "dad-attempts", "dad-interval", "dhcp", "gateway",
    "hostname", "leasehours", "leasetime", "ll-attempts", "ll-interval", "metric", "netmask", "network", "pointopoint",
    "preferred-lifetime", "privext", "request_prefix", "scope", "vendor",
})  # fmt: skip
_PLAIN: Final = 4  # iface NAME FAMILY METHOD
_NAMES: Final = "dns-"  # resolvconf(8)


def files(root: Path) -> list[Path]:
    """Give ifupdown's configuration below the host's root: its file, and those that are taken in there."""
    found: list[Path] = []
    left = [root / _MAIN]
    while left:
        path = left.pop(0)
        if path not in found and path.is_file():
            found.append(path)
            left += _sourced(root, path)
    return found


def _sourced(root: Path, path: Path) -> Iterator[Path]:
    for word, name in re.findall(r"^\s*(source|source-directory)\s+(\S+)", path.read_text(), re.MULTILINE):
        folder = root if name.startswith("/") else path.parent
        taken = sorted(folder.glob(name.lstrip("/")))
        if word == "source":
            yield from taken
        else:
            yield from (one for each in taken for one in sorted(each.glob("*")) if re.fullmatch(r"[\w-]+", one.name))


def method(nic: str, family: str, text: str) -> str:
    """Give the method by which a NIC is configured for a family, inet or inet6; empty where it is not."""
    found = re.search(rf"^\s*iface\s+{re.escape(nic)}\s+{family}\s+(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def runs(nic: str, text: str) -> bool:
    """Tell whether a file of ifupdown's configures a NIC, or an alias of it, `NIC:LABEL`."""
    return re.search(rf"^\s*iface\s+{re.escape(nic)}(:\S*)?\s", text, re.MULTILINE) is not None


def bridged(text: str, change: BridgeChange, path: Path) -> str:
    """Give the file with the bridge in it, and the NIC as its port; `path` is for NicUncarried, which it raises."""
    lines = _GOES_ON.sub(lambda found: re.sub(r"\s*\\\n\s*", " ", found[0]), text).splitlines()
    kept: list[str] = []
    moved: list[str] = []
    for stanza in _stanzas(lines):
        words = stanza[0].split()
        if words[:1] == ["iface"] and words[1].startswith(f"{change.nic.name}:"):
            why = _("the addresses of an alias would stay on {nic}", nic=change.nic.name)
            raise uncarried(" ".join(words), why, path)
        if words[:2] != ["iface", change.nic.name]:
            kept += stanza
            continue
        if len(words) != _PLAIN:
            why = _("only a family and a method may follow the name: what is inherited cannot be told apart")
            raise uncarried(" ".join(words), why, path)
        own, bridges = _split(stanza[1:], change)
        kept += [f"iface {change.nic.name} {words[2]} manual", *own]
        first = [] if moved else list(_making(change))
        moved += ["", f"iface {change.bridge} {' '.join(words[2:])}", *first, *bridges]
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join([*kept, "", f"auto {change.bridge}", *moved[1:], ""])


def _stanzas(lines: list[str]) -> Iterator[list[str]]:
    """Cut the file where something begins; blank lines and comments go with what is before them."""
    stanza: list[str] = []
    for line in lines:
        if _BEGINS.match(line.strip()) and stanza:
            yield stanza
            stanza = []
        stanza.append(line)
    if stanza:
        yield stanza


def _split(lines: list[str], change: BridgeChange) -> tuple[list[str], list[str]]:
    own: list[str] = []
    bridges: list[str] = []
    for line in lines:
        if not _bridges(line.strip()):
            own.append(line)
        elif _COMMAND.match(line.strip()):
            bridges.append(re.sub(rf"(?<!\S){re.escape(change.nic.name)}(?!\S)", change.bridge, line))
        else:
            bridges.append(line)
    while own and not own[-1].strip():
        own.pop()
    return [*own, ""], bridges


def _bridges(line: str) -> bool:
    """Tell whether a line is about the host in its network, not about the NIC."""
    command = _COMMAND.match(line)
    if command:
        when, words = command.groups()
        at_its_address = when not in _FIRST_AND_LAST and not _OF_LINKS.search(words)
        return at_its_address or _OF_ADDRESSES.search(words) is not None
    key = line.split(maxsplit=1)[0] if line else ""
    return key in _ADDRESSING or key.startswith(_NAMES)


def _making(change: BridgeChange) -> Iterator[str]:
    """Give the commands that make the bridge; they need no bridge-utils."""
    look = f"ip link show dev {change.bridge} >/dev/null 2>&1"
    make = f"ip link add name {change.bridge} address {change.nic.mac} type bridge stp_state 0 forward_delay 0"
    yield f"    pre-up {look} || {make}"
    if change.nic.kind in (BOND, VLAN):  # there is none before ifupdown has made it, whose `auto` may come later
        yield f"    pre-up ifquery --state {change.nic.name} >/dev/null || ifup {change.nic.name}"
    yield f"    pre-up ip link set dev {change.nic.name} up master {change.bridge}"
    yield f"    post-down ip link delete dev {change.bridge}"
    if change.nic.mtu != USUAL_MTU:
        for link in (change.nic.name, change.bridge):  # the NIC's may have come with a lease
            yield f"    pre-up ip link set dev {link} mtu {change.nic.mtu}"
