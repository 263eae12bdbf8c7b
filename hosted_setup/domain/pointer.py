"""Which volume of a storage domain the engine VM starts from."""

from __future__ import annotations

from typing import Annotated

import msgspec

Uuid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
_Format = Annotated[str, msgspec.Meta(pattern=r"^(qcow2|raw)$")]


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The volume, and the format of its image."""

    volume: Uuid
    format: _Format
