"""A disk anywhere in the words of QEMU's block layer: every layer's driver is named, so that nothing is probed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from hosted_setup.ports.locations import DeviceAt, FileAt, IscsiAt, NfsAt

if TYPE_CHECKING:
    from hosted_setup.ports.images import DiskSource
    from hosted_setup.ports.locations import Location

CHAP: Final = "chap"
"""The id of the secret object that a program has to be given for an IscsiAt with a secret."""

_SECTOR: Final = 512


def filename(disk: DiskSource) -> str:
    """Give what QEMU's tools take for a file name: the disk, with its format."""
    return "json:" + json.dumps(image(disk))


def image(disk: DiskSource) -> dict[str, object]:
    """Give the disk, with its format."""
    return {"driver": disk.format, "file": region(disk)}


def region(disk: DiskSource) -> dict[str, object]:
    """Give the bytes that the disk lies in."""
    there = _there(disk.at)
    if disk.offset is None:
        return there
    size = -(-(disk.size or 0) // _SECTOR) * _SECTOR  # qemu takes nothing else; a tar pads its members to that
    return {"driver": "raw", "offset": disk.offset, "size": size, "file": there}


def nothing(size: int) -> str:
    """Give what QEMU's tools take for a file of `size` zeros."""
    return "json:" + json.dumps({"driver": "null-co", "size": size, "read-zeroes": True})


def _there(at: Location) -> dict[str, object]:
    match at:
        case FileAt():
            return {"driver": "file", "filename": at.path}
        case DeviceAt():
            # Past the page cache: it does not know of what other hosts write to a LUN.
            return {"driver": "host_device", "filename": at.path, "cache": {"direct": True}}
        case NfsAt():
            server = {"type": "inet", "host": at.server}
            return {"driver": "nfs", "server": server, "path": at.path, "user": at.uid, "group": at.gid}
        case IscsiAt():
            login = {"user": at.user, "password-secret": CHAP} if at.user else {}
            login |= {"initiator-name": at.initiator} if at.initiator else {}
            return {
                "driver": "iscsi", "transport": "tcp", "portal": at.portal, "target": at.target, "lun": at.lun, **login
            }  # fmt: skip
