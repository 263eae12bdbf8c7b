"""A guest of 512 bytes that shows whether a hypervisor really computes.

A processor that merely starts is not enough: a broken accelerator prints a greeting in time and then crawls. So the
guest enters 64-bit mode, counts down from 2**27, and only then writes its token to the first serial port. It is
assembled by hand (GNU as, `ld -Ttext=0x7c00 --oformat binary`); the listing stands beside the bytes.
"""

from __future__ import annotations

from typing import Final

SECTOR: Final = 512
TOKEN_AT: Final = 0x8E
TOKEN_ROOM: Final = 64

_CODE: Final = bytes.fromhex(
    # 16-bit: segments, stack, page tables at 0x1000
    "fa"  # cli
    "31c0"  # xor ax, ax
    "8ed8"  # mov ds, ax
    "8ec0"  # mov es, ax
    "8ed0"  # mov ss, ax
    "bc007c"  # mov sp, 0x7c00
    "66bf00100000"  # mov edi, 0x1000
    "0f22df"  # mov cr3, edi
    "6631c0"  # xor eax, eax
    "b90018"  # mov cx, 0x1800
    "fc"  # cld
    "f3ab"  # rep stosw                  12 KiB of zeros: three levels of tables
    "c70600100320"  # mov word [0x1000], 0x2003  level 4 points to 0x2000
    "c70600200330"  # mov word [0x2000], 0x3003  level 3 points to 0x3000
    "c606003083"  # mov byte [0x3000], 0x83    level 2: the first 2 MiB map to themselves
    "660f0116887c"  # lgdt [gdtr]
    # switch to long mode
    "b020"  # mov al, 0x20
    "0f22e0"  # mov cr4, eax               PAE
    "66b9800000c0"  # mov ecx, 0xc0000080
    "0f32"  # rdmsr                      EFER
    "80cc01"  # or ah, 1                   LME
    "0f30"  # wrmsr
    "66b801000080"  # mov eax, 0x80000001
    "0f22c0"  # mov cr0, eax               paging, protection
    "ea557c0800"  # jmp 8:long
    # 64-bit, label long
    "b900000008"  # mov ecx, 1 << 27
    "ffc9"  # count: dec ecx
    "75fc"  # jnz count
    "488d3529000000"  # lea rsi, [rip + token]
    "66baf803"  # mov dx, 0x3f8
    "ac"  # next: lodsb
    "84c0"  # test al, al
    "7403"  # jz done
    "ee"  # out dx, al
    "ebf8"  # jmp next
    "f4"  # done: hlt
    "ebfd"  # jmp done
    "0f1f4000"  # (padding to 0x78)
    "0000000000000000"  # gdt: the null descriptor
    "00000000009a2000"  # code, 64-bit, ring 0
    "0f00"  # gdtr: limit
    "787c0000"  # base
)


def boot_sector(token: str) -> bytes:
    """Give the guest that writes `token` and a newline."""
    text = token.encode("ascii")
    if not 0 < len(text) <= TOKEN_ROOM:
        message = f"a token has 1 to {TOKEN_ROOM} characters"
        raise ValueError(message)
    return (_CODE + text + b"\n").ljust(SECTOR - 2, b"\0") + b"\x55\xaa"
