"""The files of a backup: which they are, and putting them back safely."""

from __future__ import annotations

import fnmatch
import grp
import os
import pwd
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .. import paths
from ..console import ToolError
from .archive import ArchiveError, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCT_PATHS = (
    *("etc/ovirt-engine", "etc/ovirt-engine-dwh", "etc/ovirt-engine-setup.conf.d", "etc/ovirt-engine-backup"),
    *("etc/pki/ovirt-engine", "var/lib/ovirt-engine"),
)
# These belong to the installed version, not to the one that was backed up.
NEVER_OVERWRITTEN = ("etc/ovirt-engine-setup.conf.d/10-packaging*.conf", "etc/pki/ovirt-engine/*.template*")

_HOOK = re.compile(r'BACKUP_PATHS="\$\{?BACKUP_PATHS\}?((?:\s+/[^\s"$`\\]+)*)\s*"')


def backup_paths() -> list[str]:
    """Return what to save, relative to the root: the product's own paths and those of the hooks."""
    wanted = list(PRODUCT_PATHS)
    for hook in sorted(paths.BACKUP_CONF_D.glob("*.sh")):
        wanted += _hook_paths(hook)
    return [name for name in wanted if (paths.ROOT / name).exists()]


def _hook_paths(hook: Path) -> list[str]:
    """Read a hook: only additions to BACKUP_PATHS are understood, and a hook is never run."""
    lines = hook.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#")).strip()
    found = [item.lstrip("/") for match in _HOOK.finditer(text) for item in match[1].split()]
    if _HOOK.sub("", text).strip() or any(".." in PurePosixPath(item).parts for item in found):
        message = f'{hook}: only BACKUP_PATHS="${{BACKUP_PATHS}} /path ..." is supported'
        raise ToolError(message)
    return found


def restore(source: Path) -> int:
    """Put the files of an inner tar back under the root; return how many."""
    count = 0
    try:
        with opened(source) as stream, tarfile.open(fileobj=stream, mode="r|") as inner:
            for member in inner:
                if _kept(member.name):
                    continue
                _put(inner, member)
                count += 1
    except (tarfile.TarError, EOFError) as problem:
        message = f"the archive's files cannot be read: {problem}"
        raise ArchiveError(message) from None
    return count


def check(source: Path) -> None:
    """Read all of an inner tar and refuse what ``restore`` would refuse."""
    for name, member in _members(source):
        _parts(name)
        _kind(member)


def _members(source: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    try:
        with opened(source) as stream, tarfile.open(fileobj=stream, mode="r|") as inner:
            for member in inner:
                yield member.name, member
    except (tarfile.TarError, EOFError, OSError) as problem:
        message = f"the archive's files cannot be read: {problem}"
        raise ArchiveError(message) from None


def _kept(name: str) -> bool:
    return any(fnmatch.fnmatch(name.removeprefix("./"), pattern) for pattern in NEVER_OVERWRITTEN)


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        message = f"the archive's files hold the name '{name}', which leaves the tree"
        raise ArchiveError(message)
    return path.parts


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "directory"
    if member.isfile():
        return "file"
    if member.issym():
        # A relative link counts from its folder; more steps up than the folder is deep leave the tree.
        up = PurePosixPath(member.linkname).parts.count("..")
        if up < len(PurePosixPath(member.name.removeprefix("./")).parts):
            return "link"
    message = f"the archive's files hold '{member.name}', which is neither file, directory nor plain link"
    raise ArchiveError(message)


def _put(inner: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    parts = _parts(member.name)
    kind = _kind(member)
    if not parts:
        return
    parent = _parent(parts[:-1])
    target = parent / parts[-1]
    if kind == "directory":
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            message = f"'{target}' is in the way of a directory of the backup"
            raise ToolError(message)
        target.mkdir(exist_ok=True)
        _own(target, member)
        target.chmod(member.mode & 0o1777)
        return
    beside = parent / f".{parts[-1]}.restored"
    beside.unlink(missing_ok=True)
    if kind == "link":
        beside.symlink_to(member.linkname)
        _own(beside, member)
    else:
        _write(inner, member, beside)
    if target.is_dir() and not target.is_symlink():
        beside.unlink()
        message = f"the directory '{target}' is in the way of a file of the backup"
        raise ToolError(message)
    beside.replace(target)


def _parent(parts: tuple[str, ...]) -> Path:
    """Return the folder to write in, made if missing; a link in between could lead anywhere."""
    folder = paths.ROOT
    for part in parts:
        folder /= part
        if folder.is_symlink():
            message = f"'{folder}' is a link; the backup's files are not written through it"
            raise ToolError(message)
        folder.mkdir(exist_ok=True, mode=0o755)
    return folder


def _write(inner: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = inner.extractfile(member)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while content and (block := content.read(1 << 20)):
            out.write(block)
        _own(target, member)
        os.fchmod(descriptor, member.mode & 0o777)  # never setuid from an archive
    os.utime(target, (member.mtime, member.mtime))


def _own(target: Path, member: tarfile.TarInfo) -> None:
    """Give the owner by name: numbers differ between machines. Unknown names become root."""
    if os.geteuid() != 0 or paths.PREFIX:
        return
    os.chown(target, _uid(member.uname), _gid(member.gname), follow_symlinks=False)


def _uid(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return 0


def _gid(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return 0
