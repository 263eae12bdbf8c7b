"""The engine's options: kept in the table vdc_options, read and set by engine-config."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import conf, postgres
from .conf import ConfigurationError
from .console import ToolError
from .postgres import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .conf import Database

GENERAL = "general"


@dataclass(frozen=True)
class Option:
    """One option: its type decides which values can be set."""

    name: str
    default: str
    kind: type
    about: str

    def accepts(self, value: str) -> bool:
        """Tell whether the value has the option's type."""
        if self.kind is int:
            return value.isascii() and value.isdigit()
        if self.kind is bool:
            return value in {"true", "false"}
        return "\n" not in value


OPTIONS = {
    option.name: option
    for option in (
        Option("AuditLogAgingThreshold", "30", int, "Audit log aging time (in days)"),
        Option("BackupAlertPeriodInDays", "1", int, "Alert when the engine was not backed up for this long"),
        Option("ClientModeConsoleDefault", "vnc", str, "Default console of new virtual machines"),
        Option("DisableFenceAtStartupInSec", "300", int, "Disable fence operations for this long after start"),
        Option("EnableMACAntiSpoofingFilterRules", "true", bool, "Filter spoofed MAC addresses"),
        Option("FenceQuietTimeBetweenOperationsInSec", "180", int, "Quiet time between two fence operations"),
        Option("HostedEngineVmName", "HostedEngine", str, "Name of the hosted engine's virtual machine"),
        Option("MaxVmNameLength", "255", int, "Longest name of a virtual machine"),
        Option("ServerRebootTimeout", "300", int, "Host reboot timeout (in seconds)"),
        Option("SSHInactivityTimeoutSeconds", "300", int, "SSH inactivity timeout (in seconds)"),
        Option("UserSessionTimeOutInterval", "30", int, "Session timeout (in minutes)"),
        Option("VdsRefreshRate", "3", int, "Time between two looks at a host (in seconds)"),
    )
}


def add_missing(database: Database) -> None:
    """Put in the options that the database does not have yet."""
    known = json.dumps({option.name: option.default for option in OPTIONS.values()} | {"DbJustRestored": "0"})
    postgres.query(
        database,
        "INSERT INTO vdc_options (option_name, option_value, default_value)"
        " SELECT key, value, value FROM json_each_text(:'known') ON CONFLICT DO NOTHING;",
        known=known,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run engine-config."""
    parser = argparse.ArgumentParser(prog="engine-config", description="Read and set the engine's options.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-a", "--all", action="store_true", help="all options with their values")
    what.add_argument("-l", "--list", action="store_true", help="all options with what they mean")
    what.add_argument("-g", "--get", metavar="KEY")
    what.add_argument("-s", "--set", metavar="KEY=VALUE")
    parser.add_argument("--cver", default=GENERAL, help="version of the option (default: general)")
    given = parser.parse_args(argv)
    try:
        _run(given)
    except (ToolError, DatabaseError, ConfigurationError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def _run(given: argparse.Namespace) -> None:
    if given.list:
        for option in OPTIONS.values():
            _print(f'{option.name}: "{option.about}" (Value Type: {option.kind.__name__})')
        return
    database = conf.database(conf.ENGINE)
    if database is None:
        message = "The engine is not set up; run engine-setup first."
        raise ToolError(message)
    if given.set is not None:
        key, _, value = given.set.partition("=")
        _set(database, key, value, given.cver)
        return
    wanted = list(OPTIONS) if given.all else [_known(given.get).name]
    rows = postgres.query(
        database,
        "SELECT option_name, option_value, version FROM vdc_options"
        " WHERE option_name = ANY (string_to_array(:'wanted', ',')) ORDER BY option_name, version",
        wanted=",".join(wanted),
    )
    for name, value, version in rows:
        _print(f"{name}: {value} version: {version}")


def _known(key: str) -> Option:
    if key not in OPTIONS:
        message = f"Error fetching {key} value: no such entry. Please verify key name and property file support."
        raise ToolError(message)
    return OPTIONS[key]


def _set(database: Database, key: str, value: str, version: str) -> None:
    option = _known(key)
    if not option.accepts(value):
        message = f"Cannot set value '{value}' to key {key}: it is not of the type {option.kind.__name__}."
        raise ToolError(message)
    changed = postgres.query(
        database,
        "UPDATE vdc_options SET option_value = :'value'"
        " WHERE option_name = :'key' AND version = :'version' RETURNING option_id",
        key=key,
        value=value,
        version=version,
    )
    if not changed:
        message = f"Cannot set {key}: it has no version {version}."
        raise ToolError(message)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
