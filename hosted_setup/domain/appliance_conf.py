"""The `*-appliance.conf` that an appliance's package puts into `/etc/ovirt-hosted-engine/`.

Format: `KEY=VALUE` lines with the keys description, version, path, sha1sum, features; other keys have no meaning here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hosted_setup.domain.appliance_problems import ApplianceConf
from hosted_setup.domain.version import Version, VersionUnreadable
from hosted_setup.model.messages import _

_LIMIT: Final = 1 << 16
_FEATURES_LIMIT: Final = 32
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}")


@dataclass(frozen=True)
class Conf:
    """What a `.conf` tells.

    Args:
        version: version of the engine in the appliance, if told.
        description: one line; may be empty.
        path: where the package put the appliance; may be empty.
        digest: `sha1:HEX` of the file, if told. Old packages know no better algorithm.
        features: words for what the engine inside can be told to set up; None if the line is not there.
    """

    version: str | None = None
    description: str = ""
    path: str = ""
    digest: str | None = None
    features: tuple[str, ...] | None = None


def feature_words(text: str) -> tuple[str, ...]:
    """Give the words of a list of features, in order: lower-case ones, with blanks or commas between them."""
    return tuple(dict.fromkeys(re.findall(r"[a-z][a-z0-9-]{1,31}", text)[:_FEATURES_LIMIT]))


def read_conf(text: str) -> Conf:
    """Read a `.conf`.

    Raises:
        ApplianceConf: a line is no assignment, or a value cannot be.
    """
    values: dict[str, str] = {}
    if len(text) > _LIMIT:
        raise ApplianceConf(_("it has {count} characters, and at most {most} are read", count=len(text), most=_LIMIT))
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = line.partition("=")
        if line.strip() and not line.startswith("#"):
            if not equals:
                raise ApplianceConf(_("line {number} is no KEY=VALUE: {line!a}", number=number, line=line[:80]))
            values[key.strip()] = value.strip()
    digest = values.get("sha1sum", "")
    if digest and not _SHA1.fullmatch(digest):
        raise ApplianceConf(_("sha1sum is {digest!a}", digest=digest[:80]))
    return Conf(
        version=_version(values.get("version", "")),
        description=" ".join(values.get("description", "").split())[:200],
        path=values.get("path", ""),
        digest=f"sha1:{digest.lower()}" if digest else None,
        features=feature_words(values["features"]) if "features" in values else None,
    )


def _version(text: str) -> str | None:
    """Give a version, if there is one."""
    try:
        return Version(text).text if text else None
    except VersionUnreadable as error:
        raise ApplianceConf(_("version is {text!a}", text=text[:80])) from error
