"""Values that parse themselves; each raises ValueError with a sentence an operator understands.

`pattern` is what a text must match as a whole to be such a value, in what Python and JavaScript have in common; parsing
may ask for more.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from hosted_setup.model.messages import N_, _
from hosted_setup.model.secret import Secret

MIB: Final = 1 << 20
GIB: Final = 1 << 30

_SSH_KEY_LEAST: Final = 40  # bytes: an Ed25519 key, the shortest there is, has 51
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"


@dataclass(frozen=True)
class Word:
    """A text that is a value of its class if `pattern` matches it; a refusal says that it is not `wanted`."""

    text: str
    pattern: ClassVar[str]
    wanted: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept what the pattern matches as a whole."""
        if not re.fullmatch(cls.pattern, text):
            message = _("{text!r} is not {wanted}", text=text, wanted=_(cls.wanted))
            raise ValueError(message)
        return cls(text)

    def __str__(self) -> str:
        """Give the text."""
        return self.text


class Name(Word):
    """A data center or cluster name; the engine accepts letters, digits, `_` and `-`, 40 at most."""

    pattern: ClassVar = r"[A-Za-z0-9_-]{1,40}"
    wanted: ClassVar = N_("a valid name: letters, digits, _ and -, 40 at most")


class VmName(Word):
    """A libvirt domain or network name: letters, digits, `_.+-`; a letter or digit first, 64 at most."""

    pattern: ClassVar = r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}"
    wanted: ClassVar = N_("a valid VM or network name")


class MacAddress(Word):
    """A unicast MAC address, in lower case."""

    pattern: ClassVar = r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}"
    wanted: ClassVar = N_("a MAC address")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept six pairs with colons; a group address is refused."""
        super().parse(text)
        if int(text[:2], 16) & 1:
            message = _("{text!r} is a multicast address; a NIC needs a unicast one", text=text)
            raise ValueError(message)
        return cls(text.lower())


@dataclass(frozen=True)
class DomainName:
    """A domain name (RFC 1123), in lower case; one label is enough."""

    name: str
    pattern: ClassVar[str] = rf"{_LABEL}(\.{_LABEL})*"
    wanted: ClassVar[str] = N_("a domain name")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept 253 characters at most, the last label not all digits (that would be an address)."""
        good = len(text) <= 253 and re.fullmatch(cls.pattern, text)  # noqa: PLR2004 - RFC 1035
        if not good or text.rpartition(".")[2].isdigit():
            message = _("{text!r} is not {wanted}", text=text, wanted=_(cls.wanted))
            raise ValueError(message)
        return cls(text.lower())

    def __str__(self) -> str:
        """Give the name."""
        return self.name


class Fqdn(DomainName):
    """A fully qualified domain name: two labels or more."""

    pattern: ClassVar = rf"{_LABEL}(\.{_LABEL})+"
    wanted: ClassVar = N_("a fully qualified domain name")


@dataclass(frozen=True)
class SshPublicKey:
    """A line of an SSH public key file: type, base64 and an optional comment."""

    line: str
    pattern: ClassVar = r"[a-z][A-Za-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept a key whose content is of the type that the line names (RFC 4253, 6.6)."""
        message = _("it is not a line of an SSH public key file")
        if not re.fullmatch(cls.pattern, text):
            raise ValueError(message)
        kind, encoded = text.split(" ")[:2]
        try:
            content = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise ValueError(message) from None
        if not content.startswith(len(kind).to_bytes(4) + kind.encode()) or len(content) < _SSH_KEY_LEAST:
            raise ValueError(message)
        return cls(text)

    def __str__(self) -> str:
        """Give the line."""
        return self.line


def usable_password(value: Secret) -> None:
    """Accept a password that one line of a file can hold.

    Raises:
        ValueError: with a sentence that does not show it.
    """
    text = value.reveal()
    if not text.strip():
        message = _("a password must not be empty")
        raise ValueError(message)
    if any(ord(char) < 32 or ord(char) == 127 for char in text):  # noqa: PLR2004 - ASCII control characters
        message = _("a password must not hold control characters")
        raise ValueError(message)
