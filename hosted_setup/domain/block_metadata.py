"""What the metadata of a storage domain on a LUN says: marker, pointer, the disks that are being imported, the hosts.

It is JSON in the slots of the partition `he-metadata`; read strictly, so that nothing else is taken for it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.pointer import Pointer, Uuid

FORMAT: Final = 1


class BlockMetadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A storage domain: its UUID and name, the run that made it, and the engine's id once there is one."""

    format: int
    uuid: Uuid
    name: str
    run: str
    engine: str = ""
    current: Pointer | None = None
    importing: tuple[Uuid, ...] = ()
    hosts: tuple[HostSlot, ...] = ()


def encoded(metadata: BlockMetadata) -> bytes:
    """Give the content of a slot."""
    return msgspec.json.encode(metadata)


def decoded(content: bytes) -> BlockMetadata | None:
    """Read the content of a slot; None for what is no such metadata, or of a format this program does not know."""
    try:
        metadata = msgspec.json.decode(content, type=BlockMetadata)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return metadata if metadata.format == FORMAT else None
