"""A pretended host machine, and SSH to its guests."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

from hosted_setup.ports.machine import Chain, MachineFacts, Space
from hosted_setup.ports.problems import HostKeyWrong, ShellUnreachable

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.model.secret import Secret
    from hosted_setup.ports.shell import ShellAddress
    from hosted_setup.testing.behaviour import Behaviour


class FakeMachine:
    """Implements `ports.machine.Machine`."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Be as large as `behaviour` says."""
        self._behaviour = behaviour

    def facts(self) -> MachineFacts:
        """Give the host."""
        memory = self._behaviour.memory_mib
        system = "4c4c4544-0043-4a10-8054-b7c04f564d32"
        return MachineFacts("host1.example.org", system, self._behaviour.cpus, memory, memory, "Etc/UTC")

    def boot(self) -> str:
        """Give the number of the boot."""
        return f"boot {self._behaviour.boot}"

    def space(self, path: Path) -> Space:
        """Measure the real file system, unless another one is pretended."""
        status = os.statvfs(path)
        free = self._behaviour.free_bytes
        return Space(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize if free is None else free)

    def searchable(self, path: Path, uid: int, gid: int) -> bool:  # noqa: ARG002 - the port's
        """Tell whether it is closed to all but root."""
        return str(path) not in self._behaviour.closed

    def has_program(self, name: str) -> bool:
        """Tell whether a program can be run."""
        return self._behaviour.programs is None or name in self._behaviour.programs

    def without_kvm(self) -> str:
        """Say what is missing."""
        return self._behaviour.without_kvm

    def clock_synchronised(self) -> bool:
        """Say how the clock is kept."""
        return self._behaviour.clock_synchronised

    def program_version(self, name: str) -> tuple[int, ...]:
        """Be of that version."""
        return self._behaviour.versions.get(name, ())

    def processes(self) -> frozenset[str]:
        """Give the processes."""
        return frozenset(self._behaviour.processes)

    def modules(self) -> frozenset[str]:
        """Give the modules."""
        return frozenset(self._behaviour.modules)

    def dropping_chains(self) -> tuple[Chain, ...]:
        """Give the chains."""
        return tuple(Chain(*one.split()) for one in self._behaviour.dropping)

    def routes(self) -> tuple[str, ...]:
        """Give the networks of the host."""
        return self._behaviour.routes

    def hash_password(self, password: str) -> str:
        """Give something of the right form that shows nothing of the password."""
        digest = hashlib.sha256(password.encode()).hexdigest()
        return f"$6${digest[:16]}${digest * 2:.86}"


class FakeShells:
    """Implements `ports.shell.Shells`."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Answer as `behaviour` says."""
        self._behaviour = behaviour

    def fetch(self, shell: ShellAddress, password: Secret, remote: tuple[str, ...], into: Path, limit: int) -> None:
        """Write a tar with a small file for each of `remote`."""
        if not self._behaviour.ssh or not password:
            raise ShellUnreachable(f"{shell.user}@{shell.address}", why="Connection refused")
        if shell.host_key != self._behaviour.host_key:
            raise HostKeyWrong(f"{shell.user}@{shell.address}", why="the key is another one")
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as tar:
            for name in remote:
                text = f"pretended {name}\n".encode()
                member = tarfile.TarInfo(name.lstrip("/"))
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text))
        descriptor = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.getvalue()[:limit])
