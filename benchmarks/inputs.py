"""Inputs of a wanted size: a valid backup archive, a plain OVA padded with what does not compress."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from appliance.recipe.ova import describe, write_ova
from tests.unit.domain import dumps

BLOCK = 1 << 20
PIECE = 64 << 20
GIB = 1 << 30
CONFIG = (
    "DB_DUMP_COMPRESSOR=\nDB_DUMP_FORMAT=custom\nDWH_DB_DUMP_COMPRESSOR=\nDWH_DB_DUMP_FORMAT=custom\n"
    "CINDERLIB_DB_DUMP_COMPRESSOR=\nCINDERLIB_DB_DUMP_FORMAT=custom\n"
)


class Noise(io.RawIOBase):
    """A reproducible stream of `size` bytes; of each pair of blocks one is noise and one is text."""

    def __init__(self, size: int, seed: int) -> None:
        self._left = size
        self._random = random.Random(seed)
        self._text = (b"INSERT INTO vm_dynamic VALUES (1, 'up', 4096, 2);\n" * (BLOCK // 50 + 1))[:BLOCK]
        self._kept = b""
        self._turn = False

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # the buffers tarfile gives
        """Fill `buffer`."""
        count = min(len(buffer), self._left)
        while len(self._kept) < count:
            self._turn = not self._turn
            self._kept += self._random.randbytes(BLOCK) if self._turn else self._text
        buffer[:count], self._kept = self._kept[:count], self._kept[count:]
        self._left -= count
        return count


def appliance_folder() -> Path:
    """Give the folder of the built reference appliance."""
    build = [sys.executable, str(Path(__file__).parent.parent / "appliance" / "build.py")]
    return Path(subprocess.run(build, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def backup(path: Path, size: int) -> Path:
    """Make an archive like engine-backup's whose members have `size` bytes together."""
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w:xz") as inner:
        content = b"ENGINE_FQDN=engine.example.org\n"
        member = tarfile.TarInfo("etc/ovirt-engine/engine.conf.d/10-setup-protocols.conf")
        member.size = len(content)
        inner.addfile(member, io.BytesIO(content))
    small = {
        "files": files.getvalue(),
        "version": b"4.5.6\n",
        "os_version": b"centos9\n",
        "config": CONFIG.encode(),
    }
    dump, rest = path.with_suffix(".db"), size - size // 4
    _write_dump(dump, size // 4)
    hashes = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in small.items()]
    with dump.open("rb") as engine:
        hashes.append(f"{hashlib.file_digest(engine, 'sha256').hexdigest()}  db/engine_backup.db\n")
    hashes.append(f"{_digest(rest, 2)}  db/dwh_backup.db\n")
    small["sha256sum"] = "".join(hashes).encode()
    plain = path.with_suffix(".tar")
    with tarfile.open(plain, "w", format=tarfile.GNU_FORMAT) as outer:
        for name, content in small.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            outer.addfile(member, io.BytesIO(content))
        outer.add(dump, "./db/engine_backup.db")
        member = tarfile.TarInfo("./db/dwh_backup.db")
        member.size = rest
        outer.addfile(member, io.BufferedReader(Noise(rest, 2), BLOCK))
    with path.open("wb") as target:
        subprocess.run(["gzip", "-1", "-c", plain], check=True, stdout=target)
    plain.unlink()
    dump.unlink()
    return path


def _write_dump(path: Path, size: int) -> None:
    """Write a dump that tells where its hosted engine was, behind a table of `size` bytes in pieces of 4 KiB."""
    good = dumps.real(15)
    blocks = good.index(b"x\x9c") - 11  # a zlib stream begins behind its block's type, number and first size
    with path.open("wb") as out, io.BufferedReader(Noise(size, 1), BLOCK) as noise:
        out.write(good[:blocks] + b"\1" + dumps.number(99999))
        while piece := noise.read(4096):
            out.write(dumps.number(len(piece)) + piece)
        out.write(dumps.number(0) + good[blocks:])


def _digest(size: int, seed: int) -> str:
    digest = hashlib.sha256()
    stream = Noise(size, seed)
    while chunk := stream.read(BLOCK):
        digest.update(chunk)
    return digest.hexdigest()


def padded_ova(qcow2: Path, folder: Path, gib: int) -> Path:
    """Make a plain OVA of the appliance's disk with `gib` GiB of noise at its end, which no guest reads.

    The noise is data of the disk: whoever copies the disk has to copy it.
    """
    disk, noise, ova = folder / "padded.qcow2", folder / "noise", folder / "padded.ova"
    shutil.copyfile(qcow2, disk)
    info = subprocess.run(["qemu-img", "info", "--output=json", disk], check=True, capture_output=True, text=True)
    begin = -(-int(json.loads(info.stdout)["virtual-size"]) // GIB) * GIB
    subprocess.run(["qemu-img", "resize", "-q", "-f", "qcow2", disk, str(begin + gib * GIB)], check=True)
    noise.write_bytes(random.Random(3).randbytes(PIECE))
    writes = [f"write -q -s {noise} {begin + at} {PIECE}" for at in range(0, gib * GIB, PIECE)]
    subprocess.run(["qemu-io", "-f", "qcow2", *(word for one in writes for word in ("-c", one)), disk], check=True)
    write_ova(disk, describe(disk, "benchmark"), "1.0", ova, compressed=False)
    noise.unlink()
    disk.unlink()
    return ova
