"""A Linux host, read from its kernel's files."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_DNS, UUID, uuid5

import msgspec

from hosted_setup.model.messages import _
from hosted_setup.ports.machine import Chain, MachineFacts, Space

_IDS: Final = (Path("/sys/class/dmi/id/product_uuid"), Path("/etc/machine-id"))
_NO_ID: Final = (0, (1 << 128) - 1)
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_ROUTES: Final = Path("/proc/net/route")
_UP: Final = 0x1  # RTF_UP of route(7)
_PROGRAM_WITHIN: Final = 5.0  # seconds a program may take to say what it knows
_TIME_ERROR: Final = 5  # adjtimex(2): nothing keeps the clock
_TIMEX_BYTES: Final = 512  # more than the kernel's struct timex has; its first word, 0, says that nothing is set


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

    def boot(self) -> str:
        """Give the kernel's own name of this boot."""
        return _BOOT.read_text().strip()

    def space(self, path: Path) -> Space:
        """Measure the file system that holds `path`."""
        status = os.statvfs(path)
        return Space(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)

    def searchable(self, path: Path, uid: int, gid: int) -> bool:
        """Ask a process of that user: access lists count, too."""
        command = ("test", "-x", path)
        done = subprocess.run(command, user=uid, group=gid, extra_groups=(), check=False, timeout=_PROGRAM_WITHIN)
        return done.returncode == 0

    def has_program(self, name: str) -> bool:
        """Tell whether a program can be run."""
        return shutil.which(name) is not None

    def without_kvm(self) -> str:
        """Look at the processor's flags and at /dev/kvm."""
        flags = re.search(r"^flags\s*:.*\b(vmx|svm)\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if flags is None and os.uname().machine in ("x86_64", "i686"):
            return _("the processor's flags name neither vmx nor svm")
        return "" if Path("/dev/kvm").exists() else _("there is no /dev/kvm")

    def clock_synchronised(self) -> bool:
        """Ask the kernel."""
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return 0 <= int(state) < _TIME_ERROR

    def program_version(self, name: str) -> tuple[int, ...]:
        """Call the program."""
        found = re.search(r"\d+(\.\d+)+", _said([name, "--version"]))
        return tuple(map(int, found[0].split("."))) if found else ()

    def processes(self) -> frozenset[str]:
        """Read them from /proc; one that ends meanwhile is left out."""
        names = set()
        for path in Path("/proc").glob("[0-9]*/comm"):
            with suppress(OSError):
                names.add(path.read_text().strip())
        return frozenset(names)

    def modules(self) -> frozenset[str]:
        """Read them from /proc; a kernel without modules has no such file."""
        path = Path("/proc/modules")
        return frozenset(line.split()[0] for line in path.read_text().splitlines()) if path.exists() else frozenset()

    def dropping_chains(self) -> tuple[Chain, ...]:
        """Ask nft, which shows iptables' chains too."""
        try:
            listed = msgspec.json.decode(_said(["nft", "--json", "list", "chains"]), type=_Chains).nftables
        except msgspec.MsgspecError:
            return ()
        chains = (one["chain"] for one in listed if "chain" in one)
        return tuple(
            Chain(one["family"], one["table"], one["name"], one["hook"])
            for one in chains
            if one.get("policy") == "drop" and "hook" in one
        )

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


class _Chains(msgspec.Struct):
    nftables: list[dict[str, dict[str, Any]]]


def _said(command: list[str]) -> str:
    """Give what a program prints; nothing when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=_PROGRAM_WITHIN,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


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
