"""Compressed streams, inflated piece by piece with little memory, and never taken for whole when they are cut.

gzip, bzip2, xz and uncompressed bytes are told apart by their first bytes. Several compressed streams one after
another, and zeros behind the last, are accepted as the programs of these names accept them.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MAGIC: Final[Mapping[bytes, str]] = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
"""The first bytes of a compressed stream, and the program that made it."""

Buffer = bytes | memoryview
"""Bytes that are passed on without a copy."""

Progress = Callable[[int], None]
"""Is told, now and then, how many bytes of the file have been read."""

_READ: Final = 1 << 16
"""Bytes asked of a file at a time. Input that a decoder cannot take in yet is copied, so not more."""

_TELL: Final = 4 << 20
"""Bytes between two words of progress."""

CHUNK: Final = 1 << 18
"""Most bytes that come out at a time: enough for hashing to run beside inflating, small enough for the cache."""

_XZ_MEMORY: Final = 80 << 20
"""A decoder for `xz -9` takes 65 MiB; a stream that wants more was made to harm."""


class CutShortError(ValueError):
    """The bytes end before what they describe does."""


class DamagedError(ValueError):
    """A compressed stream does not inflate, or its own checksum is wrong."""


class _Decoder(Protocol):
    """What the standard library's decoders of bzip2 and xz have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: Buffer, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decoder in the manner of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: Buffer, max_length: int) -> bytes:
        """Inflate `data`; what is left over from before comes first, and then `data` is empty."""
        out = self._zlib.decompress(data or self._zlib.unconsumed_tail, max_length)
        # A full output may leave more inside zlib even when all input is taken in.
        self.needs_input = not self._zlib.unconsumed_tail and len(out) < max_length
        return out


_DECODERS: Final[Mapping[str, Callable[[], _Decoder]]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY),
}


def quiet(_read: int) -> None:
    """Ignore progress."""


class Counted:
    """The chunks of what is left of a stream, which may be a pipe; counted, with word of the progress.

    Attributes:
        size: bytes read so far.
    """

    def __init__(self, stream: BinaryIO, progress: Progress = quiet) -> None:
        """Read `stream`, and call `progress` every few MiB and at the end."""
        self.size = 0
        self._stream = stream
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        """Read to the end."""
        told = 0
        while chunk := self._stream.read(_READ):
            self.size += len(chunk)
            if self.size - told >= _TELL:
                told = self.size
                self._progress(told)
            yield chunk
        self._progress(self.size)


def compression_of(start: bytes) -> str | None:
    """Tell from a stream's first bytes what it is compressed with: `gzip`, `bzip2`, `xz`, or None."""
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


def inflated(chunks: Iterable[Buffer]) -> Iterator[Buffer]:
    """Give the uncompressed content of `chunks`, whatever they are compressed with; as they are if with nothing.

    Raises:
        CutShortError: a compressed stream ends too early.
        DamagedError: it is wrong in itself.
    """
    source = iter(chunks)
    start = b""
    longest = max(map(len, _MAGIC))
    for chunk in source:
        start += chunk
        if len(start) >= longest:
            break
    kind = compression_of(start)
    whole: Iterator[Buffer] = chain((start,), source)
    return whole if kind is None else _decoded(whole, kind)


def _decoded(chunks: Iterator[Buffer], kind: str) -> Iterator[bytes]:
    """Decode compressed streams one after another until `chunks` end."""
    decoder: _Decoder | None = None
    for chunk in chunks:
        rest = chunk
        while True:
            if decoder is None:
                rest = bytes(rest).lstrip(b"\0")  # padding behind a stream
                if not rest:
                    break
                decoder = _DECODERS[kind]()
            out = _step(decoder, rest, kind)
            if out:
                yield out
            rest = b""
            if decoder.eof:
                rest, decoder = decoder.unused_data, None
            elif decoder.needs_input:
                break
    if decoder is not None:
        message = _("its {kind} stream ends too early", kind=kind)
        raise CutShortError(message)


def _step(decoder: _Decoder, data: Buffer, kind: str) -> bytes:
    """Let `decoder` take in `data`, with its own kinds of error made one."""
    try:
        return decoder.decompress(data, CHUNK)
    except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        message = _("its {kind} stream is damaged: {error}", kind=kind, error=error)
        raise DamagedError(message) from error
