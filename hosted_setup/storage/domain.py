"""A storage domain as a run and its journal know it: which one, and where."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.lun_contents import look
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.ports.locations import DirectoryHome, Home, IscsiAt, LunHome
from hosted_setup.ports.problems import CONNECT
from hosted_setup.storage.block_layout import BlockLayout
from hosted_setup.storage.file_layout import FileLayout

if TYPE_CHECKING:
    from hosted_setup.domain.lun_contents import Reader
    from hosted_setup.ports.host import Host
    from hosted_setup.ports.locations import FileHome
    from hosted_setup.ports.trees import Tree
    from hosted_setup.storage.layout import Layout

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NotConnected(Problem):
    """What the storage domain lies in is not there: it is not mounted, or this host has no such LUN now."""

    code = "HE-STORAGE-MOUNT"
    title = "The storage is not connected"


@dataclass(frozen=True)
class StorageDomain:
    """A storage domain in its home."""

    uuid: str
    home: Home

    def on(self, host: Host) -> Layout:
        """Give the domain at work; NotConnected where its home is not."""
        if not is_reached(self.home, host):
            where = str(self.home)
            source = self.home.source if isinstance(self.home, DirectoryHome) else ""
            detail = _("{source} on {where}", source=source, where=where) if source else where
            why = _("it was connected, and is not any more")
            hint = _("Connect it as it was, then go on as before:")
            raise NotConnected(detail, why=why, where=where, hint=hint, command=CONNECT)
        if isinstance(self.home, LunHome):
            return BlockLayout(self.uuid, self.home, host.images, host.disk_tools)
        return FileLayout(self.uuid, self.home, host.trees.at(self.home))

    def __str__(self) -> str:
        """Give the place, for people."""
        return f"{self.home}/{self.uuid}"


def domains_in(home: FileHome, tree: Tree) -> tuple[Layout, ...]:
    """Give the storage domains that live in a tree and can be read, in order; raises OSError."""
    found = []
    for one in (FileLayout(name, home, tree) for name in tree.names("") if _UUID.fullmatch(name)):
        with suppress(Problem):  # a damaged one is nobody's
            found += [one] if one.mark() else []
    return tuple(found)


def domain_on(home: LunHome, read: Reader, host: Host) -> tuple[Layout, ...]:
    """Give the storage domain that lives on a LUN, if there is one, as `read` sees it; raises Problem, OSError."""
    found = look(host.disk_tools, read, home.size).domain
    return (BlockLayout(found.uuid, home, host.images, host.disk_tools, read),) if found else ()


def is_reached(home: Home, host: Host) -> bool:
    """Tell whether what has to be mounted on a home is, or whether this host has its LUN."""
    if isinstance(home, LunHome):
        return isinstance(home.at, IscsiAt) or host.luns.device(home.at.path) is not None
    if not isinstance(home, DirectoryHome) or not home.source:
        return True
    found = host.mounts.mounted(home.path)
    return found is not None and found.source == home.source
