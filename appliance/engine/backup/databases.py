"""The databases of a backup: dump, restore, and what a restored engine database needs put right."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import socket
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from .. import conf, paths, postgres
from ..console import ToolError
from .archive import DWH_DB, ENGINE_DB, create_private, opened

if TYPE_CHECKING:
    from pathlib import Path

    from ..conf import Database
    from ..console import Console
    from .archive import DumpForm

TEMPORARY_TABLES = (
    *("async_tasks", "async_tasks_entities", "business_entity_snapshot", "command_entities", "job", "step"),
)


@dataclass(frozen=True)
class Kind:
    """One of the databases an engine has."""

    scope: str
    member: str
    config_prefix: str  # of its keys in the archive's config
    option: str  # prefix of its options
    password_variable: str
    where: tuple[str, str, Path]

    @property
    def title(self) -> str:
        """What the messages call it."""
        return "Engine" if self.scope == "db" else "DWH"


ENGINE = Kind("db", ENGINE_DB, "", "", "OVIRT_ENGINE_DATABASE_PASSWORD", conf.ENGINE)
DWH = Kind("dwhdb", DWH_DB, "DWH_", "dwh-", "OVIRT_DWH_DATABASE_PASSWORD", conf.DWH)
KINDS = (ENGINE, DWH)


def configured(kind: Kind) -> Database:
    """Return the database's credentials from the configuration on this machine."""
    database = conf.database(kind.where)
    if database is None:
        message = f"{kind.title} database is not configured on this machine"
        raise ToolError(message)
    return database


def dump(database: Database, target: Path, form: DumpForm) -> None:
    """Dump a database into a file, compressed as asked."""
    descriptor = create_private(target)
    try:
        postgres.dump(database, descriptor, plain=form.plain)
    finally:
        os.close(descriptor)
    if form.compressor == "None":
        return
    packed = target.with_suffix(".packed")
    with (
        target.open("rb") as source,
        os.fdopen(create_private(packed), "wb") as raw,
        _compressor(raw, form.compressor) as out,
    ):
        shutil.copyfileobj(source, out, 1 << 20)
    packed.replace(target)


def _compressor(raw: IO[bytes], name: str) -> IO[bytes]:
    if name == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="wb"))
    if name == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(raw, "wb"))
    return cast("IO[bytes]", lzma.LZMAFile(raw, "wb"))


def check_target(kind: Kind, database: Database) -> None:
    """Refuse before anything is written: unreachable, speaking another language, or not empty."""
    if not postgres.reachable(database):
        message = f"Can't connect to database '{database.name}'. Please see 'engine-backup --help'."
        raise ToolError(message)
    language = postgres.lc_messages(database)
    if language != postgres.LC_MESSAGES:
        message = f"{kind.title} database: lc_messages is '{language}', it must be '{postgres.LC_MESSAGES}'"
        raise ToolError(message)
    if not postgres.is_empty(database):
        message = f"Database '{database.name}' is not empty"
        raise ToolError(message)


def restore(  # noqa: PLR0913 one call site, all of it needed
    kind: Kind, database: Database, source: Path, form: DumpForm, *, jobs: int, permissions: bool
) -> None:
    """Load a dump."""
    try:
        if form.plain:
            from .. import db  # noqa: PLC0415 the driver costs a second under emulation and is needed only here

            with opened(source) as stream:
                db.load_plain(database, stream)
            return
        if form.compressor == "None":
            postgres.restore_custom(database, source, jobs=jobs, permissions=permissions)
            return
        loose = source.with_suffix(".loose")
        with opened(source) as stream, os.fdopen(create_private(loose), "wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
        postgres.restore_custom(database, loose, jobs=jobs, permissions=permissions)
        loose.unlink()
    except Exception as problem:
        message = f"Errors while restoring {kind.title.lower()} database '{database.name}': {problem}"
        raise ToolError(message) from problem


def put_right(database: Database, console: Console) -> None:
    """Take out of a restored engine database what was true only at the moment of the backup."""
    console.say(f"  - Cleaning up temporary tables in engine database '{database.name}'")
    postgres.query(database, f"TRUNCATE TABLE {', '.join(TEMPORARY_TABLES)} CASCADE;")
    console.log(f"  - Updating DbJustRestored VdcOption in engine database '{database.name}'")
    postgres.query(
        database,
        "UPDATE vdc_options SET option_value = '1' WHERE option_name = 'DbJustRestored';"
        "INSERT INTO vdc_options (option_name, option_value, default_value)"
        " SELECT 'DbJustRestored', '1', '0'"
        " WHERE NOT EXISTS (SELECT 1 FROM vdc_options WHERE option_name = 'DbJustRestored');",
    )
    console.say("  - Resetting DwhCurrentlyRunning in dwh_history_timekeeping in engine database")
    postgres.query(
        database, "UPDATE dwh_history_timekeeping SET var_value = '0' WHERE var_name = 'DwhCurrentlyRunning';"
    )
    console.log("  - Resetting HA VM status")
    postgres.query(
        database,
        "UPDATE vm_dynamic SET status = 0, run_on_vds = NULL FROM vm_static s "
        "WHERE s.vm_guid = vm_dynamic.vm_guid AND s.auto_startup AND s.origin <> 6;",
    )


def remove_hosted_engine_storage(database: Database) -> None:
    """Take the old hosted-engine VM and its storage domain out of the database."""
    postgres.query(
        database,
        "CREATE TEMPORARY TABLE old_domain AS"
        " SELECT DISTINCT m.storage_domain_id AS id FROM vm_static s"
        " JOIN vm_device d ON d.vm_id = s.vm_guid AND d.device = 'disk'"
        " JOIN images i ON i.image_group_id = d.device_id"
        " JOIN image_storage_domain_map m ON m.image_id = i.image_guid WHERE s.origin = 6;"
        "SELECT deletevm(vm_guid) FROM (SELECT vm_guid FROM vms WHERE origin = 6) AS he;"
        "DELETE FROM base_disks WHERE disk_id IN (SELECT i.image_group_id FROM images i"
        " JOIN image_storage_domain_map m ON m.image_id = i.image_guid"
        " WHERE m.storage_domain_id IN (SELECT id FROM old_domain));"
        "DELETE FROM storage_domain_static WHERE id IN (SELECT id FROM old_domain);",
    )


def remove_hosted_engine_hosts(database: Database) -> None:
    """Take the hosts that could run the old hosted engine out of the database."""
    postgres.query(
        database,
        "SELECT deletevds(vds_id) FROM (SELECT vds_id FROM vds"
        " WHERE ha_configured OR hosted_engine_deployed) AS hosts;",
    )


def notify(database: Database, scope: str, log: Path, outcome: str | None) -> None:
    """Tell the engine about a backup; ``outcome`` is its error, or nothing when all went well."""
    fqdn = conf.load_folder(paths.ENGINE_CONF_D).get("ENGINE_FQDN", socket.gethostname())
    postgres.query(
        database,
        "INSERT INTO engine_backup_log (scope, done_at, is_passed, output_message, fqdn, log_path)"
        " VALUES (:'scope', clock_timestamp(), :'passed', :'message', :'fqdn', :'log');",
        scope=scope,
        passed=str(outcome is None),
        message=outcome or "done",
        fqdn=fqdn,
        log=str(log),
    )


def backup_moment(seconds: float) -> str:
    """Return a dump's time as ``stat`` prints it, which is what operators see in the note."""
    return time.strftime("%Y-%m-%d %H:%M:%S.000000000 +0000", time.gmtime(seconds))
