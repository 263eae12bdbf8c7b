"""A host with an operator's files on it, the real `hosted-engine` run there, and what of the host a run has changed.

The program runs as a process of its own inside the laboratory: its libvirt, network, mounts and processes are the
laboratory's, so that an inventory of those is complete and shows nobody else's work.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.refusal.told import Refusal
from tests.unit.domain import builders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.lab.laboratory import Laboratory

STARTER: Final = Path(__file__).with_name("starter.py")
SECRETS: Final = """[environment:default]
OVEHOSTED_ENGINE/adminPassword=str:adm1n
OVEHOSTED_VM/cloudinitRootPwd=str:r00t
"""
STATE: Final = "var/lib/ovirt-hosted-engine-setup"
LOGS: Final = "var/log/ovirt-hosted-engine-setup"
RUN: Final = r"\d{14}-[0-9A-Za-z]{6}"
# What any run leaves below --root: its log, its answers, its own folder with the journal, the lock.
OWN: Final = re.compile(
    rf"var|var/log|{LOGS}|{LOGS}/ovirt-hosted-engine-setup-{RUN}\.log|var/lib|{STATE}|{STATE}/answers"
    rf"|{STATE}/answers/answers-\d{{14}}\.conf|{STATE}/runs|{STATE}/runs/\.lock"
    rf"|{STATE}/runs/{RUN}|{STATE}/runs/{RUN}/journal\.jsonl"
)
ROOT: Final = "r"  # short: the VM's socket lies deep below it, and its path has a limit
LARGE: Final = 1 << 24
"""Bytes: larger files are told apart by size and time alone."""


class Program:
    """`hosted-engine` inside the laboratory: a process of its own each time, with its modules loaded beforehand."""

    def __init__(self, lab: Laboratory) -> None:
        self._out = lab.folder("program") / "last"
        self._starter = lab.spawn(
            [sys.executable, "-P", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ).outer

    def __call__(self, arguments: Iterable[str | Path], environment: Mapping[str, str]) -> tuple[int, str]:
        """Run it; give its exit code and what it has printed, which is nothing on stderr."""
        words = {"arguments": [str(one) for one in arguments], "environment": dict(environment), "out": str(self._out)}
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._starter.stdin.write(f"{json.dumps(words)}\n")
        self._starter.stdin.flush()
        code = int(self._starter.stdout.readline())
        assert self._out.with_suffix(".err").read_text() == ""
        return code, self._out.with_suffix(".out").read_text()

    def close(self) -> None:
        """Let it go."""
        self._starter.communicate()


@dataclass
class Site:
    """A folder that holds the host's root, its storage and the operator's files; each test has one of its own."""

    lab: Laboratory
    folder: Path
    program: Program

    def __post_init__(self) -> None:
        """Write good files: what a test then spoils is the only thing that is wrong."""
        self.root, self.storage = self.folder / ROOT, self.folder / "storage"
        self.inputs = self.folder / "inputs"
        for folder in (self.root, self.storage, self.inputs):
            folder.mkdir()
        self.etc = self.root / "etc/ovirt-hosted-engine"
        self.etc.mkdir(parents=True)
        self.name = self.folder.name  # of the VM and of the network: no other test has it
        self.archive, self.appliance = self.inputs / "engine.backup", self.inputs / "engine.ova"
        self.answers, self.secrets = self.inputs / "answers.conf", self.inputs / "secrets.conf"
        self.archive.write_bytes(builders.backup())
        self.appliance.write_bytes(builders.tar(builders.ova()))
        self.secrets.write_text(SECRETS)
        self.secrets.chmod(0o600)
        self.environment = dict(os.environ)
        self.uri = self.lab.uri
        self.arguments = [f"--restore-from-file={self.archive}", f"--secrets-file={self.secrets}"]
        self.answer()

    @property
    def again(self) -> list[str]:
        """Give the options that every call here needs."""
        return [f"--root={self.root}", f"--libvirt-uri={self.uri}"]

    def answer(self, *lines: str, **changes: str) -> None:
        """Write the answers: good ones, with `changes` (`__` stands for `/`, "" takes one out), then more `lines`."""
        answers = {
            "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{self.storage}",
            "OVEHOSTED_NETWORK/fqdn": "str:engine.example.com",
            "OVEHOSTED_VM/ovfArchive": f"str:{self.appliance}",
            "OVEHOSTED_VM/vmVCpus": "int:1",
            "OVEHOSTED_VM/vmMemSizeMB": "int:512",
            "HOSTED_ENGINE/vmName": f"str:{self.name}",
            "HOSTED_ENGINE/networkName": f"str:{self.name}",
            "HOSTED_ENGINE/virtType": "str:qemu",
        } | {name.replace("__", "/"): text for name, text in changes.items()}
        kept = [f"{key}={text}" for key, text in answers.items() if text]
        self.answers.write_text("\n".join(["[environment:default]", *kept, *lines, ""]))

    def line(self, text: str) -> str:
        """Give the place (file:line) of the line of the answers that begins with `text`."""
        lines = self.answers.read_text().splitlines()
        return f"{self.answers}:{next(at for at, line in enumerate(lines, 1) if line.startswith(text))}"

    def refused(self) -> Refusal:
        """Deploy, show that nothing on the host has changed, and give what was told."""
        before = self.inventory()
        code, out = self.deploy()
        after = self.inventory()
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert not changed, (changed, out)
        assert "Traceback" not in out
        return Refusal(code, out)

    def deploy(self) -> tuple[int, str]:
        """Run the command as operators know it."""
        answers = f"--config-append={self.answers}"
        return self.program(["--deploy", *self.again, answers, *self.arguments], self.environment)

    def inside(self, *command: str | Path) -> None:
        """Run a command of the operator's on the host, to its good end."""
        done = self.lab.run(command)
        assert done.returncode == 0, done.stderr

    def inventory(self) -> dict[str, str]:
        """Give everything a deploy could change on the host, by name."""
        with self.lab.libvirt() as connection:
            found = {f"VM {one.name()}": one.XMLDesc() for one in connection.listAllDomains()}
            found |= {
                f"network {one.name()}": f"{one.isActive()} {one.XMLDesc()}" for one in connection.listAllNetworks()
            }
        found |= dict(self._files())
        found["mounts"] = Path(f"/proc/{self.lab.pid}/mountinfo").read_text()
        found["processes"] = "\n".join(sorted(self.lab.processes().values()))
        traffic = Path(f"/proc/{self.lab.pid}/net/dev").read_text().splitlines()
        found["links"] = " ".join(line.partition(":")[0].strip() for line in traffic[2:])
        found["routes"] = Path(f"/proc/{self.lab.pid}/net/route").read_text()
        return found

    def _files(self) -> Iterator[tuple[str, str]]:
        seen = Path(f"/proc/{self.lab.pid}/root{self.folder}")  # with what is mounted there
        for path in seen.rglob("*"):
            if path.is_relative_to(seen / ROOT) and OWN.fullmatch(str(path.relative_to(seen / ROOT))):
                continue
            yield f"file {path.relative_to(seen)}", _described(path)


def _described(path: Path) -> str:
    status = path.lstat()
    owner = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if not stat.S_ISREG(status.st_mode):
        return owner
    content = b"" if status.st_size > LARGE else path.read_bytes()
    return f"{owner} {status.st_size} {status.st_mtime_ns} {hashlib.sha256(content).hexdigest()}"
