"""iSCSI by the kernel, through the product's own back end and storage domain; run in the kernel tier.

python tests/system/iscsi_by_kernel.py first|second|refused|multipath TARGETS

/dev/vda is what the host keeps through a reboot: the run's folder and open-iscsi's database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from msgspec import Raw

sys.path.insert(0, str(Path(__file__).parents[2]))

from hosted_plugins.storage.iscsi import Iscsi, IscsiWanted
from hosted_plugins.storage.luns import FoundLun
from hosted_plugins.storage.mounting import StorageAccess
from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.adapters.iscsi_user import UserInitiator
from hosted_setup.adapters.linux_machine import LinuxMachine
from hosted_setup.adapters.open_iscsi import OpenIscsi
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.adapters.system_clock import SystemClock
from hosted_setup.adapters.system_luns import SystemLuns
from hosted_setup.model.problem import Problem
from hosted_setup.model.secret import Secret
from hosted_setup.pipeline.journal import FORMAT, Head, Journal, Past
from hosted_setup.pipeline.runner import Intents
from hosted_setup.ports.connections import IscsiSessions
from hosted_setup.ports.host import Host, Paths
from hosted_setup.ports.hypervisor import SecretInfo
from hosted_setup.ports.initiator import Portal
from hosted_setup.ports.locations import DeviceAt, LunHome
from hosted_setup.ports.luns import HostLun
from hosted_setup.storage.connecting import device_of
from hosted_setup.storage.connections import connect, connections_of, disconnect
from hosted_setup.storage.domain import StorageDomain, is_reached
from hosted_setup.testing.world import Recorder

RUN = "20260102030405-abcdef"
DOMAIN = "5d000000-0000-4000-8000-000000000004"
PASSWORD = "correct horse/+=€"
NODES = Path("/etc/iscsi/nodes")
SESSIONS = Path("/sys/class/iscsi_session")


class Libvirt:
    """Keeps the password, as libvirt does, in the folder that outlives a reboot."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "secret"

    def define_secret(self, _secret: SecretInfo, value: Secret) -> None:
        self._file.write_text(value.reveal())

    def secret_value(self, _uuid: str) -> Secret:
        return Secret(self._file.read_text())


def tell(text: str) -> None:
    """Write a line for the test at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def this_host(folder: Path, factor: float = 10.0) -> Host:
    """Give this machine, as far as the back end needs it."""
    ports: dict[str, Any] = {one.name: None for one in fields(Host)}
    machine = LinuxMachine()
    initiator = UserInitiator(Path("/etc/iscsi/initiatorname.iscsi"), lambda: machine.facts().uuid)
    ours = {
        "paths": Paths(folder), "run_id": RUN, "hypervisor": Libvirt(folder), "sessions": OpenIscsi(initiator.name),
        "luns": SystemLuns(), "disk_tools": UtilLinux(), "images": QemuImages(lambda _uuid: Secret("")),
        "machine": machine, "clock": SystemClock(), "reporter": Recorder(), "timeout_factor": factor,
        "initiator": initiator,
    }  # fmt: skip
    return Host(**ports | ours)


def start_services() -> Path:
    """Start what a host has; give the folder that outlives a reboot."""
    kept = Path("/mnt")
    subprocess.run(["mount", "-t", "ext4", "/dev/vda", kept], check=True)
    for folder in (NODES, Path("/run/lock")):
        folder.mkdir(exist_ok=True)
    (kept / "nodes").mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "--bind", kept / "nodes", NODES], check=True)
    subprocess.run(["/lib/systemd/systemd-udevd", "--daemon"], check=True, stderr=subprocess.DEVNULL)
    anywhere = {**os.environ, "SYSTEMD_IGNORE_CHROOT": "1"}  # udevadm does nothing in a chroot otherwise
    for words in (["trigger", "--action=add"], ["settle"]):
        subprocess.run(["udevadm", *words], check=True, env=anywhere)
    subprocess.run(["iscsid"], check=True)
    return kept


def start_multipath() -> None:
    """Start multipathd, which takes every LUN."""
    Path("/etc/multipath.conf").write_text("defaults {\n  find_multipaths no\n}\n")
    no = subprocess.DEVNULL
    subprocess.Popen(["multipathd", "-d", "-s"], stdin=no, stdout=no, stderr=no)


class Arguments:
    """Looks what every process of this machine is told by its arguments."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.wait(0.002):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()


def left(what: dict[str, Any]) -> list[str]:
    """Give what there is of its sessions, records, disks and names."""
    sessions = [one.name for one in SESSIONS.glob("*") if (one / "targetname").read_text().strip() == what["target"]]
    records = [str(one) for one in NODES.glob(f"{what['target']}/*")]
    disks = [one.path for one in SystemLuns().listed() if one.wwid == what["wwid"]]
    names = [str(one) for one in Path("/dev/disk/by-id").glob(f"*{what['wwid'][1:]}*")]
    return [*sessions, *records, *disks, *names]


def wanted(what: dict[str, Any], password: str) -> IscsiWanted:
    """Give the answers."""
    portals = tuple(Portal(address, int(port), 1) for address, port in (one.rsplit(":", 1) for one in what["portals"]))
    lun = FoundLun(what["wwid"], 1, what["size"], 512, "ACME", "Virtual Disk", "", read_only=False)
    user = what.get("user", "")
    return IscsiWanted(portals, what["target"], lun, user, Secret(password) if user else None, StorageAccess.KERNEL)


