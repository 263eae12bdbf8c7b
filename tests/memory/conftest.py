"""An archive of 4 GiB, and a way to measure a process with its children."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import psutil
import pytest

from tests.unit.domain.builders import files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
GIB: Final = 1 << 30
NOISE: Final = os.urandom(64 << 20)  # gzip looks back 32 KiB, so its repetition is as good as random
REST: Final = {
    "version": b"4.5.6\n",
    "os_version": b"debian12\n",
    "config": b"DB_DUMP_COMPRESSOR=\nDB_DUMP_FORMAT=custom\n",
    "db/engine_backup.db": b"PGDMP" + bytes(1000),
}
OTHERS: Final = ("qemu-system-x86_64", "libvirtd", "virtlogd", "dnsmasq", "nsenter")


@dataclass
class Noise(io.RawIOBase):
    """A file of random bytes that is not there."""

    left: int

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left, len(NOISE))
        buffer[:size] = NOISE[:size]
        self.left -= size
        return size


def write_archive(target: IO[bytes], size: int) -> None:
    """Write a valid archive with a member of `size` random bytes; the hashes come last."""
    hashes: list[str] = []
    with (
        gzip.GzipFile(fileobj=target, mode="wb", compresslevel=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for name, content in {**REST, "files": files()}.items():
            _add(tar, name, io.BytesIO(content), len(content))
            hashes.append(f"{hashlib.sha256(content).hexdigest()}  {name}")
        digest = hashlib.sha256()
        noise = Noise(size)
        block = memoryview(bytearray(1 << 20))
        while got := noise.readinto(block):
            digest.update(block[:got])
        _add(tar, "db/dwh_backup.db", io.BufferedReader(Noise(size), 1 << 20), size)
        listing = "\n".join([*hashes, f"{digest.hexdigest()}  db/dwh_backup.db", ""]).encode()
        _add(tar, "sha256sum", io.BytesIO(listing), len(listing))


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(f"./{name}")
    member.size = size
    tar.addfile(member, content)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give an archive of 4 GiB."""
    path = tmp_path_factory.mktemp("archive") / "backup"
    with path.open("wb") as stream:
        write_archive(stream, 4 * GIB)
    yield path
    path.unlink()


class Scales:
    """Weighs a process with all its children, again and again until it ends.

    `peak` is the highest sum of proportional set sizes, in bytes; the hypervisor's processes are left out.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.peak = 0
        self._process = psutil.Process(process.pid)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            self.peak = max(self.peak, sum(map(_weight, [self._process, *self._process.children(recursive=True)])))
            time.sleep(0.1)


def _weight(process: psutil.Process) -> int:
    try:
        return 0 if process.name() in OTHERS else int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def program(*arguments: str | Path) -> list[str]:
    """Give the command line of the real program."""
    return [str(Path(sys.executable).with_name("hosted-engine")), *map(str, arguments)]
