"""A pretended world as comparable text: what differs between two good runs is replaced by placeholders."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from hosted_setup.adapters import libvirt_xml
from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.domain.block_metadata import encoded
from hosted_setup.domain.lun_contents import ends_of, look
from hosted_setup.testing.network import FACTS
from hosted_setup.testing.state import Domain, KeptSecret, Network, load_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hosted_setup.testing.world import World

KEPT: Final = ("var/log/ovirt-hosted-engine-setup", "var/lib/ovirt-hosted-engine-setup")
"""Below the host's root, what a run leaves whatever becomes of it: its logs, its answers, its journal and events."""
_UUID: Final = re.compile(r"(?!0{8}-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SERIAL: Final = re.compile(r"(?<=<serial>)[0-9a-f-]{20}(?=</serial>)")
_UNREAD: Final = (".log", ".jsonl", ".gz")  # what is in them differs from run to run
_PLAIN: Final = (
    (re.compile(r"\b\d{14}-[0-9a-f]{6}\b"), "<run>"),
    (re.compile(r"\b20\d{12}\b|\b20\d\d-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)?|\b20\d{6}T\d{6}\b"), "<time>"),
    (re.compile(r"\b00:16:3e(:[0-9a-f]{2}){3}\b"), "<mac>"),
    (re.compile(r"((?<=\bSHA256=)|(?<=\"sha256\":\"))[0-9a-f]{64}"), "<digest>"),  # of UUIDs, times and the run
    (re.compile(r'(?<="token": ")[0-9a-f]{32}(?=")'), "<token>"),
)


def portrait(world: World, places: Mapping[Path, str] | None = None) -> dict[str, str]:
    """Give everything in the world by name, with its content; `places` are further folders to be masked."""
    masks = {str(path): mark for path, mark in {world.root: "<world>", **(places or {})}.items()}
    found = [(_masked(name, masks), _masked(text, masks)) for name, text in _entries(world)]
    found.sort(key=lambda entry: (_UUID.sub("", entry[0]), _UUID.sub("", entry[1]), entry))
    numbers: dict[str, str] = {}
    return {_numbered(name, numbers): _numbered(text, numbers) for name, text in found}


def changes(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """Tell what a run that was taken back has left or taken: empty when nothing."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return {name: after.get(name, "(gone)") for name in names if not _kept(name)}


def _kept(name: str) -> bool:
    """Tell whether a run may leave this: logs, answers, journal, events and lock, and the folders that lead there."""
    path = name.removeprefix("host/")
    if any(kept == path or kept.startswith(f"{path}/") for kept in KEPT):
        return True
    logs, state = KEPT
    inside = path.removeprefix(f"{state}/")
    run = r"runs/<run>(/(journal|events)\.jsonl)?"
    own = re.fullmatch(rf"answers|answers/[^/]+\.conf|runs|runs/\.lock|{run}", inside)
    return path.startswith(f"{logs}/") or (path.startswith(f"{state}/") and own is not None)


def _entries(world: World) -> Iterator[tuple[str, str]]:
    for domain in load_all(world.hypervisor.domains, Domain):
        media = " ".join(libvirt_xml.targets_with_medium(domain.live)) if domain.live else ""
        yield f"domain {domain.name}", f"{'running with ' + media if media else 'off'}\n{domain.xml}"
        for one in domain.entities:
            fields = msgspec.json.encode(one, order="sorted").decode()
            yield f"entity {one['collection']} {one['name']}", fields
    for network in load_all(world.hypervisor.networks, Network):
        yield f"network {network.name}", f"{'active' if network.active else 'off'}\n{network.xml}"
    for secret in load_all(world.hypervisor.secrets, KeptSecret):
        yield f"secret {secret.usage}", secret.uuid
    for path in (world.root / "luns").glob("*"):
        yield f"lun {path.name}", _lun(path)
    facts = world.network.facts()
    for link in facts.links if facts != FACTS else ():
        yield f"link {link.name}", repr((link, [route for route in facts.routes if route.device == link.name]))
    for top in (world.paths.root, world.storage, world.exports):
        for path in top.rglob("*"):
            yield str(path.relative_to(world.root)), _described(path)


def _lun(path: Path) -> str:
    """Tell what is on a LUN: its partitions, and what a domain of ours says of itself."""

    def read(regions: Sequence[tuple[int, int]]) -> list[bytes]:
        with path.open("rb") as file:
            return [os.pread(file.fileno(), length, start) for start, length in regions]

    size = path.stat().st_size
    found, table = look(UtilLinux(), read, size), UtilLinux().table(ends_of(read, size))
    partitions = [f"{one.name} {one.uuid} {one.size}" for one in (table.partitions if table else ())]
    uses = [one.told() for one in found.findings]
    return "\n".join([*uses, *partitions, encoded(found.domain).decode() if found.domain else ""])


def _described(path: Path) -> str:
    status = path.lstat()
    mode = stat.filemode(status.st_mode)
    if path.is_symlink():
        return f"{mode} {path.readlink()}"
    if not stat.S_ISREG(status.st_mode):
        return mode
    if path.suffix in _UNREAD or path.name == "boot":  # the hypervisor's number of a boot
        return mode
    content = path.read_bytes()
    if b"\0" in content:
        return f"{mode}\n{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"
    return f"{mode}\n{content.decode('utf-8', 'backslashreplace')}"


def _masked(text: str, masks: Mapping[str, str]) -> str:
    for path, mark in masks.items():
        text = text.replace(path, mark)
    for pattern, mark in _PLAIN:
        text = pattern.sub(mark, text)
    return _SERIAL.sub("<serial>", text)


def _numbered(text: str, numbers: dict[str, str]) -> str:
    """Number the UUIDs in the order in which they appear, so that it shows where the same one is meant."""
    return _UUID.sub(lambda found: numbers.setdefault(found[0], f"<uuid {len(numbers) + 1}>"), text)
