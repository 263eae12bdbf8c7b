"""A storage domain laid out in files.

    UUID/dom_md/metadata        the mark
    UUID/images/VOLUME/VOLUME   a disk; beside it VOLUME.importing while it does not stand alone, and what is lent
    UUID/images/current.json    the pointer
    UUID/conf/                  the shared configuration
    UUID/ha_agent/              of the agents
    UUID/hosts/NUMBER/host.json who has that host id

It is built under `.UUID.RUN`, then gets its name in one move; a reservation of a host id likewise, under `hosts/.RUN`:
no folder takes the name of another that is not empty. What is written by one rename is sealed with a checksum
(`domain/seal.py`): the mark, the pointer, each file of the shared configuration and of a host.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.domain_mark import LIMIT, DomainMark
from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.pointer import Pointer
from hosted_setup.domain.seal import TEXT, sealed_object, unsealed_object
from hosted_setup.model.messages import _
from hosted_setup.model.values import MIB
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.trees import Kind, unfinished
from hosted_setup.storage.layout import CONF_FILES, LENT, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.trees import Tree

_MARK: Final = "dom_md/metadata"
_SLOT: Final = "host.json"
_TAKEN: Final = (errno.EEXIST, errno.ENOTEMPTY)
_NO_FILE: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FileLayout:
    """Implements `Layout` over a tree."""

    def __init__(self, uuid: str, home: FileHome, tree: Tree) -> None:
        """Work on the domain `uuid` in the tree of `home`."""
        self._uuid = uuid
        self._home = home
        self._tree = tree
        self._images = f"{uuid}/images"
        self._pointer = f"{self._images}/current.json"
        self._conf = f"{uuid}/conf"
        self._hosts = f"{uuid}/hosts"

    def create(self, name: str, run_id: str) -> None:
        """Make the domain, whole or not at all, with that run's mark."""
        building = self._building(run_id)
        self._tree.make_folder(building)
        self._tree.make_folder(f"{building}/dom_md")
        self._tree.write(f"{building}/{_MARK}", DomainMark(self._uuid, name, run_id).encode(), 0o644)
        for folder in ("images", "ha_agent", "conf", "hosts"):
            self._tree.make_folder(f"{building}/{folder}")
        self._tree.rename(building, self._uuid)

    def mark(self) -> DomainMark | None:
        """Read what the domain says of itself; None when there is none."""
        return self._mark(self._uuid)

    def name_engine(self, engine: str) -> None:
        """Add to the mark which engine lives here."""
        found = self.mark()
        if found is None:
            raise damaged(self._place(f"{self._uuid}/{_MARK}"), _("it is gone"), self._home.command)
        named = DomainMark(found.uuid, found.name, found.run, engine)
        self._tree.write(f"{self._uuid}/{_MARK}", named.encode(), 0o644)

    def made_by(self, run_id: str) -> bool:
        """Tell whether there is a domain with that run's mark."""
        return self._made_by(run_id, self._uuid)

    def removable(self, run_id: str) -> bool:
        """Tell the same, for whoever is going to remove something of it: what was mounted over it is left alone."""
        self._tree.refuse_mounts(self._uuid)
        return self.made_by(run_id)

    def remove(self, run_id: str) -> tuple[str, ...]:
        """Remove the domain that this run made, or was making; the mark last."""
        left = []
        for root in (self._building(run_id), self._uuid):
            self._tree.refuse_mounts(root)
            if self._made_by(run_id, root) and not self._remove_marked(root, run_id):
                left.append(self._place(root))
            self._remove_unmarked(root)
        return tuple(left)

    def add_volume(self, volume: str, format: str, size: int) -> DiskSource:  # noqa: A002, ARG002 - files need no size
        """Make an empty file in a folder of its own, and the importing mark beside it."""
        self._tree.make_folder(f"{self._images}/{volume}")
        self._tree.write(self._importing(volume), b"", 0o644)
        self._tree.make_file(self._beside(volume, volume), 0o660)
        return DiskSource(self._home.file(self._beside(volume, volume)), format)

    def has(self, volume: str) -> bool:
        """Tell whether there is such a volume."""
        return self._tree.kind(self._beside(volume, volume)) is Kind.FILE

    def is_importing(self, volume: str) -> bool:
        """Tell whether a volume does not stand alone yet."""
        return self._tree.kind(self._importing(volume)) is not None

    def imported(self, volume: str) -> None:
        """Note that the volume stands alone."""
        self._tree.remove(self._importing(volume))

    def remove_volume(self, volume: str) -> None:
        """Remove a volume, its mark and what was lent beside it."""
        self._remove_known(f"{self._images}/{volume}", (volume, f"{volume}.importing", *LENT))

    def lend(self, volume: str, name: str, file: Path) -> DiskSource:
        """Copy a file to beside the volume."""
        self.take_back(volume, name)
        with file.open("rb") as stream:
            self._tree.make_file(self._beside(volume, name), 0o600, iter(lambda: stream.read(MIB), b""))
        return DiskSource(self._home.file(self._beside(volume, name)), "raw")

    def take_back(self, volume: str, name: str) -> None:
        """Remove what was lent, if it is there."""
        if self._tree.kind(self._beside(volume, name)) is Kind.FILE:
            self._tree.remove(self._beside(volume, name))

    def current(self) -> Pointer | None:
        """Read the pointer to the current volume; None when there is none."""
        try:
            content = self._tree.read(self._pointer, LIMIT)
        except FileNotFoundError:
            return None
        try:
            return unsealed_object(content, Pointer)
        except ValueError as error:
            raise damaged(self._place(self._pointer), str(error), self._home.command) from error

    def point_to(self, pointer: Pointer) -> None:
        """Make the pointer, atomically, where there is none."""
        self._tree.write(self._pointer, sealed_object(pointer), 0o644, new=True)

    def drop_pointer(self, volume: str) -> None:
        """Remove the pointer, if it names this volume, and an unfinished one."""
        if self._tree.kind(unfinished(self._pointer)) is Kind.FILE:
            self._tree.remove(unfinished(self._pointer))
        if self._points_to(volume):
            self._tree.remove(self._pointer)

    def write_conf(self, texts: Mapping[str, str]) -> None:
        """Write files of the shared configuration, each whole or not at all."""
        for name, text in texts.items():
            self._tree.write(f"{self._conf}/{name}", TEXT.put(text.encode()), 0o600)

    def read_conf(self) -> dict[str, str]:
        """Read the shared configuration, as far as it is there."""
        there = set(self._tree.names(self._conf)).intersection(CONF_FILES)
        return {name: self._text(f"{self._conf}/{name}") for name in sorted(there)}

    def hosts(self) -> dict[int, HostSlot]:
        """Read who has which host id."""
        names = self._tree.names(self._hosts) if self._tree.kind(self._hosts) is Kind.FOLDER else ()
        read = (self._slot(f"{self._hosts}/{name}") for name in names if name.isascii() and name.isdigit())
        return {slot.number: slot for slot in read if slot is not None}

    def reserve(self, slot: HostSlot) -> None:
        """Reserve a host id, in one move."""
        building, place = f"{self._hosts}/.{slot.run}", f"{self._hosts}/{slot.number}"
        with suppress(FileExistsError):
            self._tree.make_folder(building)
        self._tree.write(f"{building}/{_SLOT}", sealed_object(slot), 0o644)
        try:
            self._tree.rename(building, place)
        except OSError as error:
            self._remove_known(building, (_SLOT,))
            if error.errno in _TAKEN:
                raise FileExistsError(errno.EEXIST, f"{slot.number}", self._place(place)) from error
            raise

    def release(self, number: int, run_id: str) -> None:
        """Free a host id, if that run has reserved it, or was reserving it."""
        self._remove_known(f"{self._hosts}/.{run_id}", (_SLOT,))
        place = f"{self._hosts}/{number}"
        found = self._slot(place)
        if found is not None and found.run == run_id:
            self._remove_known(place, (_SLOT,))

    def free(self) -> int:
        """Give the bytes that are free."""
        return self._tree.space().free

    def _mark(self, root: str) -> DomainMark | None:
        try:
            content = self._tree.read(f"{root}/{_MARK}", LIMIT)
        except _NO_FILE:
            return None
        try:
            return DomainMark.decode(content)
        except ValueError as error:
            raise damaged(self._place(f"{root}/{_MARK}"), str(error), self._home.command) from error

    def _slot(self, folder: str) -> HostSlot | None:
        """Read a reservation; None for one that is being freed."""
        try:
            return unsealed_object(self._tree.read(f"{folder}/{_SLOT}", LIMIT), HostSlot)
        except _NO_FILE:
            return None
        except ValueError as error:
            raise damaged(self._place(f"{folder}/{_SLOT}"), str(error), self._home.command) from error

    def _text(self, path: str) -> str:
        try:
            return TEXT.take(self._tree.read(path, MIB)).decode()
        except ValueError as error:
            raise damaged(self._place(path), str(error), self._home.command) from error

    def _made_by(self, run_id: str, root: str) -> bool:
        found = self._mark(root)
        return found is not None and found.run == run_id and found.uuid == self._uuid

    def _points_to(self, volume: str) -> bool:
        """Tell whether it does; one that cannot be read has not been written by this program."""
        try:
            found = unsealed_object(self._tree.read(self._pointer, LIMIT), Pointer)
        except (*_NO_FILE, ValueError):
            return False
        return found.volume == volume

    def _remove_marked(self, root: str, run_id: str) -> bool:
        """Remove the folders with the files that this program puts there, the mark last; tell whether all is gone."""
        self._remove_known(f"{root}/conf", CONF_FILES)
        self._remove_known(f"{root}/ha_agent")
        for number in self.hosts() if root == self._uuid else ():
            self.release(number, run_id)
        self._remove_known(f"{root}/hosts")
        self._remove_known(f"{root}/images")
        self._remove_known(f"{root}/dom_md", ("metadata",))
        return self._remove_known(root)

    def _remove_unmarked(self, root: str) -> None:
        """Remove what a process left that died before it wrote the mark, or after it removed it: empty folders."""
        begun = f"{root}/{unfinished(_MARK)}"
        if root != self._uuid and self._tree.kind(begun) is Kind.FILE:
            self._tree.remove(begun)
        if self._tree.kind(f"{root}/{_MARK}") is None:
            self._remove_known(f"{root}/dom_md")
            self._remove_known(root)

    def _remove_known(self, folder: str, names: Iterable[str] = ()) -> bool:
        """Remove the files of these names and their unfinished beginnings, then the folder if nothing else is in it."""
        kind = self._tree.kind(folder)
        if kind is not Kind.FOLDER:
            return kind is None
        known = {one for name in names for one in (name, unfinished(name))}
        for name in known.intersection(self._tree.names(folder)):
            if self._tree.kind(f"{folder}/{name}") is Kind.FILE:
                self._tree.remove(f"{folder}/{name}")
        if self._tree.names(folder):
            return False
        self._tree.remove_folder(folder)
        return True

    def _building(self, run_id: str) -> str:
        return f".{self._uuid}.{run_id}"

    def _beside(self, volume: str, name: str) -> str:
        return f"{self._images}/{volume}/{name}"

    def _importing(self, volume: str) -> str:
        return self._beside(volume, f"{volume}.importing")

    def _place(self, path: str) -> str:
        return str(self._home.file(path))
