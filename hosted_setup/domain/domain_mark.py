"""The marker of a storage domain: what tells a domain of ours, and whose it is.

`KEY=VALUE` lines in this order: FORMAT (of the whole domain's layout), SDUUID, NAME, RUN (that made it), ENGINE (that
lives in it, once it is known; see `engine_id`), and at the end SHA256 of all that comes before. The last line makes
every torn or edited marker known as one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from hosted_setup.domain.seal import Seal
from hosted_setup.model.messages import _

FORMAT: Final = 1
LIMIT: Final = 4096
"""Bytes: no marker is longer."""

_TEXT: Final = re.compile(
    r"FORMAT=(?P<format>[0-9]+)\n"
    r"SDUUID=(?P<uuid>[0-9a-f-]{36})\n"
    r"NAME=(?P<name>[A-Za-z0-9_-]{1,40})\n"
    r"RUN=(?P<run>[0-9a-z-]+)\n"
    r"(ENGINE=(?P<engine>[0-9a-f]+)\n)?"
    r"SHA256=[0-9a-f]{64}\n",
)
_SEAL: Final = Seal(b"SHA256=", b"\n")


@dataclass(frozen=True)
class DomainMark:
    """What the marker says."""

    uuid: str
    name: str
    run: str
    engine: str = ""

    def encode(self) -> bytes:
        """Give the marker."""
        lines = [f"FORMAT={FORMAT}", f"SDUUID={self.uuid}", f"NAME={self.name}", f"RUN={self.run}"]
        lines += [f"ENGINE={self.engine}"] if self.engine else []
        return _SEAL.put("".join(f"{line}\n" for line in lines).encode())

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a marker.

        Raises:
            ValueError: it is none, it is torn, it was edited, or its format is a later one; with a sentence.
        """
        found = _TEXT.fullmatch(content.decode("ascii", "replace"))
        if found is None:
            raise ValueError(_("it does not read as the marker of a storage domain"))
        _SEAL.take(content)
        if int(found["format"]) != FORMAT:
            raise ValueError(
                _("its format is {format}, this program knows {known}", format=found["format"], known=FORMAT)
            )
        return cls(found["uuid"], found["name"], found["run"], found["engine"] or "")


def engine_id(ca_der: bytes) -> str:
    """Give what tells one engine from another: SHA-256 of its CA's certificate; a restored one has its backup's."""
    return hashlib.sha256(ca_der).hexdigest()
