"""What SCSI devices answer is read by the standards' offsets; nonsense is read as nothing."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain import scsi

NAA6 = bytes.fromhex("60014056a1b2c3d4e5f60718293a4b5c")
NAA5 = bytes.fromhex("5001405012345678")


def designator(kind: int, name: bytes, association: int = 0) -> bytes:
    """Make a designation descriptor."""
    return bytes([1, association << 4 | kind, 0, len(name)]) + name


def page83(*designators: bytes) -> bytes:
    """Make a page 83h with room behind it."""
    body = b"".join(designators)
    return bytes([0, 0x83]) + struct.pack(">H", len(body)) + body + bytes(8)


@pytest.mark.parametrize(
    ("designators", "wwid"),
    [
        ((designator(3, NAA6),), f"3{NAA6.hex()}"),
        ((designator(3, NAA5), designator(3, NAA6)), f"3{NAA6.hex()}"),
        ((designator(1, b"ACME    disk 7  "), designator(3, NAA5)), f"3{NAA5.hex()}"),
        ((designator(1, b"ACME    disk 7  "), designator(2, b"\x01\x02\x03\x04\x05\x06\x07\x08")), "20102030405060708"),
        ((designator(1, b"ACME    disk 7 $\0\0"),), "1ACME_disk_7__"),
        ((designator(3, NAA6, association=1),), ""),  # a port's
        ((designator(3, bytes(16)),), ""),  # nobody's
        ((designator(3, NAA6)[:-1],), ""),  # cut off
        ((), ""),
    ],
)
def test_the_wwid_is_the_best_name_of_the_unit(designators: tuple[bytes, ...], wwid: str) -> None:
    page = page83(*designators)
    cut = page if designators != (designator(3, NAA6)[:-1],) else page[:-8]
    assert scsi.wwid(cut) == wwid


def test_inquiry_capacity_and_protection() -> None:
    data = bytes([0, 0, 5, 2, 91, 0, 0, 0]) + b"ACME    Virtual Disk    0001"
    assert scsi.inquiry(data) == (scsi.DISK, True, "ACME", "Virtual Disk")
    assert not scsi.inquiry(b"\x7f" + data[1:]).connected
    assert scsi.capacity(struct.pack(">QIBB", 131072, 512, 0, 0) + b"\x80\0") == (131073 * 512, 512, True)
    assert scsi.serial(b"\0\x80\0\x06 SN42 and more") == "SN42"
    assert scsi.read_only(b"\x0b\0\x80\0")
    assert not scsi.read_only(b"\x0b\0\x10\0")


def test_luns_of_one_level_are_listed() -> None:
    flat, peripheral, two_levels = b"\x41\x02" + bytes(6), b"\0\x07" + bytes(6), b"\0\x01\0\x02" + bytes(4)
    listed = struct.pack(">II", 24, 0) + peripheral + flat + two_levels + b"\0\x09" + bytes(6)
    assert scsi.numbers(listed) == (7, 0x102)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_a_crash(data: bytes) -> None:
    scsi.inquiry(data)
    scsi.serial(b"\0\x80" + data)
    scsi.capacity(data)
    scsi.read_only(data)
    assert all(0 <= number < 1 << 14 for number in scsi.numbers(data))
    assert scsi.wwid(b"\0\x83" + data).isascii()
