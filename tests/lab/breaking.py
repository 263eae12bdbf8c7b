"""What breaks storage in a laboratory: a network that is cut, a file system that is full."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.lab.laboratory import Laboratory

_BLOCK: Final = 4096


class Cut:
    """The network to a server on the loopback device: what it would carry to and from its TCP ports is dropped."""

    def __init__(self, lab: Laboratory, *ports: int) -> None:
        """Leave it whole."""
        self._lab = lab
        self._ports = ports

    def cut(self) -> None:
        """Drop from now on."""
        ports = ",".join(map(str, self._ports))
        rules = "".join(f"iif lo tcp {end} {{ {ports} }} drop\n" for end in ("dport", "sport"))
        table = f"table inet cut {{\nchain input {{\ntype filter hook input priority -300\n{rules}}}\n}}\n"
        self._lab.run(["nft", "-f", "-"], check=True, input=table)

    def mend(self) -> None:
        """Let through again."""
        self._lab.run(["nft", "delete", "table", "inet", "cut"], check=True)


class Small:
    """A file system of 4 GiB in the laboratory, which can be filled."""

    def __init__(self, lab: Laboratory, name: str, image: Path) -> None:
        """Make it in the file `image`, for user 36, and mount it on a fresh folder."""
        with image.open("xb") as file:
            file.truncate(4 << 30)
        self._lab = lab
        self.folder = lab.folder(name)
        self.seen = Path(f"/proc/{lab.pid}/root{self.folder}")
        """The same from outside, where it is not mounted."""
        lab.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
        lab.run(["mount", "-o", "loop", image, self.folder], check=True)
        lab.run(["chown", "36:36", self.folder], check=True)

    def fill(self) -> None:
        """Take all the room there is, whoever else takes some."""
        at, piece = 0, 1 << 30
        with (self.seen / "filler").open("xb") as file:
            while piece >= _BLOCK:
                try:
                    os.posix_fallocate(file.fileno(), at, piece)
                    at += piece
                except OSError:
                    piece //= 2

    def make_room(self) -> None:
        """Give it back."""
        (self.seen / "filler").unlink()

    def close(self) -> None:
        """Unmount it."""
        self._lab.run(["umount", self.folder], check=True)
