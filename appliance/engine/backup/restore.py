"""Modes restore and verify."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .. import paths, postgres, service, version
from ..console import ToolError
from . import archive, databases, files

if TYPE_CHECKING:
    from ..conf import Database
    from ..console import Console
    from .archive import Unpacked
    from .databases import Kind
    from .options import Options

RULE = "-" * 78
NOTE = """{rule}
Please note:
The engine database was backed up at {moment} .
Objects that were added, removed or changed after this date, such as virtual
machines, disks, etc., are missing in the engine, and will probably require
recovery or recreation.
{rule}"""


def verify(options: Options, console: Console) -> None:
    """Read the whole archive and say whether a restore would accept it."""
    with tempfile.TemporaryDirectory(prefix="engine-backup.", dir=options.tmpdir) as temporary:
        console.say("Verifying:")
        unpacked = _open(options, console, Path(temporary))
        if unpacked.has(archive.FILES):
            files.check(unpacked.folder / archive.FILES)
        for kind in databases.KINDS:
            if unpacked.has(kind.member):
                unpacked.form(kind.config_prefix)
        console.say("Done.")


def restore(options: Options, console: Console) -> None:
    """Restore, in the order that never leaves a database half overwritten."""
    if service.active():
        message = "Engine service is active - can not restore backup"
        raise ToolError(message)
    for kind in databases.KINDS:  # wrong credentials show before anything is unpacked
        changed = options.changed.get(kind.scope)
        if changed and not postgres.reachable(changed):
            message = f"Can't connect to database '{changed.name}' with the given credentials"
            raise ToolError(message)
    with tempfile.TemporaryDirectory(prefix="engine-backup.", dir=options.tmpdir) as temporary:
        console.say("Preparing to restore:")
        unpacked = _open(options, console, Path(temporary))
        kinds = [kind for kind in databases.KINDS if kind.scope in options.scopes and unpacked.has(kind.member)]
        permissions = _permissions(options, unpacked, kinds)
        console.say("Restoring:")
        if "files" in options.scopes and unpacked.has(archive.FILES):
            console.say("- Files")
            count = files.restore(unpacked.folder / archive.FILES)
            console.log(f"{count} files and directories restored")
        targets = {kind: options.changed.get(kind.scope) or databases.configured(kind) for kind in kinds}
        _provision(options, console, targets)
        for kind, database in targets.items():
            databases.check_target(kind, database)
        for kind, database in targets.items():
            _load(kind, database, unpacked, options, console, permissions=permissions)
    for kind in databases.KINDS:
        changed = options.changed.get(kind.scope)
        if changed:
            console.say(f"Rewriting {kind.where[2]}")
            paths.write_private(kind.where[2], changed.render(), service=True)
    console.say("You should now run engine-setup.")
    console.say("Done.")


def _open(options: Options, console: Console, temporary: Path) -> Unpacked:
    console.say(f"- Unpacking file '{options.file}'")
    folder = temporary / "tar"
    folder.mkdir(mode=0o700)
    unpacked = archive.unpack(options.file, folder)
    system = "Unknown"
    if archive.OS_VERSION in unpacked.members:
        system = (folder / archive.OS_VERSION).read_text(encoding="utf-8").strip()
    console.log(f"backup of version {unpacked.version}, made on {system}")
    if not version.restorable(unpacked.version, paths.VERSION):
        message = f"Backup version '{unpacked.version}' doesn't match installed version '{paths.VERSION}'"
        raise ToolError(message)
    return unpacked


def _permissions(options: Options, unpacked: Unpacked, kinds: list[Kind]) -> bool:
    if options.permissions is not None:
        return options.permissions
    custom = [kind for kind in kinds if not unpacked.form(kind.config_prefix).plain]
    if any(kind.scope not in options.provision for kind in custom):
        message = "'--restore-permissions' or '--no-restore-permissions' is required in order to restore a backup"
        raise ToolError(message)
    return True


def _provision(options: Options, console: Console, targets: dict[Kind, Database]) -> None:
    wanted = [kind for kind in targets if kind.scope in options.provision]
    if not wanted and targets and not options.changed:
        databases_ = targets.values()
        # A fresh machine: everything is meant to be here and nothing is, so it can only be missing.
        if all(item.local for item in databases_) and not any(postgres.reachable(item) for item in databases_):
            wanted = list(targets)
    if not wanted:
        return
    console.say("Provisioning PostgreSQL users/databases:")
    for kind in wanted:
        database = targets[kind]
        if not database.local:
            message = f"Database '{database.name}' is on '{database.host}': only a local one can be provisioned"
            raise ToolError(message)
        console.say(f"- user '{database.user}', database '{database.name}'")
        postgres.provision(database)
    console.say("Restoring:")


def _load(  # noqa: PLR0913 one call site, all of it needed
    kind: Kind, database: Database, unpacked: Unpacked, options: Options, console: Console, *, permissions: bool
) -> None:
    console.say(f"- {kind.title} database '{database.name}'")
    form = unpacked.form(kind.config_prefix)
    jobs = options.jobs[kind.scope]
    databases.restore(kind, database, unpacked.folder / kind.member, form, jobs=jobs, permissions=permissions)
    if kind is not databases.ENGINE:
        return
    if not options.keep_temporary_data:
        databases.put_right(database, console)
    if options.he_remove_storage_vm:
        console.say("  - Removing the hosted-engine storage domain and its VM from the database")
        databases.remove_hosted_engine_storage(database)
    if options.he_remove_hosts:
        console.say("  - Removing the hosted-engine hosts from the database")
        databases.remove_hosted_engine_hosts(database)
    moment = databases.backup_moment(unpacked.members[kind.member])
    for line in NOTE.format(rule=RULE, moment=moment).splitlines():
        console.say(line)
