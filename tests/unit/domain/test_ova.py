"""Appliances: every form is read, and each way to be wrong has its own code."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosted_setup.domain.appliance import Appliance, Form, check_package, disk_member, look
from hosted_setup.domain.ovf import read_ovf
from hosted_setup.model.problem import ExitCode, Problem, exit_code_of
from tests.unit.domain.builders import (
    DISK_NAME,
    IMAGE,
    META,
    OVF_NAME,
    PACK,
    dmtf_ovf,
    entry,
    gpt,
    ova,
    ovf,
    qcow2,
    tar,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
DISK = qcow2()
DISK_OVF = '<Disk ovf:fileRef="{}" ovf:volume-format="{}"/>'


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


def test_an_ova_of_ovirt_is_read_in_place() -> None:
    content = tar(ova())
    appliance = looked(content)
    assert appliance == Appliance(
        path="/srv/engine.ova",
        form=Form.OVA,
        disk_format="qcow2",
        offset=content.index(b"QFI\xfb"),
        size=len(DISK),
        member=DISK_NAME,
        virtual_size=GIB,
        cpus=4,
        memory_mib=16384,
        version=None,
        description="An engine",
    )
    assert disk_of(content, appliance) == DISK


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("pack", ["gzip", "none"])
def test_members_are_found_by_name_in_any_order(pack: str, order: tuple[int, ...]) -> None:
    content = PACK[pack](tar([ova()[place] for place in order]))
    appliance = looked(content)
    assert (appliance.member, appliance.virtual_size, appliance.cpus) == (DISK_NAME, GIB, 4)
    assert disk_of(content, appliance) == DISK


def test_a_gzipped_ova_is_not_inflated_further_than_needed() -> None:
    content = PACK["gzip"](tar(ova({DISK_NAME: DISK + bytes(range(256)) * 40000})))
    stream = io.BytesIO(content[: len(content) // 2])
    assert look(stream, path="x").form is Form.GZIP_OVA
    assert look(stream, path="x").offset is None


def test_progress_counts_the_bytes_of_the_file() -> None:
    content = PACK["gzip"](tar(ova()[::-1]))
    told: list[int] = []
    appliance = look(io.BytesIO(content), path="x", progress=told.append)
    assert told == []  # it was found before the end, and 4 MiB are not reached
    list(disk_member(io.BytesIO(content), appliance, progress=told.append))
    assert told == [len(content)]


@pytest.mark.parametrize("pack", ["gzip", "none"])
def test_the_layout_of_dmtf_is_read_with_its_manifest(pack: str) -> None:
    content = PACK[pack](tar(dmtf()))
    appliance = looked(content)
    assert (appliance.member, appliance.cpus, appliance.memory_mib) == ("disk.qcow2", 4, 16384)
    assert (appliance.version, appliance.description) == ("4.5.6", "engine")
    assert appliance.digest == f"sha256:{hashlib.sha256(DISK).hexdigest()}"
    assert disk_of(content, appliance) == DISK


def test_sha1_of_an_old_manifest_is_verified() -> None:
    sums = f"SHA1 (disk.qcow2) = {hashlib.sha1(DISK, usedforsecurity=False).hexdigest()}\n".encode()
    content = tar(dmtf(engine_mf=sums))
    assert disk_of(content, looked(content)) == DISK


def test_bare_disks_are_told_apart() -> None:
    image = looked(DISK)
    assert (image.form, image.offset, image.size, image.virtual_size) == (Form.QCOW2, 0, len(DISK), GIB)
    raw = looked(gpt())
    assert (raw.form, raw.disk_format, raw.virtual_size) == (Form.RAW, "raw", 1 << 20)
    assert disk_of(gpt(), raw) == gpt()
    assert looked(qcow2(version=2)).virtual_size == GIB


def test_a_raw_disk_in_an_ova_is_read() -> None:
    content = tar(
        ova({OVF_NAME: ovf(disk=DISK_OVF.format(IMAGE, "RAW")), f"{DISK_NAME}.meta": b"FORMAT=RAW\n", DISK_NAME: gpt()})
    )
    appliance = looked(content)
    assert (appliance.disk_format, appliance.virtual_size) == ("raw", 1 << 20)


def test_both_namespaces_are_accepted() -> None:
    assert looked(tar(ova({OVF_NAME: ovf(namespace="http://schemas.dmtf.org/ovf/envelope/1")}))).cpus == 4


def test_an_ovf_need_not_propose_anything() -> None:
    appliance = looked(tar(ova({OVF_NAME: ovf(items="")})))
    assert (appliance.cpus, appliance.memory_mib) == (None, None)


def test_the_conf_beside_tells_version_and_checksum() -> None:
    content = tar(ova())
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    conf = f"# by rpm\ndescription=The engine\nversion=4.5.6-1.el9\npath=/usr/share/x.ova\nsha1sum={digest}\n\n"
    appliance = looked(content, conf)
    assert (appliance.version, appliance.description) == ("4.5.6-1.el9", "The engine")
    check_package(io.BytesIO(content), appliance)
    with pytest.raises(Problem, match="HE-APPLIANCE-DIGEST"):
        check_package(io.BytesIO(content + b"x"), appliance)
    check_package(io.BytesIO(content), looked(content))


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


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("HE-OVA-TRUNCATED", lambda content: content[:-20]),
        ("HE-OVA-FORMAT", lambda content: content[:-8] + bytes(8)),
        ("HE-OVA-FORMAT", lambda content: content + b"garbage"),
        ("HE-OVA-DUPLICATE", lambda _: PACK["gzip"](tar([*ova(), (DISK_NAME, DISK)]))),
        ("HE-OVA-LINK", lambda _: PACK["gzip"](linked(tarfile.SYMTYPE))),
        ("HE-OVA-FORMAT", lambda _: PACK["gzip"](tar(ova({DISK_NAME: DISK + b"more"})))),
        ("HE-OVF-REFERENCE", lambda _: PACK["gzip"](tar(ova({DISK_NAME: None})))),
    ],
)
def test_what_is_wrong_behind_the_disk_is_told_while_it_is_read(code: str, change: Callable[[bytes], bytes]) -> None:
    content = PACK["gzip"](tar(ova()))
    appliance = looked(content)
    with pytest.raises(Problem) as caught:
        disk_of(change(content), appliance)
    assert caught.value.code == code


@pytest.mark.parametrize("pack", ["gzip", "none"])
def test_a_disk_that_does_not_match_the_manifest_is_told_at_its_end(pack: str) -> None:
    content = PACK[pack](tar(dmtf(disk_qcow2=DISK[:-1] + b"x")))
    appliance = looked(content)
    chunks = disk_member(io.BytesIO(content), appliance)
    with pytest.raises(Problem, match="HE-APPLIANCE-DIGEST"):
        list(chunks)


def test_a_file_that_shrank_since_the_look_is_noticed() -> None:
    for content in (tar(ova()), DISK):
        with pytest.raises(Problem, match="HE-OVA-TRUNCATED"):
            disk_of(content[:70000], looked(content))


GOOD = {"plain": tar(ova()), "gzip": PACK["gzip"](tar(ova())), "dmtf": tar(dmtf()), "qcow2": DISK, "raw": gpt()}


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_appliance_raises_nothing_but_problems(data: st.DataObject) -> None:
    content = bytearray(GOOD[data.draw(st.sampled_from(sorted(GOOD)))])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.one_of(st.integers(0, 200), st.integers(0, 6000), st.integers(0, len(content) - 1)))
        content[at : at + 1] = data.draw(st.binary(max_size=3))
    try:
        appliance = looked(bytes(content))
        assert len(disk_of(bytes(content), appliance)) == appliance.size
    except Problem as problem:
        assert problem.where  # noqa: PT017  # it may also be harmless


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_ovf_raises_nothing_but_problems(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([ovf(), dmtf_ovf()]))
    start, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 40))
    piece = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"<", b"&amp;", b"<!DOCTYPE a>", b"0", b"-1", b""]))
    )
    try:
        read_ovf("a/b.ovf", text[:start] + piece + text[start + length :])
    except Problem:
        return


def end_of(content: bytes) -> int:
    """Tell where the end mark of a tar ends; what follows is padding."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        last = archive.getmembers()[-1]
    return last.offset_data + last.size + -last.size % 512 + 1024


@pytest.mark.parametrize("name", ["plain", "gzip", "dmtf"])
def test_a_cut_anywhere_is_a_problem(name: str) -> None:
    whole = GOOD[name]
    end = len(whole) if name == "gzip" else end_of(whole)
    for cut in {*range(0, 3000, 97), *range(0, end, 30011), end - 1, end - 513} & set(range(end)):
        with pytest.raises(Problem):
            disk_of(whole[:cut], looked(whole[:cut]))
