"""The installer as operators run it, as a process of its own in the laboratory, watched from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import libvirt

from hosted_setup.ports.host import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.lab.laboratory import Laboratory

PROGRAM: Final = Path(sys.executable).with_name("hosted-engine")
ADMIN_PASSWORD: Final = "Adm1n+c4nary/zq7=X %e"
ROOT_PASSWORD: Final = "R00t+c4nary/kw3=Y &d"
CANARIES: Final = (ADMIN_PASSWORD, ROOT_PASSWORD)
FQDN: Final = "engine.example.test"
SAMPLED_EVERY: Final = 0.1
DUMPED_EVERY: Final = 1.0
HEADER: Final = "[environment:default]\n"


@dataclass
class Site:
    """One host to deploy on: its root, its storage, its answers; names of its own in the shared laboratory."""

    lab: Laboratory
    name: str
    folder: Path
    appliance: Path
    archive: Path | None
    answers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(
        cls, lab: Laboratory, name: str, appliance: Path, archive: Path | None, answers: Mapping[str, str] | None = None
    ) -> Self:
        """Make the folders and the answer files."""
        # Short names: libvirt's socket lies below and has 108 characters.
        site = cls(lab, name, lab.root / name, appliance, archive, answers or {})
        site.folder.mkdir()
        site.storage.mkdir()
        site.root.mkdir()
        _private(site.secrets, _lines({
            "OVEHOSTED_ENGINE/adminPassword": f"str:{ADMIN_PASSWORD}",
            "OVEHOSTED_VM/cloudinitRootPwd": f"str:{ROOT_PASSWORD}",
        }))  # fmt: skip
        _private(site.config, _lines(site.default_answers() | dict(site.answers)))
        return site

    def default_answers(self) -> dict[str, str]:
        """Give what a site answers unless told otherwise."""
        return {
            "HOSTED_ENGINE/vmName": f"str:{self.vm_name}",
            "HOSTED_ENGINE/networkName": f"str:{self.network_name}",
            "OVEHOSTED_NETWORK/fqdn": f"str:{FQDN}",
            "OVEHOSTED_VM/vmVCpus": "int:2",
            "OVEHOSTED_VM/vmMemSizeMB": "int:1536",
            "OVEHOSTED_VM/ovfArchive": f"str:{self.appliance}",
            "OVEHOSTED_STORAGE/domainType": "str:localfs",
            "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{self.storage}",
            "OVEHOSTED_ENGINE/appHostName": "str:lab-host",
            "OVEHOSTED_CORE/confirmSettings": "bool:True",
        }

    @property
    def vm_name(self) -> str:
        """Give the VM's name."""
        return f"vm-{self.name}"

    @property
    def network_name(self) -> str:
        """Give the network's name."""
        return f"net-{self.name}"

    @property
    def root(self) -> Path:
        """Give what `--root` names."""
        return self.folder / "r"

    @property
    def storage(self) -> Path:
        """Give the directory of the storage domain."""
        return self.folder / "storage"

    @property
    def secrets(self) -> Path:
        """Give the secrets file."""
        return self.folder / "secrets.conf"

    @property
    def config(self) -> Path:
        """Give the answer file."""
        return self.folder / "answers.conf"

    @property
    def paths(self) -> Paths:
        """Give the files operators know."""
        return Paths(self.root)

    @property
    def domain_folder(self) -> Path:
        """Give the one storage domain."""
        (found,) = [path for path in self.storage.iterdir() if not path.name.startswith(".")]
        return found

    @property
    def network_facts(self) -> tuple[str, str]:
        """Give gateway and address of the engine VM from libvirt's definition of the network."""
        text = virsh(self.lab, "net-dumpxml", self.network_name)
        gateway = text.split("<ip address='")[1].split("'")[0]
        address = text.split("<host ")[1].split("ip='")[1].split("'")[0]
        return gateway, address

    def start(self, *words: str) -> Installer:
        """Start the program with these words and the options of this site."""
        return Installer(self, words)

    def run(self, *words: str, within: float = 600) -> Installer:
        """Run the program to its end."""
        installer = self.start(*words)
        installer.finish(within)
        return installer

    def deploy_words(self) -> tuple[str, ...]:
        """Give the words of a deploy."""
        restore = () if self.archive is None else (f"--restore-from-file={self.archive}",)
        return ("--deploy", *restore, f"--config-append={self.config}", f"--secrets-file={self.secrets}")


