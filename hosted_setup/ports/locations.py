"""Where things lie: a disk's bytes anywhere, and what storage domains live in. Plain data, good for the journal."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath

import msgspec


class FileAt(msgspec.Struct, frozen=True, tag="file"):
    """A file that this host's kernel sees; a `shared` one is on a file system that was proven to do direct I/O."""

    path: str
    shared: bool = False

    def __str__(self) -> str:
        """Give the path."""
        return self.path

    @property
    def command(self) -> str:
        """Give the command that shows it."""
        return f"ls -l {shlex.quote(self.path)}"


class DeviceAt(msgspec.Struct, frozen=True, tag="device"):
    """A block device of this host's kernel."""

    path: str

    def __str__(self) -> str:
        """Give the path."""
        return self.path

    @property
    def command(self) -> str:
        """Give the command that shows it."""
        return f"lsblk {shlex.quote(self.path)}"


class NfsAt(msgspec.Struct, frozen=True, tag="nfs"):
    """A file on an NFS server, reached from user space as that user: `path` is the server's, with the export's."""

    server: str
    path: str
    uid: int
    gid: int

    def __str__(self) -> str:
        """Give the URL."""
        return f"nfs://{_in_url(self.server)}{self.path}"

    @property
    def command(self) -> str:
        """Give the command that shows it."""
        return _listing(self.server, str(PurePosixPath(self.path).parent))


class IscsiAt(msgspec.Struct, frozen=True, tag="iscsi"):
    """A LUN, reached from user space: the portal is address:port, the secret the UUID of libvirt's, never a password.

    Without a `user` there is no CHAP. `initiator` is the name that this host gives itself.
    """

    portal: str
    target: str
    lun: int
    user: str = ""
    secret: str = ""
    initiator: str = ""

    def __str__(self) -> str:
        """Give the URL."""
        return f"iscsi://{self.portal}/{self.target}/{self.lun}"

    @property
    def command(self) -> str:
        """Give the command that shows it."""
        return f"iscsi-ls -s {shlex.quote(f'iscsi://{self.portal}')}"


Location = FileAt | DeviceAt | NfsAt | IscsiAt


class DirectoryHome(msgspec.Struct, frozen=True, tag="directory"):
    """A directory that this host's kernel sees; what lives in it belongs to `uid`:`gid`.

    `source` is what has to be mounted on it, empty for a directory that is used as it is.
    """

    path: Path
    uid: int
    gid: int
    source: str = ""

    def __str__(self) -> str:
        """Give the path."""
        return str(self.path)

    @property
    def command(self) -> str:
        """Give the command that shows its room."""
        return f"df -h {shlex.quote(str(self.path))}"

    @property
    def shared(self) -> bool:
        """Tell whether other hosts may see the same."""
        return bool(self.source)

    def file(self, name: str) -> Location:
        """Give the place of a file in it."""
        return FileAt(str(self.path / name), self.shared)


class NfsHome(msgspec.Struct, frozen=True, tag="nfs"):
    """An export of an NFS server, used from user space as the user and group that own what lives in it.

    `version` is that of the protocol, 3 or 4, by which its tree is looked at; a VM's disk there is reached by 3 alone.
    """

    server: str
    export: str
    uid: int
    gid: int
    version: int = 3

    def __str__(self) -> str:
        """Give the URL."""
        return str(self.file(""))

    @property
    def command(self) -> str:
        """Give the command that shows what is in it."""
        return _listing(self.server, self.export)

    @property
    def shared(self) -> bool:
        """Tell whether other hosts may see the same."""
        return True

    def file(self, name: str) -> NfsAt:
        """Give the place of a file in it."""
        return NfsAt(self.server, str(PurePosixPath(self.export, name)), self.uid, self.gid)


class LunHome(msgspec.Struct, frozen=True, tag="lun"):
    """A LUN of `size` bytes, in which one storage domain lives."""

    at: DeviceAt | IscsiAt
    size: int

    @property
    def shared(self) -> bool:
        """Tell whether other hosts may see the same."""
        return True

    def __str__(self) -> str:
        """Give the place."""
        return str(self.at)

    @property
    def command(self) -> str:
        """Give the command that shows it."""
        return self.at.command


FileHome = DirectoryHome | NfsHome
Home = FileHome | LunHome


def _in_url(server: str) -> str:
    return f"[{server}]" if ":" in server else server


def _listing(server: str, folder: str) -> str:
    return f"nfs-ls {shlex.quote(f'nfs://{_in_url(server)}{folder}')}"
