"""Mode backup: write an archive."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .. import paths
from ..conf import load
from ..postgres import DatabaseError
from . import archive, databases, files
from .archive import DumpForm

if TYPE_CHECKING:
    from ..console import Console
    from .options import Options


def backup(options: Options, console: Console) -> None:
    """Back up what is in scope, and tell the engine's database how it went."""
    console.say("Backing up:")
    engine = databases.configured(databases.ENGINE) if "db" in options.scopes else None
    if engine:
        console.say("Notifying engine")
    try:
        _write(options, console)
    except Exception as problem:
        if engine:
            with suppress(DatabaseError):
                databases.notify(engine, options.scope_name, options.log, str(problem))
        raise
    if engine:
        databases.notify(engine, options.scope_name, options.log, None)
        console.say("Notifying engine")
    console.say("Done.")


def _write(options: Options, console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="engine-backup.", dir=options.tmpdir) as temporary:
        folder = Path(temporary) / "tar"
        folder.mkdir(mode=0o700)
        (folder / "db").mkdir()
        settings: list[str] = []
        if "files" in options.scopes:
            console.say("- Files")
            archive.tar(paths.ROOT, files.backup_paths(), folder / archive.FILES, options.files_compressor)
        for kind in databases.KINDS:
            if kind.scope not in options.scopes:
                continue
            database = databases.configured(kind)
            console.say(f"- {kind.title} database '{database.name}'")
            form = DumpForm(plain=options.plain[kind.scope], compressor=options.db_compressor[kind.scope])
            databases.dump(database, folder / kind.member, form)
            shown = "" if form.compressor == "None" else form.compressor
            settings.append(f"{kind.config_prefix}DB_DUMP_COMPRESSOR={shown}")
            settings.append(f"{kind.config_prefix}DB_DUMP_FORMAT={'plain' if form.plain else 'custom'}")
        (folder / archive.VERSION).write_text(f"{paths.VERSION}\n")
        (folder / archive.OS_VERSION).write_text(f"{_system()}\n")
        (folder / archive.CONFIG).write_text("".join(f"{line}\n" for line in settings))
        archive.write_hashes(folder)
        console.say(f"Packing into file '{options.file}'")
        archive.tar(folder, ["."], options.file, options.archive_compressor)


def _system() -> str:
    values = load(Path("/etc/os-release"))
    return f"{values.get('ID', 'unknown')}{values.get('VERSION_ID', '')}"
