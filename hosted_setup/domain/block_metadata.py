"""What the metadata of a storage domain on a LUN says: marker, pointer, the disks that are being imported, the hosts.

It is JSON in the slots of the partition `he-metadata`; read strictly, so that nothing else is taken for it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from hosted_setup.domain.host_slot import HostSlot

FORMAT: Final = 1

_UUID = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Current(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The current disk, and the format of its image."""

    volume: _UUID
    format: str


class BlockMetadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A storage domain: its UUID and name, the run that made it, and the engine's id once there is one."""

    format: int
    uuid: _UUID
    name: str
    run: str
    engine: str = ""
    current: Current | None = None
    importing: tuple[_UUID, ...] = ()
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
