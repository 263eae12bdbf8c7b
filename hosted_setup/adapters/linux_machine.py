"""A Linux host, read from its kernel's files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_DNS, UUID, uuid5

from hosted_setup.ports.machine import MachineFacts, Space

_IDS: Final = (Path("/sys/class/dmi/id/product_uuid"), Path("/etc/machine-id"))
_NO_ID: Final = (0, (1 << 128) - 1)
_ROUTES: Final = Path("/proc/net/route")
_UP: Final = 0x1  # RTF_UP of route(7)


class LinuxMachine:
    """Implements `ports.machine.Machine`."""

    def facts(self) -> MachineFacts:
        """Measure the host."""
        memory = _memory()
        return MachineFacts(
            hostname=socket.gethostname(),
            uuid=_identity(),
            cpus=len(os.sched_getaffinity(0)),
            memory_mib=memory["MemTotal"] // 1024,
            free_memory_mib=memory["MemAvailable"] // 1024,
            timezone=_timezone(),
        )

    def space(self, path: Path) -> Space:
        """Measure the file system that holds `path`."""
        status = os.statvfs(path)
        return Space(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)

    def has_program(self, name: str) -> bool:
        """Tell whether a program can be run."""
        return shutil.which(name) is not None

    def routes(self) -> tuple[str, ...]:
        """Give the IPv4 networks of the main routing table, the default route left out."""
        found = []
        for line in _ROUTES.read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[3], 16) & _UP and int(fields[7], 16):
                found.append(f"{_dotted(fields[1])}/{int(fields[7], 16).bit_count()}")
        return tuple(dict.fromkeys(found))

    def hash_password(self, password: str) -> str:
        """Let openssl make the SHA-512 crypt form; the password goes through a pipe, never through argv."""
        done = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password + "\n", capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


def _memory() -> dict[str, int]:
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return {fields[0].rstrip(":"): int(fields[1]) for fields in lines}


def _identity() -> str:
    """Give the system's UUID; boards without one carry all zeros, all ones or words there."""
    for path in _IDS:
        try:
            found = UUID(path.read_text().strip())
        except (OSError, ValueError):
            continue
        if found.int not in _NO_ID:
            return str(found)
    return str(uuid5(NAMESPACE_DNS, socket.gethostname()))


def _timezone() -> str:
    target = os.path.realpath("/etc/localtime")
    _, found, zone = target.partition("/zoneinfo/")
    return zone if found else "UTC"


def _dotted(word: str) -> str:
    return socket.inet_ntoa(bytes.fromhex(word)[::-1])
