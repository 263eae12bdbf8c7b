"""An iSCSI server: tgtd in a laboratory's network, on a port of its own, its LUNs files of one folder."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.laboratory import Inside, Laboratory

ADDRESS: Final = "127.0.0.1"
STARTS_WITHIN: Final = 20.0


class IscsiServer:
    """A running server; use it in a `with`, or call `close`."""

    def __init__(self, lab: Laboratory, port: int, addresses: tuple[str, ...] = (ADDRESS,)) -> None:
        """Start it on `port` of `addresses`, each of them a portal of one group."""
        self.lab = lab
        self.port = port
        self.folder = lab.folder("iscsi", 0o700)
        self._environment = {**os.environ, "TGT_IPC_SOCKET": str(self.folder / "ipc")}
        self._targets: dict[str, int] = {}
        self._luns: dict[str, int] = {}
        self._made: list[tuple[str, ...]] = []
        self.addresses = addresses
        self.daemon = self._start()

    def _start(self) -> Inside:
        places = (f"[{one}]" if ":" in one else one for one in self.addresses)
        portals = ",".join(f"portal={one}:{self.port}" for one in places)
        with (self.folder / "log").open("ab") as log:
            daemon = self.lab.spawn(["tgtd", "-f", "--iscsi", portals], env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTS_WITHIN
        while self._admin("show", "sys", check=False):
            assert daemon.outer.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)
        return daemon

    def stop(self) -> None:
        """End it as a crash does; the LUNs' files stay."""
        self.close()

    def start(self) -> None:
        """Serve again what was served."""
        self.daemon = self._start()
        for command in self._made:
            self.lab.run(command, check=True, env=self._environment)

    def _admin(self, verb: str, mode: str, *words: str, check: bool = True) -> int:
        command = ["tgtadm", "--lld", "iscsi", "--op", verb, "--mode", mode, *words]
        if verb != "show":
            self._made.append(tuple(command))
        return self.lab.run(command, check=check, env=self._environment).returncode

    def target(self, name: str, *, chap: tuple[str, str] | None = None, initiator: str = "") -> str:
        """Make a target, open to everybody unless an initiator is named; give its IQN."""
        iqn = f"iqn.2026-01.org.example:{name}"
        number = len(self._targets) + 1
        self._targets[iqn] = number
        tid = ("--tid", str(number))
        self._admin("new", "target", *tid, "--targetname", iqn)
        self._admin("bind", "target", *tid, *(("--initiator-name", initiator) if initiator else ("-I", "ALL")))
        if chap:
            self.account(*chap)
            self._admin("bind", "account", *tid, "--user", chap[0])
        return iqn

    def account(self, user: str, password: str) -> None:
        """Make a user."""
        self._admin("new", "account", "--user", user, "--password", password)

    @contextmanager
    def discovery_by(self, user: str) -> Iterator[None]:
        """Have discovery ask for a user."""
        self._admin("bind", "account", "--user", user)
        try:
            yield
        finally:
            self._admin("unbind", "account", "--user", user)

    def lun(self, target: str, size: int, *, read_only: bool = False, block: int = 512, **parameters: str) -> Path:
        """Add a thin LUN, numbered from 1; give the file behind it."""
        number = self._luns[target] = self._luns.get(target, 0) + 1
        path = self.folder / f"{target.rpartition(':')[2]}-{number}"
        with path.open("xb") as file:
            file.truncate(size)
        unit = ("--tid", str(self._targets[target]), "--lun", str(number))
        self._admin("new", "logicalunit", *unit, "--backing-store", str(path), "--blocksize", str(block))
        names = {"vendor_id": "ACME", "product_id": "Virtual Disk", "scsi_sn": f"SN{self.port}{path.name}"[:36]}
        given = names | parameters | {"thin_provisioning": "1"} | ({"readonly": "1"} if read_only else {})
        joined = ",".join(f"{key}={value}" for key, value in given.items())
        self._admin("update", "logicalunit", *unit, "--params", joined)
        return path

    def wwid(self, target: str, number: int) -> str:
        """Give the identifier of a LUN: tgt's NAA name, with the numbers of target and LUN."""
        return f"360000000000000000e{self._targets[target]:010x}{number:04x}"

    def initiators(self, target: str) -> list[str]:
        """Give the initiators that are logged in to a target now."""
        command = ["tgtadm", "--lld", "iscsi", "--op", "show", "--mode", "conn", "--tid", str(self._targets[target])]
        shown = self.lab.run(command, check=True, env=self._environment).stdout
        return re.findall(r"Initiator: (\S+)", shown)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Have it answer nobody, while its kernel still takes connections."""
        self.daemon.kill(signal.SIGSTOP)
        try:
            yield
        finally:
            self.daemon.kill(signal.SIGCONT)
            self.daemon.outer.send_signal(signal.SIGCONT)  # nsenter stops along with its child

    def close(self) -> None:
        """End it."""
        self.daemon.kill()
        self.daemon.wait()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
