"""Import of the appliance's disk to each kind of storage, against plain `qemu-img convert` onto the same target.

Servers run in the tests' laboratory, in user space, on this machine: both of a pair share its cores with them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.inputs import appliance_folder
from benchmarks.pairs import Benchmark, Pair, Seconds, command, timed
from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.adapters.system_trees import SystemTrees
from hosted_setup.domain.appliance import look
from hosted_setup.model.values import GIB, MIB
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import DeviceAt, DirectoryHome, FileAt, FileHome, IscsiAt, NfsHome
from tests.lab.gluster_server import SERVER as GLUSTER
from tests.lab.gluster_server import GlusterServer
from tests.lab.iscsi_server import ADDRESS, IscsiServer
from tests.lab.laboratory import Laboratory
from tests.lab.nfs_server import SERVER, Export, NfsServer

BOUND = 1.15
PORT = 3262
LUN = 8 * GIB
OWNER = 36
DISK = "disk"
PART = MIB  # where a volume's partition begins on a LUN


@dataclass(frozen=True)
class Target:
    """A kind of storage: our words for the disk there, qemu-img's, and what makes it as before."""

    disk: DiskSource
    plain: str
    empty: Callable[[], object]


def product(ova: Path, target: Target) -> Seconds:
    """Copy the disk out of the OVA as the product does."""
    with ova.open("rb", buffering=0) as stream:
        found = look(stream, path=str(ova))
    source = DiskSource(FileAt(str(ova)), found.disk_format, found.offset, found.size)
    target.empty()
    return timed(lambda: QemuImages().convert(source, target.disk, lambda _percent: None))


def baseline(qcow2: Path, target: Target) -> Seconds:
    """Copy the same disk from a file of its own."""
    target.empty()
    return timed(command("qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", qcow2, target.plain))


@contextmanager
def _targets(folder: Path) -> Iterator[dict[str, Target]]:
    with ExitStack() as stack:
        lab = stack.enter_context(Laboratory())
        export = lab.folder("export")
        os.chown(export, OWNER, OWNER)
        stack.enter_context(NfsServer(lab, {"/export": Export(export)}))
        volume = _mounted(lab, stack.enter_context(GlusterServer(lab)))
        iscsi = stack.enter_context(IscsiServer(lab, PORT))
        name = iscsi.target("bench")
        lun = iscsi.lun(name, LUN)
        loop = folder / "loop"
        device = stack.enter_context(_loop(loop))
        stack.enter_context(lab.network())
        portal = f"{ADDRESS}:{PORT}"
        yield {
            "localfs": _file(DirectoryHome(folder, os.getuid(), os.getgid()), str(folder / DISK)),
            "nfs": _file(
                NfsHome(SERVER, "/export", OWNER, OWNER), f"nfs://{SERVER}/export/{DISK}?uid={OWNER}&gid={OWNER}"
            ),
            "glusterfs": _file(DirectoryHome(volume, OWNER, OWNER, f"{GLUSTER}:/bench"), str(volume / DISK)),
            "iscsi": _lun(IscsiAt(portal, name, 1), lun, f"iscsi://{portal}/{name}/1"),
            "lun": _lun(DeviceAt(device), loop, device),
        }


def _mounted(lab: Laboratory, server: GlusterServer) -> Path:
    """Mount a volume of three copies there; give the path that leads to it from here."""
    server.volume("bench", copies=3)
    point = lab.folder("volume")
    lab.run(["mount", "-t", "glusterfs", f"{GLUSTER}:/bench", point], check=True)
    return Path(f"/proc/{lab.pid}/root{point}")


def _file(home: FileHome, plain: str) -> Target:
    tree = SystemTrees().at(home)

    def empty() -> None:  # a server must not be gone round: it remembers
        if tree.kind(DISK) is not None:
            tree.remove(DISK)
        tree.make_file(DISK, 0o660)
        _settle()

    return Target(DiskSource(home.file(DISK), "qcow2"), plain, empty)


def _lun(at: DeviceAt | IscsiAt, behind: Path, plain: str) -> Target:
    def empty() -> None:
        command("fallocate", "--punch-hole", "--offset", "0", "--length", str(LUN), behind)()
        _settle()

    return Target(DiskSource(at, "qcow2", PART, LUN - 2 * PART), plain, empty)


def _settle() -> None:
    """Have what was written before out of the way."""
    command("sync")()


@contextmanager
def _loop(file: Path) -> Iterator[str]:
    with file.open("xb") as stream:
        stream.truncate(LUN)
    made = subprocess.run(["losetup", "-f", "--show", file], check=True, capture_output=True, text=True)
    try:
        yield made.stdout.strip()
    finally:
        command("losetup", "-d", made.stdout.strip())()


@contextmanager
def _prepare(folder: Path, kind: str) -> Iterator[Pair]:
    cache = appliance_folder()
    with _targets(folder) as targets:
        one = targets[kind]
        yield Pair(
            lambda: product(cache / "engine.ova", one),
            lambda: baseline(cache / "engine.qcow2", one),
            bounds={"whole": BOUND},
        )


def _benchmark(kind: str) -> Benchmark:
    title = f"import of the appliance's disk to storage of the kind {kind} against qemu-img convert"
    return Benchmark(title, partial(_prepare, kind=kind))


LOCALFS, NFS, GLUSTERFS, ISCSI, LUN_DEVICE = map(_benchmark, ("localfs", "nfs", "glusterfs", "iscsi", "lun"))
