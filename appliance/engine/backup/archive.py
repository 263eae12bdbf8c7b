"""The archive: an outer tar of a closed set of members, each covered by a hash.

Everything read here is untrusted: members are taken by name from the closed set, links and devices are
refused, and nothing is ever executed or sourced.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from ..conf import ConfigurationError, parse
from ..console import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES, VERSION, OS_VERSION, CONFIG = "files", "version", "os_version", "config"
ENGINE_DB, DWH_DB = "db/engine_backup.db", "db/dwh_backup.db"
OTHER_DBS = ("db/cinderlib_backup.db", "db/keycloak_backup.db", "db/managedblock_backup.db", "db/grafana.db")
HASH_FILES = {"sha256sum": "sha256", "md5sum": "md5"}
MEMBERS = frozenset({FILES, VERSION, OS_VERSION, CONFIG, ENGINE_DB, DWH_DB, *OTHER_DBS, *HASH_FILES})
SMALL = frozenset({VERSION, OS_VERSION, CONFIG, *HASH_FILES})
SMALL_LIMIT = 64 * 1024

COMPRESSORS = ("gzip", "bzip2", "xz", "None")
_TAR_OPTION = {"gzip": ["--gzip"], "bzip2": ["--bzip2"], "xz": ["--xz"], "None": []}
_CONFIG_KEY = re.compile(r"((DWH|CINDERLIB|KEYCLOAK|MANAGEDBLOCK)_)?DB_DUMP_(FORMAT|COMPRESSOR)")
_HASH_LINE = re.compile(r"([0-9a-f]+) [ *](?:\./)?(.+)")
_BLOCK = 1 << 20


class ArchiveError(ToolError):
    """The archive is damaged, or not one of ours."""


@dataclass(frozen=True)
class DumpForm:
    """How a database dump was stored."""

    plain: bool
    compressor: str


@dataclass(frozen=True)
class Unpacked:
    """A checked archive, unpacked into a private folder."""

    folder: Path
    members: dict[str, float]  # with their modification times
    version: str
    settings: dict[str, str]

    def has(self, member: str) -> bool:
        """Tell whether a member is there and not empty."""
        return member in self.members and (self.folder / member).stat().st_size > 0

    def form(self, prefix: str) -> DumpForm:
        """Tell how a database was dumped; ``prefix`` is empty for the engine's own."""
        kind = self.settings.get(f"{prefix}DB_DUMP_FORMAT", "custom")
        compressor = self.settings.get(f"{prefix}DB_DUMP_COMPRESSOR", "") or "None"
        if kind not in {"plain", "custom"} or compressor not in COMPRESSORS:
            message = f"config: unknown dump format '{kind}' or compressor '{compressor}'"
            raise ArchiveError(message)
        return DumpForm(plain=kind == "plain", compressor=compressor)


