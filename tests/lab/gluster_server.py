"""A GlusterFS server: glusterd in a laboratory's namespaces, with files of its own; bricks are folders of one folder.

It refuses loopback addresses, so the loopback device gets another.
"""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Inside, Laboratory

SERVER: Final = "10.77.0.1"
UP_WITHIN: Final = 30.0
TUNED: Final = {
    "performance.quick-read": "off",
    "performance.read-ahead": "off",
    "performance.io-cache": "off",
    "cluster.eager-lock": "enable",
    "features.shard": "on",
    "cluster.quorum-type": "auto",
    "network.ping-timeout": "30",
    "storage.owner-uid": "36",
    "storage.owner-gid": "36",
}


class GlusterServer:
    """A running server; use it in a `with`."""

    def __init__(self, lab: Laboratory) -> None:
        """Start it; it answers when this returns."""
        self._lab = lab
        self.folder = lab.folder("gluster", 0o755)
        for name, place in (("state", "/var/lib/glusterd"), ("log", "/var/log/glusterfs")):
            (self.folder / name).mkdir()
            lab.run(["mount", "--bind", self.folder / name, place], check=True)
        lab.run(["ip", "address", "replace", f"{SERVER}/32", "dev", "lo"], check=True)
        lab.run(["mkdir", "-p", "/run/gluster"], check=True)
        self._daemon = self._start()

    def volume(
        self, name: str, copies: int = 1, *, start: bool = True, tuned: bool = True, folder: Path | None = None
    ) -> Path:
        """Make a volume of that many copies; give the folder of its first brick."""
        bricks = [(folder or self.folder) / f"{name}-{number}" for number in range(copies)]
        replica = ["replica", str(copies)] if copies > 1 else []
        self.gluster("create", name, *replica, *(f"{SERVER}:{brick}" for brick in bricks), "force")
        if tuned:
            self.gluster("set", name, *(word for pair in TUNED.items() for word in pair))
        if start:
            self.gluster("start", name)
        return bricks[0]

    def gluster(self, verb: str, *words: str) -> str:
        """Do something to volumes."""
        return self._lab.run(["gluster", "--mode=script", "volume", verb, *words], check=True).stdout

    def stop(self) -> None:
        """End it as a crash does; bricks serve on."""
        self._daemon.kill()
        self._daemon.wait()

    def start(self) -> None:
        """Serve again."""
        self._daemon = self._start()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let connections be taken and nothing be answered."""
        self._daemon.kill(signal.SIGSTOP)
        try:
            yield
        finally:
            self._daemon.kill(signal.SIGCONT)
            self._daemon.outer.send_signal(signal.SIGCONT)  # nsenter stops with its child

    def close(self) -> None:
        """End it, its bricks and its clients' mounts of the state."""
        if self._daemon.outer.poll() is None:
            for name in self.gluster("list").split():
                self._lab.run(["gluster", "--mode=script", "volume", "stop", name, "force"])
            self.stop()
        for place in ("/var/lib/glusterd", "/var/log/glusterfs"):
            self._lab.run(["umount", "--lazy", place], check=True)
        # with an IPv4 address beside the loopback's and no such IPv6 one, getaddrinfo would no longer take ::1
        self._lab.run(["ip", "address", "delete", f"{SERVER}/32", "dev", "lo"], check=True)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _start(self) -> Inside:
        with (self.folder / "glusterd.out").open("ab") as out:
            daemon = self._lab.spawn(["glusterd", "-N"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + UP_WITHIN
        while self._lab.run(["gluster", "--mode=script", "volume", "list"]).returncode:
            if time.monotonic() > deadline or daemon.outer.poll() is not None:
                raise RuntimeError((self.folder / "glusterd.out").read_text())
            time.sleep(0.05)
        return daemon