class Installer:
    """One process of the program; what it says, what runs beside it and what libvirt knows is recorded."""

    def __init__(self, site: Site, words: tuple[str, ...]) -> None:
        """Start it."""
        self.site = site
        self.begun = time.monotonic()
        self.lines: list[tuple[float, str]] = []
        self.arguments: set[bytes] = set()
        self.dumps: set[str] = set()
        self.seeds: set[bytes] = set()
        # Tests may run where SIGINT is ignored, which would be inherited.
        command: list[str | Path] = [
            "env",
            "--default-signal=INT",
            PROGRAM,
            *words,
            f"--root={site.root}",
            f"--libvirt-uri={site.lab.uri}",
        ]
        self._process = site.lab.spawn(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._listen, self._sample, self._dump)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def text(self) -> str:
        """Give all that was said so far."""
        return "\n".join(line for _, line in self.lines)

    @property
    def code(self) -> int:
        """Give the exit code of a finished one."""
        return self._process.wait(1)

    def until(self, what: str | Callable[[], bool], within: float = 600, every: float = 0.02) -> None:
        """Wait until a line holds `what`, or `what` is so; the program must not end before."""
        deadline = time.monotonic() + within
        while not (what in self.text if isinstance(what, str) else what()):
            assert self._process.outer.poll() is None, f"it ended:\n{self.text}"
            assert time.monotonic() < deadline, f"waited {within} s in vain for {what!r}:\n{self.text}"
            time.sleep(every)

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send it a signal, await its end and give its exit code."""
        self._process.kill(number)
        return self.finish(120)

    def finish(self, within: float = 600) -> int:
        """Await its end and give its exit code."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            with suppress(OSError, IndexError, ValueError):
                self._process.kill()
            raise AssertionError(f"it did not end within {within} s:\n{self.text}") from None
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(10)

    def _listen(self) -> None:
        pipe = self._process.outer.stdout
        assert pipe is not None
        with pipe:
            for line in pipe:
                self.lines.append((time.monotonic() - self.begun, line.rstrip("\n")))

    def _sample(self) -> None:
        """Read the arguments and the environment of every process, and the seed while it is there."""
        while not self._over.wait(SAMPLED_EVERY):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    self.arguments.add((process / "cmdline").read_bytes())
            for seed in self.site.paths.runs.glob("*/seed.iso"):
                with suppress(OSError):
                    self.seeds.add(seed.read_bytes())

    def _dump(self) -> None:
        """Ask libvirt for everything it would tell."""
        with self.site.lab.libvirt() as connection:
            while not self._over.wait(DUMPED_EVERY):
                with suppress(libvirt.libvirtError):
                    for domain in connection.listAllDomains():
                        for flags in (libvirt.VIR_DOMAIN_XML_SECURE, libvirt.VIR_DOMAIN_XML_INACTIVE):
                            self.dumps.add(domain.XMLDesc(flags))
                    for network in connection.listAllNetworks():
                        self.dumps.add(network.XMLDesc(0))


def virsh(lab: Laboratory, *words: str) -> str:
    """Run virsh in the laboratory and give what it says."""
    return lab.run(["virsh", "--connect", lab.uri, *words], check=True).stdout


def _lines(answers: Mapping[str, str]) -> str:
    return HEADER + "".join(f"{key}={value}\n" for key, value in answers.items())


def _private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
