"""The last line of a file in a storage domain: a checksum of all before it, by which a torn or edited file is known.

It is part of the file, so that both are in force at the same moment, by one rename, whoever writes it. For a text it is
a line of its own, `# SHA256=` and 64 hexadecimal digits: a comment to whoever else reads such a file. For a JSON object
it is its last member, `"sha256"`, over what comes before that member.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from hosted_setup.model.messages import _

_DIGITS: Final = 64
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True)
class Seal:
    """What stands before and after the digits of a checksum."""

    before: bytes
    after: bytes

    def put(self, content: bytes) -> bytes:
        """Give the content with its seal."""
        return content + self._of(content)

    def take(self, sealed: bytes) -> bytes:
        """Give the content without its seal.

        Raises:
            ValueError: it has none, or not its own; with a sentence.
        """
        size = len(self.before) + _DIGITS + len(self.after)
        content, seal = sealed[:-size], sealed[-size:]
        if seal != self._of(content):
            raise ValueError(_("its checksum does not fit what it says"))
        return content

    def _of(self, content: bytes) -> bytes:
        return self.before + hashlib.sha256(content).hexdigest().encode() + self.after


TEXT: Final = Seal(b"# SHA256=", b"\n")
_OBJECT: Final = Seal(b',"sha256":"', b'"}\n')


def sealed_object(value: msgspec.Struct) -> bytes:
    """Give a sealed JSON object."""
    return _OBJECT.put(msgspec.json.encode(value).removesuffix(b"}"))


def unsealed_object(sealed: bytes, kind: type[T]) -> T:
    """Read a sealed JSON object.

    Raises:
        ValueError: it is none, it is torn, it was edited, or it is another object; with a sentence.
    """
    return msgspec.json.decode(_OBJECT.take(sealed) + b"}", type=kind)
