"""An NFS server in user space (nfs-ganesha), for the laboratory's network: versions 3 and 4, exports by name."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.lab.laboratory import Inside, Laboratory

SERVER: Final = "127.0.0.1"
PORTS: Final = (111, 20480, 20490)
"""Of the portmapper, of mount and of NFS."""
UP_WITHIN: Final = 20.0
_CONF: Final = """\
NFS_CORE_PARAM {{ NFS_Port = 20490; MNT_Port = 20480; Protocols = 3,4; Enable_NLM = false; Enable_RQUOTA = false;
  mount_path_pseudo = true; }}
NFSv4 {{ Grace_Period = 5; Lease_Lifetime = 5; Graceless = true; RecoveryBackend = fs; Delegations = false;
  minor_versions = {minors}; }}
EXPORT_DEFAULTS {{ Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Transports = TCP; Protocols = 3,4;
  PrivilegedPort = false; }}
"""
_EXPORT: Final = "EXPORT {{ Export_Id = {number}; Path = {path}; Pseudo = {name}; {options} FSAL {{ Name = VFS; }} }}\n"


@dataclass(frozen=True)
class Export:
    """A folder and how it is exported: further lines of ganesha's EXPORT block."""

    folder: Path
    options: str = ""


class NfsServer:
    """A running server; use it in a `with`."""

    def __init__(self, lab: Laboratory, exports: Mapping[str, Export], minors: str = "0,1,2") -> None:
        """Serve `exports` by their names, such as `/export`; it answers when this returns.

        Args:
            lab: where.
            exports: the folders.
            minors: the minor versions of version 4.
        """
        self._lab = lab
        self._folder = lab.folder("nfs", 0o700)
        lab.run(["mkdir", "-p", "/run/ganesha", "/run/rpcbind"], check=True)
        if not lab.run(["rpcinfo", "-p", SERVER]).returncode:
            message = "the laboratory has an NFS server already: they share their ports"
            raise RuntimeError(message)
        self._portmapper = self._start("rpcbind", "-w", "-f")
        self._await_answer(self._portmapper, "-p", SERVER)  # the server ends if there is none to register with
        blocks = (
            _EXPORT.format(number=number, path=export.folder, name=name, options=export.options)
            for number, (name, export) in enumerate(exports.items(), 1)
        )
        (self._folder / "ganesha.conf").write_text(_CONF.format(minors=minors) + "".join(blocks))
        self.server = self._serve()

    def stop(self) -> None:
        """End the server as a crash does; the exports' folders stay."""
        self.server.kill()
        self.server.wait()

    def start(self) -> None:
        """Serve again."""
        self.server = self._serve()

    def hang(self) -> None:
        """Let connections be taken and nothing be answered."""
        self.server.kill(signal.SIGSTOP)
        while not all(_stopped(task) for task in Path(f"/proc/{self.server.pid}/task").iterdir()):
            time.sleep(0.005)

    def go_on(self) -> None:
        """Let it answer again."""
        self.server.kill(signal.SIGCONT)
        self.server.outer.send_signal(signal.SIGCONT)  # nsenter stops with its child

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Serve version 4 alone, on its own port: there is no mount service."""
        path = self._folder / "ganesha.conf"
        text = path.read_text()
        self.stop()
        path.write_text(text.replace("NFS_Port = 20490", "NFS_Port = 2049").replace("Protocols = 3,4", "Protocols = 4"))
        self.server = self._serve("4")
        try:
            yield
        finally:
            self.stop()
            path.write_text(text)
            self.start()

    def close(self) -> None:
        """End it."""
        for one in (self.server, self._portmapper):
            if one.outer.poll() is None:
                one.kill()
                one.outer.send_signal(signal.SIGCONT)
                one.wait()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _serve(self, version: str = "3") -> Inside:
        files = ("-f", "ganesha.conf", "-L", "log.out", "-p", "pid")
        words = [word if word.startswith("-") else str(self._folder / word) for word in files]
        server = self._start("ganesha.nfsd", "-F", *words)
        self._await_answer(server, "-t", SERVER, "nfs", version)
        return server

    def _start(self, *words: str) -> Inside:
        with (self._folder / f"{words[0]}.out").open("ab") as out:
            return self._lab.spawn(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def _await_answer(self, server: Inside, *question: str) -> None:
        deadline = time.monotonic() + UP_WITHIN
        while self._lab.run(["rpcinfo", *question]).returncode:
            if time.monotonic() > deadline or server.outer.poll() is not None:
                said = "\n".join(one.read_text() for one in self._folder.glob("*.out"))
                message = f"the NFS server does not answer:\n{said}"
                raise RuntimeError(message)
            time.sleep(0.02)


def _stopped(task: Path) -> bool:
    return (task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
