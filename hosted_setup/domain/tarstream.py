"""A tar's content, drawn from a stream in pieces: memory does not grow with the tar."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import TYPE_CHECKING, Final, TypeVar

from hosted_setup.domain.inflate import CHUNK, Buffer, CutShortError
from hosted_setup.domain.tarheader import BLOCK, Entry, TarError
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TAIL_LIMIT: Final = 1 << 20  # zeros behind the end mark; GNU tar pads to 10 KiB
_ZEROS: Final = memoryview(bytes(CHUNK))
_WAITING: Final = 4  # chunks on their way between two threads
_T = TypeVar("_T")


class Tape:
    """The bytes of an iterator of chunks, read in the sizes that a tar asks for."""

    position = None  # in chunks that may have been inflated, it would not be one in the file

    def __init__(self, chunks: Iterator[Buffer]) -> None:
        """Read from `chunks`."""
        self._chunks = chunks
        self._rest = memoryview(b"")

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Give the next `count` bytes, without copying them.

        Raises:
            CutShortError: there are less.
        """
        while count:
            piece = self._next(count)
            if not piece:
                message = _("it ends where more should follow")
                raise CutShortError(message)
            count -= len(piece)
            yield piece

    def read(self, count: int) -> bytes:
        """Give exactly the next `count` bytes; CutShortError if there are less."""
        return b"".join(self.pieces(count))

    def skip(self, count: int) -> None:
        """Leave out the next `count` bytes; CutShortError if there are less."""
        for _piece in self.pieces(count):
            pass

    def content(self, entry: Entry) -> Iterator[memoryview]:
        """Give the bytes of the file that `entry`, whose header was just read, makes: holes are zeros.

        Draw all of it before the next header is read.
        """
        if entry.pieces is None:
            yield from self.pieces(entry.stored)
        else:
            end = 0
            for offset, length in zip(entry.pieces[::2], entry.pieces[1::2], strict=True):
                yield from _zeros(offset - end)
                yield from self.pieces(length)
                end = offset + length
            yield from _zeros(entry.size - end)
        self.read(-entry.stored % BLOCK)

    def finish(self) -> None:
        """Draw what is behind the end mark, so that checksums of a compressed stream are checked.

        Raises:
            TarError: it is more than zeros: another program might read another tar there.
        """
        tail = 0
        while piece := self._next(CHUNK):
            tail += len(piece)
            if tail > _TAIL_LIMIT or piece != _ZEROS[: len(piece)]:
                message = _("something follows its end")
                raise TarError(message)

    def _next(self, most: int) -> memoryview:
        """Give at most `most` bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return self._rest
            self._rest = memoryview(chunk)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


def _zeros(count: int) -> Iterator[memoryview]:
    """Give `count` zeros."""
    while count:
        piece = _ZEROS[:count]
        count -= len(piece)
        yield piece


def beside(chunks: Iterator[Buffer], consume: Callable[[Iterator[Buffer]], _T]) -> _T:
    """Give `consume(chunks)`, run in a second thread while this one draws the chunks.

    Reading and inflating stay in the caller's thread; hashing goes on beside it, because both let go of the
    interpreter's lock. The second thread ends before this returns, however it returns.
    """
    waiting: Queue[Buffer | None] = Queue(_WAITING)

    def drawn() -> Iterator[Buffer]:
        while (chunk := waiting.get()) is not None:
            yield chunk

    def run() -> _T:
        arriving = drawn()
        try:
            return consume(arriving)
        finally:
            for _piece in arriving:  # else the other side would wait for room in the queue
                pass

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        try:
            for chunk in chunks:
                waiting.put(chunk)
        finally:
            waiting.put(None)
        return future.result()
