"""Partition tables, as far as they tell what firmware a disk wants.

Formats: MBR, and GPT of the UEFI specification, chapter 5, on 512-byte sectors.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTOR: Final = 512
_MBR_SIGNATURE: Final = b"\x55\xaa"
_MBR_ESP: Final = 0xEF
_GPT_SIGNATURE: Final = b"EFI PART"
_GPT_ENTRIES: Final = 1024  # 128 are usual
_ESP: Final = UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").bytes_le
_BIOS_BOOT: Final = UUID("21686148-6449-6e6f-744e-656564454649").bytes_le


class Firmware(Enum):
    """What a disk boots from."""

    BIOS = "bios"
    UEFI = "uefi"


def has_partition_table(start: bytes) -> bool:
    """Tell from a disk's first sector whether it has a partition table; a GPT has a protective MBR too."""
    return start[510:_SECTOR] == _MBR_SIGNATURE


def firmware_of(first_mebibyte: bytes) -> Firmware:
    """Tell what firmware a disk wants: UEFI if it has an EFI system partition, unless it boots by BIOS as well.

    BIOS is preferred where both work: it starts faster and needs no NVRAM file.

    Args:
        first_mebibyte: the disk's first MiB as the guest sees it. A table outside of it is not seen.
    """
    if first_mebibyte[_SECTOR : _SECTOR + 8] == _GPT_SIGNATURE:
        kinds = frozenset(_gpt_kinds(first_mebibyte))
        return Firmware.UEFI if _ESP in kinds and _BIOS_BOOT not in kinds else Firmware.BIOS
    has_esp = has_partition_table(first_mebibyte) and _MBR_ESP in first_mebibyte[450:_SECTOR:16][:4]
    return Firmware.UEFI if has_esp else Firmware.BIOS


def _gpt_kinds(disk: bytes) -> Iterator[bytes]:
    """Give the type of each GPT entry."""
    header = disk[_SECTOR : 2 * _SECTOR]
    if len(header) < _SECTOR:
        return
    first, count, size = struct.unpack_from("<QII", header, 72)
    for index in range(min(count, _GPT_ENTRIES)):
        at = first * _SECTOR + index * size
        kind = disk[at : at + 16]
        if any(kind):
            yield kind
