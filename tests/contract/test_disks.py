"""Disks of a running domain: pulled over, detached."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.qemu_images import QemuImages
from hosted_setup.ports.images import DiskSource
from hosted_setup.ports.locations import FileAt
from hosted_setup.ports.problems import HypervisorFault
from tests.contract.bench import Bench, Made, eventually

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
OFFSET = 3 * 512
IN_PLACE = """\
<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/><source file='{disk}'/>
  <backingStore type='file'><format type='qcow2'/>
    <source file='{appliance}' fdgroup='he-appliance'>
      <slices><slice type='storage' offset='{offset}' size='{size}'/></slices>
    </source>
    <backingStore/>
  </backingStore><target dev='vda' bus='virtio'/></disk>
"""
SCSI = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}' fdgroup='given'/>"
    "<target dev='sdb' bus='scsi'/><readonly/></disk>"
)


def started(bench: Bench, devices: str, files: dict[str, Path]) -> Made:
    made = bench.domain(devices)
    bench.hypervisor.define(made.xml)
    bench.hypervisor.start(made.uuid, files)
    return made


def appliance(bench: Bench, data: bytes) -> tuple[Path, int]:
    """Make a file that holds a qcow2 with `data` somewhere in its middle, as an OVA does; give it and the size."""
    inner, ova = bench.folder / "inner.qcow2", bench.folder / "appliance.ova"
    raw = bench.folder / "inner.raw"
    raw.write_bytes(data)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, inner], check=True)
    content = inner.read_bytes()
    ova.write_bytes(b"\0" * OFFSET + content + b"\0" * 1024)
    ova.chmod(0o600)
    return ova, len(content)


def test_the_disk_is_pulled_out_of_the_appliance(bench: Bench) -> None:
    data = os.urandom(MIB) * 8
    ova, size = appliance(bench, data)
    disk = bench.folder / "disk"
    disk.touch(0o600)
    QemuImages().create(DiskSource(FileAt(str(disk)), "qcow2"), 32 * MIB)
    owner = bench.hypervisor.facts()
    os.chown(disk, owner.uid, owner.gid)
    xml = IN_PLACE.format(disk=disk, appliance=ova, offset=OFFSET, size=size)
    made = started(bench, xml, {"he-appliance": ova})
    assert bench.hypervisor.has_backing(made.uuid, "vda")
    assert bench.hypervisor.pull_left(made.uuid, "vda") is None
    bench.hypervisor.pull(made.uuid, "vda")
    bench.hypervisor.pull(made.uuid, "vda")
    eventually(lambda: bench.hypervisor.pull_left(made.uuid, "vda") is None)
    assert not bench.hypervisor.has_backing(made.uuid, "vda")
    bench.hypervisor.destroy(made.uuid)
    assert (ova.stat().st_uid, ova.stat().st_mode & 0o777) == (os.getuid(), 0o600)


def test_a_disk_is_detached(bench: Bench) -> None:
    path = bench.folder / "backup"
    path.write_bytes(b"\0" * MIB)
    made = started(bench, SCSI.format(path=path), {"given": path})
    bench.hypervisor.detach_disk(made.uuid, "sdz")
    bench.hypervisor.detach_disk(made.uuid, "sdb")
    eventually(lambda: bench.hypervisor.disks(made.uuid) == ())
    bench.hypervisor.detach_disk(made.uuid, "sdb")
    bench.hypervisor.destroy(made.uuid)
    assert bench.hypervisor.disks(made.uuid) == ("sdb",), "the definition keeps it"


def test_a_guest_that_does_not_let_go_may_be_asked_again(bench: Bench) -> None:
    path = bench.folder / "backup"
    path.write_bytes(b"\0" * MIB)
    made = started(bench, SCSI.replace("sdb", "vdb").replace("scsi", "virtio").format(path=path), {"given": path})
    bench.hypervisor.detach_disk(made.uuid, "vdb")
    bench.hypervisor.detach_disk(made.uuid, "vdb")


def test_a_domain_that_is_off_has_nothing_to_pull(bench: Bench) -> None:
    made = bench.domain()
    bench.hypervisor.define(made.xml)
    with pytest.raises(HypervisorFault) as caught:
        bench.hypervisor.pull(made.uuid, "vda")
    assert "domain is not running" in caught.value.why
