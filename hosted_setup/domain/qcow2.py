"""The header of a qcow2 image, read so that nothing else has to probe it.

Format: QEMU's docs/interop/qcow2.txt, versions 2 and 3; all numbers are big-endian.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from hosted_setup.domain.appliance_problems import (
    ApplianceBacking,
    ApplianceDataFile,
    ApplianceEncrypted,
    ApplianceQcow2,
    ApplianceTruncated,
)
from hosted_setup.model.messages import _

MAGIC: Final = b"QFI\xfb"
_FIXED: Final = struct.Struct(">4sIQIIQIIQQIIQ")  # 72 bytes
_FEATURES: Final = struct.Struct(">QQQII")  # 32 more in version 3
_CLUSTER_BITS: Final = range(9, 22)
_LARGEST: Final = 64 << 40
_L1_LIMIT: Final = 32 << 20  # bytes; QEMU's own limit
_CORRUPT: Final = 1 << 1
_DATA_FILE: Final = 1 << 2
_EXTENDED_L2: Final = 1 << 4
_KNOWN: Final = (1 << 5) - 1


class _Header(NamedTuple):
    magic: bytes
    version: int
    backing_offset: int
    backing_size: int
    cluster_bits: int
    size: int
    encryption: int
    l1_entries: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int
    snapshots: int
    snapshots_offset: int


def virtual_size(start: bytes, length: int | None) -> int:
    """Give the bytes that a guest sees of an image, after making sure that it stands alone.

    Args:
        start: the first bytes of the image, 104 at least if it is that long.
        length: bytes of the whole image, if known: then its tables must lie inside.

    Raises:
        ApplianceBacking: it needs another file beneath it.
        ApplianceDataFile: its data is in another file.
        ApplianceEncrypted: it is encrypted.
        ApplianceTruncated: it is shorter than its tables.
        ApplianceQcow2: the header is damaged or of an unknown kind.
    """
    if len(start) < _FIXED.size:
        raise ApplianceTruncated(_("it ends inside its header"))
    header = _Header._make(_FIXED.unpack_from(start))
    features = _features(header, start)
    if header.backing_offset or header.backing_size:
        name = start[header.backing_offset : header.backing_offset + min(header.backing_size, 1023)]
        raise ApplianceBacking(_("it lies over {name!a}", name=name.decode(errors="replace")))
    if features & _DATA_FILE:
        raise ApplianceDataFile(_("its header says so"))
    if header.encryption:
        raise ApplianceEncrypted(_("by method {encryption}", encryption=header.encryption))
    _check_tables(header, features, length)
    return header.size


def _features(header: _Header, start: bytes) -> int:
    """Give the incompatible features; version 2 has none."""
    if header.magic != MAGIC or header.version not in {2, 3}:
        raise ApplianceQcow2(_("version {version} is unknown", version=header.version))
    if header.version == 2:  # noqa: PLR2004  # the version's number
        return 0
    if len(start) < _FIXED.size + _FEATURES.size:
        raise ApplianceTruncated(_("it ends inside its header"))
    features: int = _FEATURES.unpack_from(start, _FIXED.size)[0]
    if features & ~_KNOWN:
        raise ApplianceQcow2(_("it has unknown features: {features:#x}", features=features))
    if features & _CORRUPT:
        raise ApplianceQcow2(_("it is marked as corrupt"))
    return features


def _check_tables(header: _Header, features: int, length: int | None) -> None:
    """Refuse sizes that cannot be, and tables that lie outside the image."""
    if header.cluster_bits not in _CLUSTER_BITS or not 0 < header.size <= _LARGEST:
        raise ApplianceQcow2(
            _(
                "clusters of 2^{cluster_bits} bytes, a disk of {size} bytes",
                cluster_bits=header.cluster_bits,
                size=header.size,
            )
        )
    cluster = 1 << header.cluster_bits
    mapped = cluster * (cluster // (16 if features & _EXTENDED_L2 else 8))  # bytes that one L1 entry stands for
    needed = -(-header.size // mapped)
    if not needed <= header.l1_entries <= _L1_LIMIT // 8:
        raise ApplianceQcow2(
            _(
                "entries in its first table: {entries}, and {needed} are needed",
                entries=header.l1_entries,
                needed=needed,
            )
        )
    if header.l1_offset % cluster or header.refcount_offset % cluster or not header.l1_offset:
        raise ApplianceQcow2(_("a table does not begin at a cluster"))
    end = max(
        header.l1_offset + 8 * header.l1_entries,
        header.refcount_offset + header.refcount_clusters * cluster,
        header.snapshots_offset if header.snapshots else 0,
    )
    if length is not None and end > length:
        raise ApplianceTruncated(_("its tables end at byte {end}, but it has {length} bytes", end=end, length=length))
