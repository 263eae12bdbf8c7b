"""The small texts of a backup archive, read as data: `config`, the hash list, `os_version`.

oVirt's engine-backup sources `config` as root. Here it is never evaluated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.archive_problems import ArchiveConfig
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_LIMIT: Final = 1 << 16
"""Bytes of a small text; engine-backup's are below 2 KiB."""

DIGITS: Final[Mapping[str, int]] = {"sha256": 64, "md5": 32}
"""Hexadecimal digits of each algorithm that a hash list may be made with."""

_DATABASES: Final = ("", "DWH_", "CINDERLIB_", "KEYCLOAK_", "MANAGEDBLOCK_")
_VALUES: Final[Mapping[str, frozenset[str]]] = {
    f"{database}DB_DUMP_{key}": values
    for database in _DATABASES
    for key, values in (
        ("COMPRESSOR", frozenset({"", "None", "gzip", "bzip2", "xz"})),
        ("FORMAT", frozenset({"custom", "plain"})),
    )
}
_ASSIGNMENT: Final = re.compile(r"([A-Z_]{1,40})=(|[A-Za-z0-9]{1,20}|\"[A-Za-z0-9]{0,20}\"|'[A-Za-z0-9]{0,20}')")
_HASH_LINE: Final = re.compile(r"([0-9A-Fa-f]+) [ *](?:\./)?(.+)")
_OS_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]{0,63}")


def decoded(member: str, content: bytes) -> str:
    """Give a member's text.

    Raises:
        ArchiveConfig: it is no UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ArchiveConfig(_("{member} is no text", member=member), why=str(error)) from error


def read_config(content: bytes) -> tuple[tuple[str, str], ...]:
    """Read the member `config`: assignments from a closed set, each once.

    Raises:
        ArchiveConfig: any other line.
    """
    assignments: dict[str, str] = {}
    for number, line in enumerate(decoded("config", content).split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        parts = _ASSIGNMENT.fullmatch(line)
        key, value = (parts[1], parts[2].strip("\"'")) if parts else ("", "")
        if key in assignments or value not in _VALUES.get(key, ()):
            detail = _(
                "line {number} of config is none that engine-backup writes: {line!a}", number=number, line=line[:80]
            )
            raise ArchiveConfig(detail, why=_("the restore would run it as root"))
        assignments[key] = value
    return tuple(assignments.items())


def read_hashes(member: str, algorithm: str, content: bytes) -> dict[str, str]:
    """Read a hash list, as `sha256sum` and `md5sum` write it: digests, lower case, by member.

    Args:
        member: name of the list.
        algorithm: `sha256` or `md5`.
        content: the list.

    Raises:
        ArchiveConfig: a line is no digest and name, or a name comes twice with different digests.
    """
    hashes: dict[str, str] = {}
    for number, line in enumerate(decoded(member, content).split("\n"), 1):
        if not line:
            continue
        parts = _HASH_LINE.fullmatch(line)
        if not parts or len(parts[1]) != DIGITS[algorithm]:
            raise ArchiveConfig(
                _("line {number} of {member} is no checksum: {line!a}", number=number, member=member, line=line[:80])
            )
        digest, name = parts[1].lower(), parts[2]
        if hashes.setdefault(name, digest) != digest:
            raise ArchiveConfig(
                _(
                    "line {number} of {member} contradicts an earlier one: {line!a}",
                    number=number,
                    member=member,
                    line=line[:80],
                )
            )
    # The list was open while engine-backup looked for files to put into it: a line about itself means nothing.
    hashes.pop(member, None)
    return hashes


def read_os_version(content: bytes) -> str:
    """Read the member `os_version`, one word such as `centos9`.

    Raises:
        ArchiveConfig: it is anything else.
    """
    text = decoded("os_version", content).strip()
    if not _OS_VERSION.fullmatch(text):
        raise ArchiveConfig(_("os_version is no name of an operating system: {text!a}", text=text[:80]))
    return text
