"""The image as an OVA in oVirt's layout, plain and gzip'd, and the description file that goes with it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from appliance.recipe.host import run

if TYPE_CHECKING:
    from pathlib import Path

BLANK = "00000000-0000-0000-0000-000000000000"
CPUS = 2
MEMORY_MIB = 2048


@dataclass(frozen=True)
class Disk:
    """What the OVF tells about the one disk."""

    image: str
    volume: str
    gib: int
    size: int


def describe(qcow2: Path, seed: str) -> Disk:
    """Measure the disk; its identifiers follow from the recipe, so that a rebuild names it the same."""
    info = json.loads(run(["qemu-img", "info", "-f", "qcow2", "--output=json", qcow2]))
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"appliance-ova:{seed}")
    return Disk(
        image=str(uuid.uuid5(space, "image")),
        volume=str(uuid.uuid5(space, "volume")),
        gib=-(-int(info["virtual-size"]) // (1 << 30)),
        size=qcow2.stat().st_size,
    )


def ovf(disk: Disk, version: str) -> str:
    """Return the OVF: oVirt's dialect, with the trailing slash in its namespace."""
    path = f"{disk.image}/{disk.volume}"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  ovf:version="0.9">
  <References>
    <File ovf:href={quoteattr(path)} ovf:id={quoteattr(disk.volume)} ovf:size="{disk.size}"/>
  </References>
  <Section xsi:type="ovf:DiskSection_Type">
    <Info>List of Virtual Disks</Info>
    <Disk ovf:diskId={quoteattr(disk.volume)} ovf:size="{disk.gib}" ovf:actual_size="1" ovf:fileRef={quoteattr(path)}
      ovf:parentRef="" ovf:format="http://www.vmware.com/specifications/vmdk.html#sparse"
      ovf:volume-format="COW" ovf:volume-type="Sparse" ovf:disk-interface="VirtIO"
      ovf:boot="true" ovf:disk-alias="engine-appliance"/>
  </Section>
  <Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type">
    <Name>engine-appliance</Name>
    <Description>Reference appliance {version}</Description>
    <Section xsi:type="ovf:VirtualHardwareSection_Type">
      <Info>{CPUS} CPU, {MEMORY_MIB} Memory</Info>
      <Item>
        <rasd:Caption>{CPUS} virtual cpu</rasd:Caption>
        <rasd:InstanceId>1</rasd:InstanceId>
        <rasd:ResourceType>3</rasd:ResourceType>
        <rasd:num_of_sockets>1</rasd:num_of_sockets>
        <rasd:cpu_per_socket>{CPUS}</rasd:cpu_per_socket>
      </Item>
      <Item>
        <rasd:Caption>{MEMORY_MIB} MB of memory</rasd:Caption>
        <rasd:InstanceId>2</rasd:InstanceId>
        <rasd:ResourceType>4</rasd:ResourceType>
        <rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits>
        <rasd:VirtualQuantity>{MEMORY_MIB}</rasd:VirtualQuantity>
      </Item>
    </Section>
  </Content>
</ovf:Envelope>
"""


def meta(disk: Disk, created: int) -> str:
    """Return the volume's .meta file."""
    lines = {
        "DOMAIN": BLANK,
        "VOLTYPE": "LEAF",
        "CTIME": str(created),
        "FORMAT": "COW",
        "IMAGE": disk.image,
        "DISKTYPE": "1",
        "PUUID": BLANK,
        "LEGALITY": "LEGAL",
        "MTIME": "0",
        "POOL_UUID": "",
        "SIZE": str(disk.gib << 21),
        "TYPE": "SPARSE",
        "DESCRIPTION": "Reference appliance",
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items()) + "EOF\n"


def write_ova(qcow2: Path, disk: Disk, version: str, target: Path, *, compressed: bool) -> None:
    """Write one OVA; compressed at the lowest level, as the disk inside is compressed already."""
    created = int(time.time())
    template = str(uuid.uuid5(uuid.UUID(disk.image), "template"))
    small = {
        f"master/vms/{template}/{template}.ovf": ovf(disk, version),
        f"images/{disk.image}/{disk.volume}.meta": meta(disk, created),
    }
    with tarfile.open(target, "w:gz", compresslevel=1) if compressed else tarfile.open(target, "w") as archive:
        for name, text in small.items():
            member = _member(name, len(text.encode()), created)
            archive.addfile(member, io.BytesIO(text.encode()))
        with qcow2.open("rb") as content:
            archive.addfile(_member(f"images/{disk.image}/{disk.volume}", disk.size, created), content)


def _member(name: str, size: int, created: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o644, created
    return member


def write_conf(ova: Path, version: str, target: Path, final: Path) -> None:
    """Write the ``*-appliance.conf`` that installers look for beside an appliance."""
    digest = hashlib.sha1(usedforsecurity=False)
    with ova.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    target.write_text(
        f"description=The reference engine appliance (OVA)\nversion={version}\n"
        f"path={final / ova.name}\nsha1sum={digest.hexdigest()}\n"
    )