def use(folder: Path, whats: list[dict[str, Any]], *, again: bool) -> None:
    """Connect, make the domain (or find and remove it), disconnect; a host that is `cut` is not given the time to."""
    arguments = Arguments()
    for what in whats:
        name = what["target"].rpartition(":")[2]
        host = this_host(folder / name)
        host.run_dir.mkdir(parents=True, exist_ok=True)
        if again:
            (connection,) = connections_of(host.run_dir)
            assert isinstance(connection, IscsiSessions)
            for word, done in (("Connected", True), ("Connected already", False)):
                if "user" in what:  # its password is where no libvirt keeps it
                    assert connect(connection, host) is done
                else:
                    command("connect-storage", host.paths.root, f"{word}: {connection}")
            home = LunHome(DeviceAt(device_of(connection, host).path), what["size"])
        else:
            home = attached(what, host, PASSWORD)
            (connection,) = connections_of(host.run_dir)
        (lun,) = (one for one in host.luns.listed() if one.wwid == what["wwid"])
        sessions = len(host.sessions.portals(what["target"]))
        tell(f"{name}: {home}, {lun.paths_up} of {lun.paths} paths, {sessions} sessions")
        assert [one for one in NODES.rglob("*") if one.is_file() and one.stat().st_mode & 0o077] == []
        domain = StorageDomain(DOMAIN, home).on(host)
        if again:
            assert domain.made_by(RUN)
            assert domain.remove(RUN) == ()
        else:
            domain.create("hosted_storage", RUN)
        assert domain.made_by(RUN) is not again
        if what.get("cut") and not again:
            tell(f"{name}: cut off")
            continue
        for word, done in (("Disconnected", True), ("Nothing to disconnect", False)):
            if again and "user" not in what:
                command("disconnect-storage", host.paths.root, f"{word}: {connection}")
            else:
                assert disconnect(connection, host) is done
        gone(what)
        assert not is_reached(home, host)
        tell(f"{name}: the domain is {'gone' if again else 'made'}, nothing is left")
    arguments.close()
    assert any("iscsiadm" in one for one in arguments.seen)
    assert not [one for one in arguments.seen if "correct" in one and "horse" in one]


def command(verb: str, root: Path, says: str) -> None:
    """Run the program as its unit does at a boot."""
    words = (sys.executable, "-P", "-m", "hosted_setup.cli", verb, f"--root={root}")
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(f"[ INFO  ] {says}\n"), done.stdout  # it may have waited for the LUN before


def attached(what: dict[str, Any], host: Host, password: str) -> LunHome:
    """Have the back end attach it, for a run with a journal."""
    with Journal(host.run_dir / "journal.jsonl") as journal:
        journal.append(Head(RUN, "deploy", FORMAT, "2026-01-02T03:04:05+00:00", Raw(b"{}")))
        home = Iscsi().attach(wanted(what, password), host, Intents(journal, "attach_storage", Past(journal.records)))
    assert isinstance(home, LunHome)
    return home


def gone(what: dict[str, Any]) -> None:
    """Wait until nothing is left of sessions, records and disks of it."""
    deadline = time.monotonic() + 60
    while found := left(what):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def refused(folder: Path, whats: list[dict[str, Any]]) -> None:
    """Tell the code of each target that will not do."""
    for number, what in enumerate(whats):
        host = this_host(folder / str(number), 1.0)
        host.run_dir.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        try:
            attached(what, host, what["password"])
        except Problem as problem:
            late = "" if time.monotonic() - begun < 60 else ", late"
            tell(f"{what['case']}: {problem.code} ({problem.why}){late}")
        for connection in connections_of(host.run_dir):
            disconnect(connection, host)
        gone(what)


def multipath(what: dict[str, Any]) -> None:
    """Use a LUN that has two paths of its own, and go on when one of them is down."""
    host = this_host(Path("/mnt/multipath"))
    (lun,) = (one for one in listed(host, what["wwid"], 2))
    tell(f"{lun.path}, {lun.paths_up} of {lun.paths} paths")
    domain = StorageDomain(DOMAIN, LunHome(DeviceAt(lun.path), lun.size)).on(host)
    domain.create("hosted_storage", RUN)
    (path, *_) = Path("/sys/class/block").glob("sd*/device/state")
    path.write_text("offline\n")
    (lun,) = listed(host, what["wwid"], 1)
    tell(f"{lun.path}, {lun.paths_up} of {lun.paths} paths")
    assert domain.made_by(RUN)
    assert domain.remove(RUN) == ()


def listed(host: Host, wwid: str, up: int) -> list[HostLun]:
    """Wait until the LUN is seen through multipath, with that many paths up."""
    deadline = time.monotonic() + 60
    while True:
        found = [one for one in host.luns.listed() if one.wwid == wwid]
        if [(one.multipath, one.paths_up) for one in found] == [(True, up)]:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


if __name__ == "__main__":
    _self, verb, text = sys.argv
    kept = start_services()
    targets = json.loads(text)
    if any(len(one["portals"]) != 1 for one in targets):
        start_multipath()
    try:
        if verb == "multipath":
            multipath(*targets)
        elif verb == "refused":
            refused(kept, targets)
        else:
            use(kept, targets, again=verb == "second")
    except Problem as problem:
        tell(f"{problem}: {problem.why}")
        raise
