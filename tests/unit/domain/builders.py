"""Archives, OVAs and disk headers, good ones and broken ones, made in memory."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from uuid import UUID

import pytest

from hosted_setup.domain.appliance import Appliance, disk_member, look
from hosted_setup.domain.archive import ArchiveFacts, read_archive
from hosted_setup.model.problem import Problem

PACK: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda content: gzip.compress(content, 1, mtime=0),
    "bzip2": lambda content: bz2.compress(content, 1),
    "xz": lambda content: lzma.compress(content, preset=0),
    "none": bytes,
}

CA: Final = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgI=\n-----END CERTIFICATE-----\n"
CONF: Final = "etc/ovirt-engine/engine.conf.d/10-setup-protocols.conf"
CA_PATH: Final = "etc/pki/ovirt-engine/ca.pem"
PRODUCT_FILES: Final[Mapping[str, bytes]] = {
    "etc/ovirt-engine/engine.conf.d/10-setup-database.conf": b'ENGINE_DB_HOST="localhost"\n',
    CONF: b"# by engine-setup\nENGINE_PROXY_ENABLED=true\nENGINE_FQDN=Engine.example.com\n",
    CA_PATH: b"Certificate: text\n" + CA.encode(),
}


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Make a member's header for tarfile."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tar(members: Iterable[tuple[str | tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT) -> bytes:
    """Pack members in the given order; names may come twice."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in members:
            info = entry(name) if isinstance(name, str) else name
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


SPARSE: Final = {"GNU__sparse__major": "1", "GNU__sparse__minor": "0", "GNU__sparse__realsize": "9"}
"""The records of a sparse member, pax form 1.0."""


def header(flag: bytes, size: int = 0, tail: bytes = b"") -> bytes:
    """Make a member's header; `tail` stands where GNU's sparse map does."""
    block = bytearray(512)
    block[:6], block[124:136], block[156:157], block[257:265] = b"member", b"%011o\0" % size, flag, b"ustar  \0"
    block[386 : 386 + len(tail)] = tail
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(**records: str) -> list[bytes]:
    """Make an extended header with these records, `__` for a dot."""
    content = b""
    for name, value in records.items():
        line = f" {name.replace('__', '.')}={value}\n"
        content += f"{len(line) + 2}{line}".encode()
    return [header(b"x", len(content)), content.ljust(512, b"\0")]


def files(content: Mapping[str, bytes] = PRODUCT_FILES, pack: str = "xz") -> bytes:
    """Make the inner tar of the product's files."""
    return PACK[pack](tar(content.items()))


def members(**changes: bytes | None) -> dict[str, bytes]:
    """Give the members of a good backup without a hash list; a change of None removes one, `__` stands for `/`."""
    good: dict[str, bytes] = {
        "files": files(),
        "db/engine_backup.db": b"PGDMP" + bytes(range(256)) * 8,
        "version": b"4.5.6\n",
        "os_version": b"centos9\n",
        "config": b"DB_DUMP_COMPRESSOR=\nDB_DUMP_FORMAT=custom\n",
    }
    for key, content in changes.items():
        name = key.replace("__", "/")
        name = f"{name}.db" if name.startswith("db/") else name
        good.pop(name, None)
        if content is not None:
            good[name] = content
    return good


def hashes(content: Mapping[str, bytes], algorithm: str = "sha256") -> bytes:
    """Make the hash list of members."""
    lines = (f"{hashlib.new(algorithm, one).hexdigest()}  {name}\n" for name, one in content.items())
    return "".join(lines).encode()


def backup(
    content: Mapping[str, bytes] | None = None, *, pack: str = "gzip", lists: str = "sha256sum", at: int = 99
) -> bytes:
    """Make a whole archive; its hash list is the member at the place `at`."""
    content = members() if content is None else content
    ordered = [(f"./{name}", one) for name, one in content.items()]
    if lists:
        ordered.insert(at, (f"./{lists}", hashes(content, lists.removesuffix("sum"))))
    folders = [(entry("./", tarfile.DIRTYPE), b""), (entry("./db/", tarfile.DIRTYPE), b"")]
    return PACK[pack](tar([*folders, *ordered]))


def qcow2(  # noqa: PLR0913  # the fields of its header
    *,
    size: int = 1 << 30,
    version: int = 3,
    backing: bytes = b"",
    features: int = 0,
    encryption: int = 0,
    cluster_bits: int = 16,
    l1: int = 2,
    offset: int = 0x30000,
    length: int = 0x50000,
) -> bytes:
    """Make an empty qcow2 image."""
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", version, 112 if backing else 0, len(backing), cluster_bits, size,
        encryption, l1, offset, 0x10000, 1, 0, 0,
    )  # fmt: skip
    if version == 3:
        header += struct.pack(">QQQII", features, 0, 0, 4, 104) + bytes(8)
    return (header + backing).ljust(length, b"\0")[:length]