def create_private(path: Path) -> int:
    """Create a file for the owner alone, replacing an old one without following links."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def tar(folder: Path, names: list[str], target: Path, compressor: str) -> None:
    """Pack with GNU tar, which alone writes sparse files; the list of names goes through standard input."""
    command = [
        "tar",
        "-C",
        str(folder),
        "-cpS",
        "--hard-dereference",
        *_TAR_OPTION[compressor],
        "-f",
        "-",
        "--null",
        "-T",
        "-",
    ]
    descriptor = create_private(target)
    try:
        done = subprocess.run(
            command,
            input="\0".join(names).encode(),
            stdout=descriptor,
            stderr=subprocess.PIPE,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if done.returncode != 0:
        message = f"tar failed: {done.stderr.decode(errors='replace').strip()}"
        raise ToolError(message)


def write_hashes(folder: Path) -> None:
    """Write ``sha256sum`` over every regular file of the folder but itself."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    lines = []
    for name in names:
        with (folder / name).open("rb") as handle:
            lines.append(f"{hashlib.file_digest(handle, 'sha256').hexdigest()}  {name}\n")
    (folder / "sha256sum").write_text("".join(lines))


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file through whatever compression its first bytes tell."""
    with path.open("rb") as raw:
        magic = raw.read(6)
        raw.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
        elif magic.startswith(b"BZh"):
            yield cast("IO[bytes]", bz2.BZ2File(raw))
        elif magic.startswith(b"\xfd7zXZ\0"):
            yield cast("IO[bytes]", lzma.LZMAFile(raw))  # noqa: SIM115 what it wraps is closed above
        else:
            yield raw


def unpack(archive: Path, folder: Path) -> Unpacked:
    """Unpack into an empty private folder in one pass, and check everything but the version rule."""
    digests: dict[str, dict[str, str]] = {}
    times: dict[str, float] = {}
    try:
        with opened(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as outer:
            for member in outer:
                name = member.name.removeprefix("./")
                if member.isdir() and name in {".", "db"}:
                    continue
                digests[name] = _take(outer, member, name, folder, seen=digests)
                times[name] = float(member.mtime)
            while stream.read(_BLOCK):  # to the end of the compressed stream, where its checksum is
                pass
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError, ValueError) as problem:
        message = f"'{archive}' cannot be read as a backup archive: {problem}"
        raise ArchiveError(message) from None
    _check_hashes(folder, digests)
    return Unpacked(folder, times, _version(folder, times), _settings(folder, times))


def _take(
    outer: tarfile.TarFile, member: tarfile.TarInfo, name: str, folder: Path, *, seen: dict[str, dict[str, str]]
) -> dict[str, str]:
    if name not in MEMBERS or not member.isfile():
        message = f"unexpected member '{member.name}' in the archive"
        raise ArchiveError(message)
    if name in seen:
        message = f"member '{member.name}' is there twice"
        raise ArchiveError(message)
    if name in SMALL and member.size > SMALL_LIMIT:
        message = f"member '{member.name}' is unreasonably large"
        raise ArchiveError(message)
    room = shutil.disk_usage(folder).free
    if member.size > room:
        message = f"member '{member.name}' needs {member.size} bytes, {room} are free in '{folder}'"
        raise ArchiveError(message)
    target = folder / name
    target.parent.mkdir(mode=0o700, exist_ok=True)
    content = outer.extractfile(member)
    if content is None:
        message = f"member '{member.name}' has no content"
        raise ArchiveError(message)
    sums = {kind: hashlib.new(kind, usedforsecurity=False) for kind in HASH_FILES.values()}
    with os.fdopen(create_private(target), "wb") as out:
        while block := content.read(_BLOCK):
            out.write(block)
            for digest in sums.values():
                digest.update(block)
    if target.stat().st_size != member.size:
        message = f"member '{member.name}' is cut short"
        raise ArchiveError(message)
    return {kind: digest.hexdigest() for kind, digest in sums.items()}


def _check_hashes(folder: Path, digests: dict[str, dict[str, str]]) -> None:
    hash_file = next((name for name in HASH_FILES if name in digests), None)
    if hash_file is None:
        message = "the archive has no hash file (sha256sum or md5sum)"
        raise ArchiveError(message)
    stated: dict[str, str] = {}
    for line in (folder / hash_file).read_text(encoding="utf-8").splitlines():
        match = _HASH_LINE.fullmatch(line)
        if match is None or match[2] in stated:
            message = f"{hash_file}: cannot understand the line '{line}'"
            raise ArchiveError(message)
        stated[match[2]] = match[1]
    actual = {name: sums[HASH_FILES[hash_file]] for name, sums in digests.items() if name not in HASH_FILES}
    for name in sorted(actual.keys() | stated.keys()):
        if actual.get(name) != stated.get(name):
            reason = (
                "is not in the archive" if name not in actual
                else "has no hash" if name not in stated
                else "does not have the stated hash"
            )  # fmt: skip
            message = f"{hash_file}: '{name}' {reason}"
            raise ArchiveError(message)


def _version(folder: Path, members: dict[str, float]) -> str:
    if VERSION not in members:
        message = "the archive does not tell the version that wrote it"
        raise ArchiveError(message)
    return (folder / VERSION).read_text(encoding="utf-8").strip()


def _settings(folder: Path, members: dict[str, float]) -> dict[str, str]:
    """Read ``config``: assignments from a closed set of keys, never anything a shell would look at."""
    if CONFIG not in members:
        return {}
    try:
        settings = parse((folder / CONFIG).read_text(encoding="utf-8"), CONFIG)
    except ConfigurationError as problem:
        raise ArchiveError(str(problem)) from None
    for key in settings:
        if not _CONFIG_KEY.fullmatch(key):
            message = f"config: unknown key '{key}'"
            raise ArchiveError(message)
    return settings
