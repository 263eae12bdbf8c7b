"""The storage domain: where the engine VM's disk lives, laid out so that every host finds the same things."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hosted_setup.files import put
from hosted_setup.model.question import Choice, ask, section
from hosted_setup.model.values import Name
from hosted_setup.pipeline.plan import Alternatives
from hosted_setup.storage import StorageBackend
from hosted_setup.model.messages import _

CONF_FILES: Final = ("hosted-engine.conf", "vm.conf", "fhanswers.conf", "broker.conf", "version")
"""The shared configuration, in `conf/` of the domain."""


@dataclass(frozen=True)
class StorageBackends:
    """The back ends that this program and its plugins know, by kind."""

    by_kind: dict[str, StorageBackend[Any]]


def _kinds(backends: StorageBackends) -> tuple[Choice, ...]:
    return tuple(Choice(kind, _(backend.title)) for kind, backend in backends.by_kind.items())


@section("Storage")
class StorageChoice:
    """On which kind of storage the engine VM's disk will live; the kind's own section asks the rest."""

    kind: str = ask("Storage type", key="OVEHOSTED_STORAGE/domainType", default="localfs", offer=_kinds)
    name: Name = ask(
        "Name of the storage domain",
        key="OVEHOSTED_STORAGE/storageDomainName",
        default=Name("hosted_storage"),
        asked=False,
    )


@dataclass(frozen=True)
class Storage:
    """The chosen storage: the kind of its back end, and the answers that are that back end's own."""

    kind: str
    connection: str
    answers: Any


def _kind(choice: StorageChoice) -> str:
    return choice.kind


def alternatives(backends: Mapping[str, StorageBackend[Any]]) -> Alternatives:
    """Give the plan's choice among the back ends."""

    def made(kind: str, answers: object) -> Storage:
        return Storage(kind, backends[kind].connection(answers), answers)

    ways = {kind: backend.answers for kind, backend in backends.items()}
    return Alternatives(Storage, "The chosen storage", _kind, ways, made)


@dataclass(frozen=True)
class StorageDomain:
    """A storage domain on files: `root` is the folder that bears its UUID; all in it belongs to `uid`:`gid`."""

    uuid: str
    root: Path
    uid: int
    gid: int

    @property
    def metadata(self) -> Path:
        """Give the marker file: KEY=VALUE lines."""
        return self.root / "dom_md/metadata"

    @property
    def images(self) -> Path:
        """Give the folder of the disks."""
        return self.root / "images"

    @property
    def pointer(self) -> Path:
        """Give the file that names the current disk."""
        return self.images / "current.json"

    @property
    def conf(self) -> Path:
        """Give the folder of the shared configuration."""
        return self.root / "conf"

    def made_by(self, run_id: str) -> bool:
        """Tell whether this domain carries the mark of that run."""
        try:
            return f"RUN={run_id}" in self.metadata.read_text().splitlines()
        except OSError:
            return False

    def make_folder(self, path: Path) -> None:
        """Create a folder of this domain, exclusively."""
        path.mkdir(mode=0o755)
        self.own(path)

    def own(self, path: Path) -> None:
        """Give a file or folder to the domain's owner."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def write(self, path: Path, content: bytes, mode: int = 0o644, *, new: bool = False) -> None:
        """Write a file of this domain whole or not at all; a `new` one replaces none."""
        beside = path.with_name(f".{path.name}.new")
        owner = (self.uid, self.gid) if os.geteuid() == 0 else None
        put(path, content, mode, beside=beside, owner=owner, new=new)

    def remove(self) -> bool:
        """Remove the folders with the files that this program puts there, the mark last; tell whether all is gone."""
        remove_known(self.conf, CONF_FILES)
        remove_known(self.root / "ha_agent")
        remove_known(self.images)
        remove_known(self.metadata.parent, (self.metadata.name,))
        return remove_known(self.root)

    def current(self) -> str | None:
        """Give the volume that the pointer names, None when there is no pointer."""
        try:
            volume = json.loads(self.pointer.read_text())["volume"]
        except FileNotFoundError:
            return None
        return str(volume)

    def point_to(self, volume: str, kind: str) -> None:
        """Make the pointer, atomically, where there is none."""
        self.write(self.pointer, json.dumps({"volume": volume, "format": kind}).encode() + b"\n", new=True)


def remove_known(folder: Path, names: Iterable[str] = ()) -> bool:
    """Remove the files of these names and their unfinished beginnings, then the folder if nothing else is in it."""
    if folder.is_symlink() or not folder.is_dir():
        return not folder.exists()
    for name in names:
        for path in (folder / name, folder / f".{name}.new"):
            if path.is_file():
                path.unlink()
    if any(folder.iterdir()):
        return False
    folder.rmdir()
    return True