def gpt(*kinds: str) -> bytes:
    """Make the first MiB of a disk with these partition types."""
    disk = bytearray(1 << 20)
    disk[450], disk[510:512] = 0xEE, b"\x55\xaa"
    disk[512:520] = b"EFI PART"
    struct.pack_into("<QII", disk, 512 + 72, 2, 128, 128)
    for index, kind in enumerate(kinds):
        disk[1024 + 128 * index : 1040 + 128 * index] = UUID(kind).bytes_le
    return bytes(disk)


IMAGE: Final = "11111111-1111-1111-1111-111111111111/22222222-2222-2222-2222-222222222222"
OVF_NAME: Final = "master/vms/33333333-3333-3333-3333-333333333333/33333333-3333-3333-3333-333333333333.ovf"
DISK_NAME: Final = f"images/{IMAGE}"
RASD: Final = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"


def ovf(
    *,
    namespace: str = "http://schemas.dmtf.org/ovf/envelope/1/",
    disk: str = f'<Disk ovf:diskId="d" ovf:size="20" ovf:fileRef="{IMAGE}" '
    'ovf:format="http://www.vmware.com/specifications/vmdk.html#sparse" ovf:volume-format="COW"/>',
    items: str = "<Item><rasd:ResourceType>3</rasd:ResourceType><rasd:num_of_sockets>2</rasd:num_of_sockets>"
    "<rasd:cpu_per_socket>2</rasd:cpu_per_socket></Item><Item><rasd:ResourceType>4</rasd:ResourceType>"
    "<rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits><rasd:VirtualQuantity>16384</rasd:VirtualQuantity></Item>",
    prologue: str = "",
) -> bytes:
    """Make an OVF in oVirt's dialect."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>{prologue}
<ovf:Envelope xmlns:ovf="{namespace}" xmlns:rasd="{RASD}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<References><File ovf:href="{IMAGE}" ovf:id="22222222-2222-2222-2222-222222222222"/></References>
<Section xsi:type="ovf:DiskSection_Type">{disk}</Section>
<Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type"><Name>engine</Name><Description>An
 engine</Description><Section xsi:type="ovf:VirtualHardwareSection_Type">{items}</Section></Content>
</ovf:Envelope>""".encode()


DISK: Final = qcow2()
META: Final = b"DOMAIN=x\nFORMAT=COW\nSIZE=1\nTYPE=SPARSE\nDESCRIPTION=\nEOF\n"


def ova(changes: Mapping[str, bytes | None] | None = None) -> list[tuple[str | tarfile.TarInfo, bytes]]:
    """Give the members of a good OVA in oVirt's layout; a change of None removes one."""
    good: dict[str, bytes | None] = {OVF_NAME: ovf(), f"{DISK_NAME}.meta": META, DISK_NAME: qcow2()}
    good.update(changes or {})
    return [(name, content) for name, content in good.items() if content is not None]


def dmtf_ovf(*, url: str = "http://www.gnome.org/~markmc/qcow-image-format.html", href: str = "disk.qcow2") -> bytes:
    """Make an OVF in DMTF's dialect."""
    return f"""<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="{RASD}">
<References><File ovf:id="file1" ovf:href="{href}"/></References>
<DiskSection><Info/><Disk ovf:diskId="d1" ovf:fileRef="file1" ovf:capacity="1" ovf:format="{url}"/></DiskSection>
<VirtualSystem ovf:id="engine"><Info/><Name>engine</Name>
<ProductSection><Product>Engine</Product><Version>4.5.6</Version></ProductSection>
<VirtualHardwareSection><Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>4</rasd:VirtualQuantity></Item>
<Item><rasd:ResourceType>4</rasd:ResourceType><rasd:AllocationUnits>byte * 2^30</rasd:AllocationUnits>
<rasd:VirtualQuantity>16</rasd:VirtualQuantity></Item></VirtualHardwareSection></VirtualSystem></Envelope>""".encode()


def looked(content: bytes, conf: str | None = None) -> Appliance:
    return look(io.BytesIO(content), path="/srv/engine.ova", conf=conf)


def disk_of(content: bytes, appliance: Appliance) -> bytes:
    return b"".join(disk_member(io.BytesIO(content), appliance))


def dmtf(**changes: bytes) -> list[tuple[str | tarfile.TarInfo, bytes]]:
    """Give the members of an OVA in DMTF's layout, with its manifest."""
    content = {"engine.ovf": dmtf_ovf(), "disk.qcow2": DISK}
    sums = "".join(f"SHA256({name})= {hashlib.sha256(one).hexdigest()}\n" for name, one in content.items())
    content = {"engine.ovf": content["engine.ovf"], "engine.mf": sums.encode(), "disk.qcow2": DISK}
    content.update({name.replace("_", "."): one for name, one in changes.items()})
    return list(content.items())


def read(archive: bytes, limit: int = 1 << 30) -> ArchiveFacts:
    return read_archive(io.BytesIO(archive), name="it's.backup", expanded_limit=limit)


def refusal(archive: bytes, limit: int = 1 << 30) -> Problem:
    with pytest.raises(Problem) as caught:
        read(archive, limit)
    return caught.value
