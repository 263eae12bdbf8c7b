"""The files of a pretended world: JSON, replaced in one go, so that kill -9 leaves the old or the new state."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = TypeVar("T")


@dataclass
class Network:
    """A virtual network."""

    uuid: str
    name: str
    xml: str
    active: bool = False


@dataclass
class KeptSecret:
    """A password that the hypervisor keeps; base64, as libvirt keeps it."""

    uuid: str
    usage: str
    mark: str
    value: str


@dataclass
class Guest:
    """What the guest of a running domain is doing: it says `lines` one by one, from `at` on."""

    lines: tuple[str, ...] = ()
    at: int = 0
    since: float = 0.0
    """When (monotonic) it could go on from `start`."""
    start: int = 0
    asking: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    """SHA-256 of what it was told."""
    serving: bool = False


@dataclass
class Domain:
    """A domain; `live` is the XML of the running one, empty when it is off."""

    uuid: str
    name: str
    xml: str
    live: str = ""
    boot: int = -1
    stalled: bool = False
    crashed: bool = False
    persistent: bool = True
    pulls: dict[str, int] = field(default_factory=dict)
    detaching: list[str] = field(default_factory=list)
    guest: Guest = field(default_factory=Guest)
    entities: list[dict[str, object]] = field(default_factory=list)
    """What the engine in it holds."""


def save(path: Path, value: object) -> None:
    """Replace `path` by `value`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(value)))
    beside.replace(path)


def load(path: Path, kind: type[T]) -> T | None:
    """Read `path`; None when it is not there."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def load_all(folder: Path, kind: type[T]) -> Iterator[T]:
    """Read everything in `folder`, in the order of the names."""
    for path in sorted(folder.glob("*.json")):
        found = load(path, kind)
        if found is not None:
            yield found
