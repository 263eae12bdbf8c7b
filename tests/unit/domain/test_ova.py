"""Appliances: every form is read, and and read in place."""

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
from hosted_setup.model.problem import Problem
from tests.unit.domain.builders import (
    DISK,
    DISK_NAME,
    IMAGE,
    OVF_NAME,
    PACK,
    disk_of,
    dmtf,
    dmtf_ovf,
    entry,
    gpt,
    looked,
    ova,
    ovf,
    qcow2,
    tar,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
DISK_OVF = '<Disk ovf:fileRef="{}" ovf:volume-format="{}"/>'


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


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("HE-OVA-TRUNCATED", lambda content: content[:-20]),
        ("HE-OVA-FORMAT", lambda content: content[:-8] + bytes(8)),
        ("HE-OVA-FORMAT", lambda content: content + b"garbage"),
        ("HE-OVA-DUPLICATE", lambda _: PACK["gzip"](tar([*ova(), (DISK_NAME, DISK)]))),
        (
            "HE-OVA-LINK",
            lambda _: PACK["gzip"](tar([*ova(), (entry("images/x", tarfile.SYMTYPE, "/etc/shadow"), b"")])),
        ),
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


PROPERTY = '<ProductSection><Property ovf:key="{}" ovf:value="{}"/></ProductSection>'


@pytest.mark.parametrize(
    ("declared", "conf", "features"),
    [
        ("", None, ()),
        (PROPERTY.format("hosted-engine.features", "keycloak, fips"), None, ("keycloak", "fips")),
        (PROPERTY.format("other.features", "keycloak"), None, ()),
        (PROPERTY.format("hosted-engine.features", "keycloak"), "version=4.5.6\n", ("keycloak",)),
        (PROPERTY.format("hosted-engine.features", "keycloak"), "features=\n", ()),
        ("", "features=keycloak keycloak KEYCLOAK x/../y\n", ("keycloak",)),
    ],
)
def test_what_an_appliance_declares(declared: str, conf: str | None, features: tuple[str, ...]) -> None:
    text = dmtf_ovf().replace(b"<VirtualHardwareSection>", declared.encode() + b"<VirtualHardwareSection>")
    content = tar([("engine.ovf", text), ("disk.qcow2", DISK)])
    assert looked(content, conf).features == features
