"""The inner tar `files` of a backup archive: what of the product's own files must be known before a restore.

Its names are relative to `/`. Links, and members that come twice, are normal there (tar is given folders that
overlap); devices and names that climb out are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.inflate import Buffer, inflated
from hosted_setup.domain.tarheader import Entry, Kind, TarError, escapes, next_entry, shown
from hosted_setup.domain.tarstream import Tape
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterator

_CA: Final = "etc/pki/ovirt-engine/ca.pem"
_CONF: Final = re.compile(r"etc/ovirt-engine/engine\.conf\.d/([^/]+\.conf)")
_TEXT_LIMIT: Final = 1 << 16
_CONF_COUNT: Final = 256
_ENGINE_FQDN: Final = re.compile(r"(?:export\s+)?ENGINE_FQDN=(?:\"(.*)\"|'(.*)'|(.*))")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----")


@dataclass
class ProductFiles:
    """What the inner tar tells.

    Args:
        fqdn: the engine's name, lower case, if a configuration file gives it.
        ca_pem: the certificates in the CA's file, if there are any.
    """

    ca_pem: str | None = None
    _fqdns: dict[str, str] = field(default_factory=dict)

    @property
    def fqdn(self) -> str | None:
        """Give the assignment in the last file by name: in that order the engine reads them."""
        return self._fqdns[max(self._fqdns)] or None if self._fqdns else None

    def take(self, name: str, content: bytes) -> None:
        """Look into the file `name`; one that comes again replaces the earlier."""
        if name == _CA:
            blocks = _CERTIFICATE.findall(content)
            self.ca_pem = "".join(block.decode() + "\n" for block in blocks).replace("\r", "") or None
        elif conf := _CONF.fullmatch(name):
            self._fqdns.pop(conf[1], None)
            if (fqdn := _fqdn_in(content)) is not None:
                self._fqdns[conf[1]] = fqdn
            if len(self._fqdns) > _CONF_COUNT:
                message = _("more than {most} files tell the engine's name", most=_CONF_COUNT)
                raise TarError(message)


def read_files(chunks: Iterator[Buffer], limit: int) -> ProductFiles:
    """Read the inner tar, however it is compressed, to its end.

    Args:
        chunks: its bytes.
        limit: bytes it may unpack to.

    Raises:
        CutShortError: it ends too early.
        DamagedError: its compressed stream is wrong.
        TarError: it is no tar, unpacks to more than `limit`, or holds what must not be restored.
    """
    found = ProductFiles()
    tape = Tape(inflated(chunks))
    total = 0
    while entry := next_entry(tape.read):
        total += entry.size
        _check(entry, total, limit)
        name = entry.name.removeprefix("./")
        wanted = entry.kind is Kind.FILE and (name == _CA or _CONF.fullmatch(name))
        if wanted and entry.size > _TEXT_LIMIT:
            message = _(
                "{name} has {size} bytes, and at most {most} are read",
                name=shown(name),
                size=entry.size,
                most=_TEXT_LIMIT,
            )
            raise TarError(message)
        parts = [bytes(piece) for piece in tape.content(entry) if wanted]
        if wanted:
            found.take(name, b"".join(parts))
    tape.finish()
    return found


def _check(entry: Entry, total: int, limit: int) -> None:
    """Refuse a member that must not be restored."""
    if escapes(entry.name):
        message = _("a member would be unpacked elsewhere: {name}", name=shown(entry.name))
    elif entry.kind is Kind.DEVICE:
        message = _("a member is a device: {name}", name=shown(entry.name))
    elif total > limit:
        message = _("they unpack to more than {limit} bytes", limit=limit)
    else:
        return
    raise TarError(message)


def _fqdn_in(content: bytes) -> str | None:
    """Give the last ENGINE_FQDN that a configuration file assigns, "" if it is emptied; None without any."""
    fqdn = None
    for line in content.decode(errors="replace").split("\n"):
        if assignment := _ENGINE_FQDN.fullmatch(line.strip()):
            fqdn = next(group for group in assignment.groups() if group is not None).lower()
    if fqdn and not _HOST_NAME.fullmatch(fqdn):
        message = _("ENGINE_FQDN is no host name: {fqdn!a}", fqdn=fqdn[:80])
        raise TarError(message)
    return fqdn
