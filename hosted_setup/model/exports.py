"""Exports of file servers, as an operator writes them; see `values`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from hosted_setup.model.addresses import HostAddress
from hosted_setup.model.messages import _


@dataclass(frozen=True)
class NfsExport:
    """A directory that a server exports: `nas.example.com:/exports/engine`, `192.0.2.5:/a`, `[2001:db8::5]:/a`."""

    server: HostAddress
    path: str
    pattern: ClassVar = r"(\[[0-9A-Fa-f.:]+\]|[A-Za-z0-9.-]+):/[^\x00-\x1f\x7f]*"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept a name or an address and an absolute path; a slash at the path's end is left out."""
        server, colon, path = text.partition(":/")
        if text.startswith("["):
            server, colon, path = text[1:].partition("]:/")
        if not colon or not re.fullmatch(cls.pattern, text):
            raise ValueError(_("{text!r} is not of the form server:/path", text=text))
        if {".", ".."} & set(path.split("/")):
            raise ValueError(_("the path in {text!r} has . or .. in it", text=text))
        return cls(HostAddress.parse(server), f"/{path}".rstrip("/") or "/")

    def __str__(self) -> str:
        """Give the form with a colon, brackets around IPv6."""
        server = str(self.server)
        return f"[{server}]:{self.path}" if ":" in server else f"{server}:{self.path}"


@dataclass(frozen=True)
class GlusterExport:
    """A volume of a GlusterFS server: `gluster1.example.com:/engine`, an IPv6 address in brackets."""

    server: HostAddress
    volume: str
    pattern: ClassVar = r"(\[[0-9A-Fa-f.:]+\]|[A-Za-z0-9.-]+):/?[A-Za-z0-9_-]+"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept a name or an address and a volume's name, with or without a slash before it."""
        if not re.fullmatch(cls.pattern, text):
            raise ValueError(_("{text!r} is not of the form server:/volume", text=text))
        server, _colon, volume = text.rpartition(":")
        return cls(HostAddress.parse(server.strip("[]")), volume.removeprefix("/"))

    def __str__(self) -> str:
        """Give the form with colon and slash, brackets around IPv6."""
        server = str(self.server)
        return f"[{server}]:/{self.volume}" if ":" in server else f"{server}:/{self.volume}"
