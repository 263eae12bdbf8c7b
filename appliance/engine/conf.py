"""Configuration files of ``KEY="value"`` lines, read as data: nothing in them is ever executed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import paths

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(r'(?P<key>[A-Za-z_][A-Za-z0-9_]*)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"\'`$;&|<>()]*))')


class ConfigurationError(Exception):
    """A configuration file says something that cannot be meant."""


def parse(text: str, name: str) -> dict[str, str]:
    """Read the lines; anything that is not an assignment or a comment is an error."""
    found: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            message = f"{name}:{number}: not a KEY=value line"
            raise ConfigurationError(message)
        quoted = match["quoted"]
        found[match["key"]] = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return found


def render(values: dict[str, str]) -> str:
    """Write what ``parse`` reads."""
    return "".join(f'{key}="{_escape(value)}"\n' for key, value in values.items())


def _escape(value: str) -> str:
    if "\n" in value or "\0" in value:
        message = "a configuration value cannot hold a line break"
        raise ConfigurationError(message)
    return re.sub(r'([\\"$`])', r"\\\1", value)


def load(path: Path) -> dict[str, str]:
    """Read a file; one that is not there is empty."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return {}


def load_folder(folder: Path) -> dict[str, str]:
    """Read all ``*.conf`` of a folder in their order, later ones winning."""
    merged: dict[str, str] = {}
    for path in sorted(folder.glob("*.conf")):
        merged.update(load(path))
    return merged


@dataclass(frozen=True)
class Database:
    """How to reach one database; ``prefix`` is that of its keys, such as ``ENGINE_DB``."""

    prefix: str
    title: str
    host: str
    port: int
    user: str
    password: str
    name: str

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return self.host in {"localhost", "127.0.0.1", "::1"} or self.host.startswith("/")

    def environment(self) -> dict[str, str]:
        """Return the variables libpq reads: a password never becomes an argument."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.name,
        }

    def render(self) -> str:
        """Write it as the configuration file's text."""
        p = self.prefix
        return render(
            {
                f"{p}_HOST": self.host,
                f"{p}_PORT": str(self.port),
                f"{p}_USER": self.user,
                f"{p}_PASSWORD": self.password,
                f"{p}_DATABASE": self.name,
                f"{p}_SECURED": "False",
                f"{p}_SECURED_VALIDATION": "False",
            }
        )


ENGINE = ("ENGINE_DB", "engine", paths.ENGINE_DB_CONF)
DWH = ("DWH_DB", "ovirt_engine_history", paths.DWH_DB_CONF)


def database(kind: tuple[str, str, Path]) -> Database | None:
    """Return a configured database, or nothing when there is no configuration yet."""
    prefix, default, path = kind
    values = load(path)
    if not values:
        return None
    try:
        return Database(
            prefix=prefix,
            title="Engine" if prefix == "ENGINE_DB" else "DWH",
            host=values[f"{prefix}_HOST"],
            port=int(values[f"{prefix}_PORT"]),
            user=values[f"{prefix}_USER"],
            password=values[f"{prefix}_PASSWORD"],
            name=values.get(f"{prefix}_DATABASE", default),
        )
    except (KeyError, ValueError) as problem:
        message = f"{path}: {problem} is missing or wrong"
        raise ConfigurationError(message) from None
