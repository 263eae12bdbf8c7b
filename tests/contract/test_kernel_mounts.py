"""What the mounting of the kernel's file systems, and the proofs of what is mounted, tell when they cannot go on."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path
from typing import Final

import pytest

from hosted_plugins.storage import proofs
from hosted_setup.adapters.kernel_mounts import KernelMounts, run
from hosted_setup.adapters.local_tree import LocalTree
from hosted_setup.adapters.private_tree import PrivateTree
from hosted_setup.ports.locations import DirectoryHome

RUN: Final = "20260102030405-abcdef"


def test_a_program_that_mounts_is_missed() -> None:
    assert KernelMounts().missing("proc") == "the program mount.proc"
    assert KernelMounts().missing("no-such-fs") == "the kernel's file system no-such-fs"


@pytest.mark.system
def test_a_mount_that_hangs_is_given_up() -> None:
    with pytest.raises(TimeoutError) as given_up:
        run(["sleep", "60"], 0.2)
    assert given_up.value.strerror == "sleep did not end within 0.2 s"


@pytest.mark.system
def test_a_worker_that_has_died_is_told() -> None:
    head = subprocess.Popen(["head", "--bytes=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with head, pytest.raises(OSError, match="the process that looks has ended") as told:
        PrivateTree(head, 5.0).names("")
    assert told.value.errno == errno.EIO


class Forgetful(LocalTree):
    """A file system that loses what is written."""

    def read(self, path: str, limit: int) -> bytes:
        return super().read(path, limit)[:0]


def test_what_is_lost_on_the_way_is_told(tmp_path: Path) -> None:
    status = tmp_path.stat()
    home = DirectoryHome(tmp_path, status.st_uid, status.st_gid)
    probe = proofs.Probe(RUN)
    with pytest.raises(OSError, match="what was written is not what is read"):
        proofs.write(Forgetful(home), probe)
    LocalTree(home).remove(probe.file)
    proofs.write(LocalTree(home), probe)
    assert list(tmp_path.iterdir()) == []


def test_a_domain_that_has_no_name_is_somebody_s_too(tmp_path: Path) -> None:
    uuid = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"
    metadata = tmp_path / uuid / "dom_md" / "metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("CLASS=Data\nVERSION=5\n")
    status = tmp_path.stat()
    (found,) = proofs.domains(LocalTree(DirectoryHome(tmp_path, status.st_uid, status.st_gid)), RUN)
    assert found == f"{uuid}, of oVirt or another program: without a name"
