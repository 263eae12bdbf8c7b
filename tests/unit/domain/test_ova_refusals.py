"""Appliances that must be refused: each way to be wrong has its own code."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.problem import ExitCode, Problem, exit_code_of
from tests.unit.domain.builders import (
    DISK,
    DISK_NAME,
    IMAGE,
    META,
    OVF_NAME,
    PACK,
    SPARSE,
    dmtf,
    dmtf_ovf,
    entry,
    gpt,
    header,
    looked,
    ova,
    ovf,
    pax,
    qcow2,
    tar,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DISK_OVF = '<Disk ovf:fileRef="{}" ovf:volume-format="{}"/>'


def linked(kind: bytes) -> bytes:
    return tar([*ova(), (entry("images/extra", kind, "/etc/shadow"), b"")])


def with_ovf(text: bytes) -> bytes:
    return tar(ova({OVF_NAME: text}))


def with_disk(disk: bytes) -> bytes:
    return tar(ova({DISK_NAME: disk}))


def item(kind: int, content: str) -> bytes:
    return with_ovf(ovf(items=f"<Item><rasd:ResourceType>{kind}</rasd:ResourceType>{content}</Item>"))


ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BAD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("HE-APPLIANCE-FORMAT", lambda: b""),
    "text": ("HE-APPLIANCE-FORMAT", lambda: b"text" * 400),
    "zeros": ("HE-APPLIANCE-FORMAT", lambda: bytes(4096)),
    "packed text": ("HE-OVA-FORMAT", lambda: PACK["gzip"](b"text" * 400)),
    "vmdk": ("HE-APPLIANCE-DISK-FORMAT", lambda: b"KDMV" + bytes(4096)),
    "vdi": ("HE-APPLIANCE-DISK-FORMAT", lambda: bytes(64) + b"\x7f\x10\xda\xbe" + bytes(4096)),
    "raw of part of a sector": ("HE-APPLIANCE-TRUNCATED", lambda: gpt()[:-1]),
    "backing file": ("HE-APPLIANCE-BACKING", lambda: qcow2(backing=b"/etc/shadow")),
    "data file": ("HE-APPLIANCE-DATA-FILE", lambda: qcow2(features=4)),
    "encrypted": ("HE-APPLIANCE-ENCRYPTED", lambda: qcow2(encryption=2)),
    "corrupt": ("HE-APPLIANCE-QCOW2", lambda: qcow2(features=2)),
    "unknown feature": ("HE-APPLIANCE-QCOW2", lambda: qcow2(features=1 << 40)),
    "unknown version": ("HE-APPLIANCE-QCOW2", lambda: qcow2(version=9)),
    "no size": ("HE-APPLIANCE-QCOW2", lambda: qcow2(size=0)),
    "absurd size": ("HE-APPLIANCE-QCOW2", lambda: qcow2(size=1 << 62)),
    "absurd clusters": ("HE-APPLIANCE-QCOW2", lambda: qcow2(cluster_bits=40)),
    "small first table": ("HE-APPLIANCE-QCOW2", lambda: qcow2(l1=1)),
    "absurd first table": ("HE-APPLIANCE-QCOW2", lambda: qcow2(l1=1 << 31)),
    "crooked table": ("HE-APPLIANCE-QCOW2", lambda: qcow2(offset=0x30001)),
    "table outside": ("HE-APPLIANCE-TRUNCATED", lambda: qcow2(offset=0x900000)),
    "cut header": ("HE-APPLIANCE-TRUNCATED", lambda: qcow2(length=60)),
    "cut header of version 3": ("HE-APPLIANCE-TRUNCATED", lambda: qcow2(length=80)),
    "no ovf": ("HE-OVA-NO-OVF", lambda: tar(ova({OVF_NAME: None}))),
    "no ovf, packed": ("HE-OVA-NO-OVF", lambda: PACK["gzip"](tar(ova({OVF_NAME: None})))),
    "two ovfs": ("HE-OVA-OVFS", lambda: tar(ova({"other.ovf": ovf()}))),
    "absolute": ("HE-OVA-PATH", lambda: tar(ova({"/etc/passwd": b"x"}))),
    "climbing": ("HE-OVA-PATH", lambda: tar(ova({"images/../../x": b"x"}))),
    "link": ("HE-OVA-LINK", lambda: linked(tarfile.SYMTYPE)),
    "hard link": ("HE-OVA-LINK", lambda: linked(tarfile.LNKTYPE)),
    "device": ("HE-OVA-DEVICE", lambda: linked(tarfile.CHRTYPE)),
    "twice": ("HE-OVA-DUPLICATE", lambda: tar([*ova(), (f"./{DISK_NAME}", DISK)])),
    "many members": ("HE-OVA-TOO-MANY", lambda: tar([(f"m{number}", b"") for number in range(70)])),
    "cut in the disk": ("HE-OVA-TRUNCATED", lambda: tar(ova())[: 512 * 50]),
    "cut behind the disk": ("HE-OVA-TRUNCATED", lambda: tar(ova())[: -10240 - len(tar(ova())) % 10240]),
    "packed, cut before the disk": ("HE-OVA-TRUNCATED", lambda: PACK["gzip"](tar(ova()))[:300]),
    "header damaged": ("HE-OVA-FORMAT", lambda: tar(ova()).replace(b"master/vms", b"mister/vms")),
    "vmdk inside": ("HE-APPLIANCE-DISK-FORMAT", lambda: with_disk(b"KDMV" + bytes(4096))),
    "vmdk declared": (
        "HE-APPLIANCE-DISK-FORMAT",
        lambda: tar(dmtf(engine_ovf=dmtf_ovf(url="http://x/vmdk.html"), engine_mf=b"")),
    ),
    "raw declared": (
        "HE-APPLIANCE-DISK-FORMAT",
        lambda: tar(dmtf(engine_ovf=dmtf_ovf(url="http://en.wikipedia.org/wiki/Byte"), engine_mf=b"")),
    ),
    "qcow2 declared, raw inside": ("HE-APPLIANCE-DISK-FORMAT", lambda: with_disk(gpt())),
    "raw declared, qcow2 inside": (
        "HE-APPLIANCE-DISK-FORMAT",
        lambda: with_ovf(ovf(disk=DISK_OVF.format(IMAGE, "RAW"))),
    ),
    "unknown declared": ("HE-APPLIANCE-DISK-FORMAT", lambda: with_ovf(ovf(disk=DISK_OVF.format(IMAGE, "VMDK")))),
    "meta contradicts": (
        "HE-APPLIANCE-DISK-FORMAT",
        lambda: tar(ova({f"{DISK_NAME}.meta": META.replace(b"COW", b"RAW")})),
    ),
    "backing file inside": ("HE-APPLIANCE-BACKING", lambda: with_disk(qcow2(backing=b"../x"))),
    "disk is nothing": ("HE-APPLIANCE-FORMAT", lambda: with_disk(bytes(4096))),
    "dtd": ("HE-OVF-DTD", lambda: with_ovf(ovf(prologue=ENTITY))),
    "empty dtd": ("HE-OVF-DTD", lambda: with_ovf(ovf(prologue="<!DOCTYPE x>"))),
    "no xml": ("HE-OVF-FORMAT", lambda: with_ovf(b"<a>")),
    "another root": ("HE-OVF-FORMAT", lambda: with_ovf(b"<Envelope/>")),
    "unknown encoding": ("HE-OVF-FORMAT", lambda: with_ovf(b'<?xml version="1.0" encoding="x-y"?><a/>')),
    "huge ovf": ("HE-OVF-FORMAT", lambda: with_ovf(ovf(prologue=" " * (1 << 20)))),
    "many elements": ("HE-OVF-FORMAT", lambda: with_ovf(ovf(items="<a/>" * 11_000))),
    "no cpus": ("HE-OVF-FORMAT", lambda: item(3, "<rasd:num_of_sockets>0</rasd:num_of_sockets>")),
    "cpus are text": ("HE-OVF-FORMAT", lambda: item(3, "<rasd:VirtualQuantity>many</rasd:VirtualQuantity>")),
    "unknown unit": ("HE-OVF-FORMAT", lambda: item(4, "<rasd:AllocationUnits>stone</rasd:AllocationUnits>")),
    "absurd memory": ("HE-OVF-FORMAT", lambda: item(4, "<rasd:VirtualQuantity>99999999999</rasd:VirtualQuantity>")),
    "no disk": ("HE-OVF-NO-DISK", lambda: with_ovf(ovf(disk=""))),
    "two disks": ("HE-OVF-DISKS", lambda: with_ovf(ovf(disk=DISK_OVF.format(IMAGE, "COW") * 2))),
    "disk absent": ("HE-OVF-REFERENCE", lambda: tar(ova({DISK_NAME: None}))),
    "disk elsewhere": ("HE-OVF-REFERENCE", lambda: with_ovf(ovf(disk=DISK_OVF.format("../../etc/shadow", "COW")))),
    "disk absolute": ("HE-OVF-REFERENCE", lambda: tar(dmtf(engine_ovf=dmtf_ovf(href="/etc/shadow")))),
    "ovf changed": ("HE-APPLIANCE-DIGEST", lambda: tar(dmtf(engine_ovf=dmtf_ovf().replace(b">4<", b">8<")))),
    "a sparse member": (
        "HE-OVA-FORMAT",
        lambda: b"".join((*pax(**SPARSE), header(b"0", 512), b"0\n".ljust(512, b"\0"))) + tar(ova()),
    ),
    "manifest is none": ("HE-OVA-FORMAT", lambda: tar(dmtf(engine_mf=b"hello\n"))),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_appliance_is_refused_by_its_own_code(case: str) -> None:
    code, make = BAD[case]
    with pytest.raises(Problem) as caught:
        looked(make())
    problem = caught.value
    assert problem.code == code, problem
    assert exit_code_of(problem) is ExitCode.REFUSED
    assert problem.where == "/srv/engine.ova"
    assert problem.command
    assert problem.hint


@pytest.mark.parametrize("conf", ["version", "version=newest\n", "sha1sum=abc\n", "x=" + "y" * 70000])
def test_a_bad_conf_is_refused(conf: str) -> None:
    with pytest.raises(Problem, match="HE-APPLIANCE-CONF"):
        looked(tar(ova()), conf)


def test_every_code_is_seen_here() -> None:
    ours = {
        code for code, kind in Problem.registry.items() if kind.__module__ == "hosted_setup.domain.appliance_problems"
    }
    assert ours == {code for code, _ in BAD.values()} | {"HE-APPLIANCE-CONF"}
