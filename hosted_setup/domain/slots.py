"""A small content on a raw region of a disk, replaced whole or not at all.

The region is two slots of one size, written in turn. Generation g lies in slot g mod 2, so the slot that is written is
never the one that is in force; a digest over all that a slot says tells a whole one from a torn one. This needs nothing
of the disk but that a sector that is not written stays as it is.

A slot: magic (8 bytes), generation (u64), length of the content (u64), SHA-256 of the three and the content (32 bytes),
the content, zeros up to a whole block. Numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from hosted_setup.model.messages import _

BLOCK: Final = 4096
"""Bytes; everything is written in whole blocks, which every disk's sectors divide."""

_MAGIC: Final = b"HE-SLOT\x01"
_HEAD: Final = struct.Struct("<8sQQ")
_DIGEST: Final = hashlib.sha256().digest_size
_START: Final = _HEAD.size + _DIGEST


@dataclass(frozen=True)
class Slot:
    """A content and its place in the row of contents: 1 and up."""

    generation: int
    content: bytes


@dataclass(frozen=True)
class Patch:
    """Bytes to be written at `offset` of the region."""

    offset: int
    data: bytes


def capacity(region: int) -> int:
    """Give the longest content, in bytes, that a region of that many bytes takes."""
    return _slot_size(region) - _START


def newest(region: bytes) -> Slot | None:
    """Give the content in force; None where no slot is whole, so a region that was never written to, or is damaged."""
    size = _slot_size(len(region))
    whole = (_read(region[number * size : (number + 1) * size], number) for number in (0, 1))
    return max((slot for slot in whole if slot is not None), key=lambda slot: slot.generation, default=None)


def blank(content: bytes, region: int) -> bytes:
    """Give a whole region of `region` bytes with `content` in both slots, so that one is whole for ever after.

    Raises:
        ValueError: the content is too long.
    """
    size = _slot_size(region)
    return b"".join(_written(Slot(generation, content), size).ljust(size, b"\0") for generation in (2, 1))


def following(now: Slot, content: bytes, region: int) -> Patch:
    """Give what to write so that `content` comes into force after `now`, which `newest` gave.

    Raises:
        ValueError: the content is too long.
    """
    size = _slot_size(region)
    slot = Slot(now.generation + 1, content)
    return Patch((slot.generation % 2) * size, _written(slot, size))


def _slot_size(region: int) -> int:
    return region // 2 // BLOCK * BLOCK


def _written(slot: Slot, size: int) -> bytes:
    if len(slot.content) > size - _START:
        message = _(
            "{count} bytes are more than the {size} that a slot takes", count=len(slot.content), size=size - _START
        )
        raise ValueError(message)
    head = _HEAD.pack(_MAGIC, slot.generation, len(slot.content))
    written = head + hashlib.sha256(head + slot.content).digest() + slot.content
    return written.ljust(-(-len(written) // BLOCK) * BLOCK, b"\0")


def _read(raw: bytes, number: int) -> Slot | None:
    """Read slot `number`; None unless it is whole and belongs there."""
    if len(raw) < _START:
        return None
    magic, generation, length = _HEAD.unpack_from(raw)
    content = raw[_START : _START + length]
    digest = hashlib.sha256(raw[: _HEAD.size] + content).digest()
    whole = magic == _MAGIC and len(content) == length and digest == raw[_HEAD.size : _START]
    return Slot(generation, content) if whole and generation % 2 == number else None
