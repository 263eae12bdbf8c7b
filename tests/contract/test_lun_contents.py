"""Whatever the real tools put on a LUN is found; nothing is taken for more than it is, and nothing is changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosted_setup.adapters.disk_tools import UtilLinux
from hosted_setup.domain.block_layout import LOCKSPACE, METADATA, system_partitions
from hosted_setup.domain.block_metadata import FORMAT, BlockMetadata, decoded, encoded
from hosted_setup.domain.lun_contents import Contents, Finding, Kind, ends_of, lockspace_at, look
from hosted_setup.domain.pointer import Pointer
from hosted_setup.domain.sanlock import leases
from hosted_setup.domain.slots import blank
from hosted_setup.model.values import MIB
from hosted_setup.ports.disk_tools import ENDS, PartitionTable
from tests.lab.lvm import on_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

TOOLS: Final = UtilLinux()
SIZE: Final = 64 * MIB
UUIDS: Final = (
    "8d0e6c0f-2a4a-4f7e-9a3e-000000000001",
    "8d0e6c0f-2a4a-4f7e-9a3e-000000000002",
    "8d0e6c0f-2a4a-4f7e-9a3e-000000000003",
)
DOMAIN: Final = "8d0e6c0f-2a4a-4f7e-9a3e-000000000000"
METADATA_OF_OURS: Final = BlockMetadata(format=FORMAT, uuid=DOMAIN, name="hosted_storage", run="20261121-1")


@pytest.fixture
def lun(tmp_path: Path) -> Path:
    path = tmp_path / "lun"
    with path.open("xb") as file:
        file.truncate(SIZE)
    return path


def contents(path: Path) -> Contents:
    """Look, and make sure that looking changed nothing."""
    before = digest(path)
    found = look(TOOLS, lambda regions: read(path, regions), path.stat().st_size)
    assert digest(path) == before
    return found


def read(path: Path, regions: Sequence[tuple[int, int]]) -> list[bytes]:
    with path.open("rb") as file:
        return [os.pread(file.fileno(), length, start) for start, length in regions]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def write(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def make_ours(path: Path, metadata: BlockMetadata = METADATA_OF_OURS) -> None:
    partitions = system_partitions(UUIDS)
    ends = TOOLS.with_table(ends_of(lambda regions: read(path, regions), SIZE), PartitionTable(DOMAIN, partitions))
    write(path, 0, ends.head)
    write(path, SIZE - ENDS, ends.tail)
    write(path, partitions[0].start, blank(encoded(metadata), partitions[0].size))


def test_a_blank_lun_is_empty(lun: Path) -> None:
    assert contents(lun).empty


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (("mkfs.ext4", "-q", "-F", "-L", "mine"), Finding(Kind.SIGNATURE, "ext4 mine")),
        (("mkswap", "-L", "mine"), Finding(Kind.SIGNATURE, "swap mine")),
    ],
)
def test_a_file_system_is_named(lun: Path, command: tuple[str, ...], found: Finding) -> None:
    subprocess.run([*command, lun], check=True, capture_output=True)
    assert contents(lun).findings == (found,)


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_a_partition_table_is_found_even_an_empty_one(lun: Path, label: str) -> None:
    subprocess.run(["sfdisk", "-q", lun], input=f"label: {label}\n", text=True, check=True, capture_output=True)
    assert contents(lun).findings == (Finding(Kind.PARTITIONS, label),)


@pytest.mark.system
def test_a_volume_group_is_named_and_one_of_ovirt_told_apart(lab: Laboratory, lun: Path) -> None:
    with looped(lab, lun) as device:
        lvm(lab, lun, device, "pvcreate", "--metadatasize", "32m", "-ff", "-y", device)
        assert contents(lun).findings == (Finding(Kind.LVM),)
        lvm(lab, lun, device, "vgcreate", "--addtag", "mine", DOMAIN, device)
        assert contents(lun).findings == (Finding(Kind.LVM, DOMAIN),)
        lvm(lab, lun, device, "vgchange", "--addtag", "RHAT_storage_domain", "--addtag", "MDT_TYPE=ISCSI", DOMAIN)
    assert contents(lun).findings == (Finding(Kind.OVIRT_DOMAIN, DOMAIN),)


@contextmanager
def looped(lab: Laboratory, lun: Path) -> Iterator[str]:
    device = lab.run(["losetup", "--find", "--show", lun], check=True).stdout.strip()
    try:
        yield device
    finally:
        lab.run(["losetup", "--detach", device], check=True)


def lvm(lab: Laboratory, lun: Path, device: str, command: str, *words: str) -> None:
    """Run LVM in the laboratory."""
    whole, environment = on_device(device, lun.parent / "lvm", command, *words)
    lab.run(whole, check=True, env=environment)


def test_a_lockspace_is_named_and_its_leases_are_read(lun: Path) -> None:
    subprocess.run(["sanlock", "direct", "init", "-s", f"theirs:0:{lun}:0"], check=True, capture_output=True)
    assert contents(lun).findings == (Finding(Kind.LOCKSPACE, "theirs"),)
    assert lockspace_at(TOOLS, ends_of(lambda regions: read(lun, regions), SIZE)) == 0
    assert leases(lun.read_bytes()[:MIB]) == ()
    write(lun, 2 * 512 + 152, (4711).to_bytes(8, "little"))
    assert leases(lun.read_bytes()[:MIB]) == ((3, 4711, 10),)


def test_a_resource_lease_is_a_lockspace_too(lun: Path) -> None:
    subprocess.run(["sanlock", "direct", "init", "-r", f"theirs:lease:{lun}:0"], check=True, capture_output=True)
    assert contents(lun).findings == (Finding(Kind.LOCKSPACE, "theirs"),)


def test_a_domain_of_ours_is_known(lun: Path) -> None:
    make_ours(lun)
    found = contents(lun)
    assert found.findings == (Finding(Kind.DOMAIN, "hosted_storage"),)
    assert found.domain == METADATA_OF_OURS
    assert lockspace_at(TOOLS, ends_of(lambda regions: read(lun, regions), SIZE)) == system_partitions(UUIDS)[1].start
    assert system_partitions(UUIDS)[1].name == LOCKSPACE


def test_a_domain_of_ours_without_a_whole_slot_is_damaged_not_free(lun: Path) -> None:
    make_ours(lun)
    write(lun, system_partitions(UUIDS)[0].start, bytes(2 * MIB))
    assert contents(lun).findings == (Finding(Kind.DAMAGED_DOMAIN, DOMAIN),)


def test_a_marker_of_another_disk_is_damage(lun: Path) -> None:
    make_ours(lun, BlockMetadata(format=FORMAT, uuid=UUIDS[0], name="copied", run="r"))
    assert contents(lun).findings == (Finding(Kind.DAMAGED_DOMAIN, DOMAIN),)


@pytest.mark.parametrize("place", [100 * 4096, SIZE - 100, SIZE // 2])
def test_data_without_a_name_is_data(lun: Path, place: int) -> None:
    write(lun, place, b"x" if place != SIZE // 2 else b"x" * 16 * MIB)
    assert contents(lun).findings == (Finding(Kind.DATA),)


def test_several_things_are_all_told(lun: Path) -> None:
    subprocess.run(["sfdisk", "-q", lun], input="label: dos\nstart=2048\n", text=True, check=True, capture_output=True)
    subprocess.run(["mkswap", "-f", lun], check=True, capture_output=True)
    kinds = {one.kind for one in contents(lun).findings}
    assert Kind.SIGNATURE in kinds


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=2048).filter(any), st.integers(0, 8192))
def test_any_garbage_is_something(garbage: bytes, place: int) -> None:
    disk = bytearray(3 * MIB)
    disk[place : place + len(garbage)] = garbage

    def regions(wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        return [bytes(disk[start : start + length]) for start, length in wanted]

    assert not look(TOOLS, regions, len(disk)).empty


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_garbage_is_metadata(garbage: bytes) -> None:
    assert decoded(garbage) is None
    assert decoded(encoded(METADATA_OF_OURS) + b"x" + garbage) is None


@pytest.mark.parametrize(
    "text",
    [
        b'{"format":2,"uuid":"8d0e6c0f-2a4a-4f7e-9a3e-000000000000","name":"n","run":"r"}',
        b'{"format":1,"uuid":"../../etc","name":"n","run":"r"}',
        b'{"format":1,"uuid":"8d0e6c0f-2a4a-4f7e-9a3e-000000000000","name":"n","run":"r","more":1}',
        b'{"format":1,"uuid":"8d0e6c0f-2a4a-4f7e-9a3e-000000000000","name":"n"}',
    ],
)
def test_metadata_that_is_almost_right_is_none(text: bytes) -> None:
    assert decoded(text) is None


def test_metadata_is_read_as_it_was_written() -> None:
    pointer = Pointer(UUIDS[0], "qcow2")
    whole = BlockMetadata(format=1, uuid=DOMAIN, name="n", run="r", engine="e", current=pointer, importing=(UUIDS[1],))
    assert decoded(encoded(whole)) == whole
    assert METADATA == "he-metadata"
