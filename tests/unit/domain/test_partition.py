"""What firmware a partition table asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.appliance import Firmware, firmware_of
from tests.unit.domain.builders import gpt

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"


def mbr(*kinds: int) -> bytes:
    """Make the first MiB of a disk with an MBR."""
    disk = bytearray(1 << 20)
    disk[510:512] = b"\x55\xaa"
    for index, kind in enumerate(kinds):
        disk[450 + 16 * index] = kind
    return bytes(disk)


@pytest.mark.parametrize(
    ("disk", "firmware"),
    [
        (gpt(ESP, LINUX), Firmware.UEFI),
        (gpt(LINUX, ESP), Firmware.UEFI),
        (gpt(BIOS_BOOT, LINUX), Firmware.BIOS),
        (gpt(BIOS_BOOT, ESP, LINUX), Firmware.BIOS),
        (gpt(LINUX), Firmware.BIOS),
        (gpt(), Firmware.BIOS),
        (mbr(0x83), Firmware.BIOS),
        (mbr(0x83, 0x82, 0x83, 0xEF), Firmware.UEFI),
        (mbr(0xEF)[:510] + bytes(2), Firmware.BIOS),
        (gpt(ESP)[:700], Firmware.BIOS),
        (b"", Firmware.BIOS),
    ],
)
def test_firmware_follows_the_partitions(disk: bytes, firmware: Firmware) -> None:
    assert firmware_of(disk) is firmware


@given(st.binary(max_size=1500))
def test_any_bytes_are_judged(disk: bytes) -> None:
    assert firmware_of(disk[:512].ljust(512, b"\0") + b"EFI PART" + disk[512:]) in Firmware
