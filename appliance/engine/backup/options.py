"""The command line of engine-backup, checked as a whole before anything is done."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .. import paths
from ..conf import Database
from ..console import ToolError, timestamp
from .archive import COMPRESSORS
from .databases import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

SCOPES = ("all", "files", "db", "dwhdb", "cinderlibdb", "keycloakdb", "grafanadb", "managedblockdb")
OURS = ("files", "db", "dwhdb")  # what this engine has; the others are accepted and empty
ABSENT = ("cinderlib-", "keycloak-", "managedblock-")
PROMPT = object()

PRESETS: dict[str, dict[str, str]] = {
    "fast_restore": {"archive": "gzip", "files": "xz", "db": "None", "format": "custom"},
    "small_size": {"archive": "None", "files": "xz", "db": "xz", "format": "plain"},
    "fast_backup": {"archive": "gzip", "files": "gzip", "db": "gzip", "format": "plain"},
}
DEFAULT = PRESETS["fast_restore"]


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    mode: str
    file: Path
    log: Path
    scopes: frozenset[str]
    scope_name: str
    tmpdir: str | None
    archive_compressor: str
    files_compressor: str
    db_compressor: dict[str, str]
    plain: dict[str, bool]
    jobs: dict[str, int]
    provision: frozenset[str]
    changed: dict[str, Database] = field(repr=False)  # holds passwords
    permissions: bool | None
    keep_temporary_data: bool
    he_remove_storage_vm: bool
    he_remove_hosts: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ToolError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="engine-backup", description="Back up and restore the engine.", allow_abbrev=False)
    add = parser.add_argument
    add("--mode", choices=("backup", "restore", "verify"), default="backup")
    add("--scope", action="append", choices=SCOPES, help="repeats; default all")
    add("--file", type=Path)
    add("--log", type=Path)
    add("--tmpdir")
    add("--archive-compressor", choices=COMPRESSORS)
    add("--files-compressor", choices=COMPRESSORS)
    for prefix in (*(kind.option for kind in KINDS), *ABSENT):
        _database_options(parser, prefix)
    add("--provision-all-databases", action="store_true")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--restore-permissions", dest="permissions", action="store_true", default=None)
    group.add_argument("--no-restore-permissions", dest="permissions", action="store_false")
    add("--keep-temporary-data", action="store_true")
    add("--he-remove-storage-vm", action="store_true")
    add("--he-remove-hosts", action="store_true")
    presets = parser.add_mutually_exclusive_group()
    for name in PRESETS:
        presets.add_argument(f"--{name.replace('_', '-')}", dest="preset", action="store_const", const=name)
    return parser


def _database_options(parser: argparse.ArgumentParser, prefix: str) -> None:
    add = parser.add_argument
    add(f"--{prefix}db-compressor", choices=COMPRESSORS)
    add(f"--{prefix}db-dump-format", choices=("plain", "custom"))
    add(f"--{prefix}db-restore-jobs", type=int)
    add(f"--provision-{prefix}db", action="store_true")
    add(f"--change-{prefix}db-credentials", action="store_true")
    for name in ("host", "user", "name", "passfile"):
        add(f"--{prefix}db-{name}")
    add(f"--{prefix}db-port", type=int)
    add(f"--{prefix}db-password", nargs="?", const=PROMPT)
    add(f"--{prefix}db-secured", action="store_true")
    add(f"--{prefix}db-secured-validation", action="store_true")


def parse_options(argv: Sequence[str]) -> Options:
    """Parse and check."""
    given = vars(_parser().parse_args(argv))
    mode: str = given["mode"]
    stamp = timestamp()
    file = given["file"] or paths.BACKUPS / f"ovirt-engine-backup-{stamp}.backup"
    log = given["log"] or paths.LOGS / f"ovirt-engine-{mode}-{stamp}.log"
    if mode != "backup" and not given["file"]:
        _refuse(f"--file is required in mode {mode}")
    if file.resolve() == log.resolve():
        _refuse("--file and --log must differ")
    _only_in_restore(given, mode)
    scopes = set(given["scope"] or ["all"])
    style = PRESETS.get(given["preset"] or "", DEFAULT)
    return Options(
        mode=mode,
        file=file,
        log=log,
        scopes=frozenset(OURS if "all" in scopes else scopes),
        scope_name=",".join(sorted(scopes)),
        tmpdir=given["tmpdir"],
        archive_compressor=given["archive_compressor"] or style["archive"],
        files_compressor=given["files_compressor"] or style["files"],
        db_compressor={kind.scope: _get(given, kind, "db_compressor") or style["db"] for kind in KINDS},
        plain={kind.scope: (_get(given, kind, "db_dump_format") or style["format"]) == "plain" for kind in KINDS},
        jobs={kind.scope: _jobs(_get(given, kind, "db_restore_jobs")) for kind in KINDS},
        provision=_provision(given),
        changed=_changed(given),
        permissions=given["permissions"],
        keep_temporary_data=given["keep_temporary_data"],
        he_remove_storage_vm=given["he_remove_storage_vm"],
        he_remove_hosts=given["he_remove_hosts"],
    )


def _refuse(message: str) -> NoReturn:
    raise ToolError(message)


def _get(given: dict[str, object], kind: Kind, name: str) -> str | None:
    value = given[f"{kind.option.replace('-', '_')}{name}"]
    return None if value is None else str(value)


def _jobs(value: str | None) -> int:
    jobs = 2 if value is None else int(value)
    if jobs < 1:
        _refuse("the number of restore jobs must be at least 1")
    return jobs


def _only_in_restore(given: dict[str, object], mode: str) -> None:
    wrong = [
        name
        for name, value in given.items()
        if (name.startswith(("provision_", "change_", "he_remove")) or name in {"permissions", "keep_temporary_data"})
        and value not in (None, False)
        and mode != "restore"
    ]
    if wrong:
        _refuse(f"--{wrong[0].replace('_', '-')} is for mode restore only")
    for prefix in ABSENT:
        word = prefix.replace("-", "_")
        asked = [name for name, value in given.items() if word in name and value not in (None, False)]
        if asked:
            _refuse(f"--{asked[0].replace('_', '-')}: this engine has no {prefix.rstrip('-')} database")


def _provision(given: dict[str, object]) -> frozenset[str]:
    names = {kind.scope: f"provision_{kind.option.replace('-', '_')}db" for kind in KINDS}
    return frozenset(scope for scope, name in names.items() if given[name] or given["provision_all_databases"])


def _changed(given: dict[str, object]) -> dict[str, Database]:
    changed = {}
    provision = _provision(given)
    for kind in KINDS:
        words = {name: _get(given, kind, f"db_{name}") for name in ("host", "port", "user", "name", "passfile")}
        password = given[f"{kind.option.replace('-', '_')}db_password"]
        option = f"--change-{kind.option}db-credentials"
        if not given[option.lstrip("-").replace("-", "_")]:
            if password is not None or any(value is not None for value in words.values()):
                _refuse(f"--{kind.option}db-* options need {option}")
            continue
        if kind.scope in provision:
            _refuse(f"{option} and provisioning exclude each other")
        secret = _password(kind, words["passfile"], password)
        missing = [name for name in ("host", "user", "name") if not words[name]]
        if missing or not secret:
            _refuse(f"{option} needs --{kind.option}db-{(missing or ['password'])[0]}")
        changed[kind.scope] = Database(
            prefix=kind.where[0],
            title=kind.title,
            host=words["host"] or "",
            port=int(words["port"] or 5432),
            user=words["user"] or "",
            password=secret,
            name=words["name"] or "",
        )
    return changed


def _password(kind: Kind, passfile: str | None, password: object) -> str:
    if passfile:
        return Path(passfile).read_text(encoding="utf-8").partition("\n")[0]
    if password is PROMPT:
        if not sys.stdin.isatty():
            _refuse(f"--{kind.option}db-password without a value needs a terminal")
        return getpass.getpass(f"Password for the {kind.title} database: ")
    return str(password) if password is not None else os.environ.get(kind.password_variable, "")
