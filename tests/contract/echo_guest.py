"""A guest of one sector that says a line on its serial port, then echoes what it is told."""

from __future__ import annotations

from typing import Final

SIZE: Final = 1 << 20  # firmware finds no cylinder on a smaller disk
_CODE: Final = bytes.fromhex(
    "fa"  # cli
    "31c0"  # xor ax, ax
    "8ed8"  # mov ds, ax
    "8ed0"  # mov ss, ax
    "bc007c"  # mov sp, 0x7c00
    "be397c"  # mov si, greeting
    "ac"  # next: lodsb
    "84c0"  # test al, al
    "7405"  # jz listen
    "e81300"  # call put
    "ebf6"  # jmp next
    "bafd03"  # listen: mov dx, 0x3fd
    "ec"  # in al, dx
    "a801"  # test al, 1             has something come?
    "74f8"  # jz listen
    "baf803"  # mov dx, 0x3f8
    "ec"  # in al, dx
    "e80200"  # call put
    "ebef"  # jmp listen
    "88c4"  # put: mov ah, al
    "bafd03"  # mov dx, 0x3fd
    "ec"  # wait: in al, dx
    "a820"  # test al, 0x20          can something go?
    "74fb"  # jz wait
    "88e0"  # mov al, ah
    "baf803"  # mov dx, 0x3f8
    "ee"  # out dx, al
    "c3"  # ret
)


def disk(greeting: bytes) -> bytes:
    """Give a disk whose guest greets with `greeting`."""
    sector = (_CODE + greeting + b"\0").ljust(510, b"\0") + b"\x55\xaa"
    assert len(sector) == 512
    return sector.ljust(SIZE, b"\0")
