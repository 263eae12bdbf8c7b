"""The command engine-cleanup: removes the engine's databases, certificates and configuration."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import conf, paths, postgres, service
from ..answers import read_answers
from ..conf import ConfigurationError
from ..console import Console, ToolError, timestamp
from ..postgres import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Remove everything, after a yes that is typed, answered or implied by --accept-defaults."""
    parser = argparse.ArgumentParser(prog="engine-cleanup", description="Remove the engine.", allow_abbrev=False)
    parser.add_argument("--accept-defaults", action="store_true", help="never ask: yes, remove everything")
    parser.add_argument("--config", "--config-append", dest="files", action="append", type=Path, default=[])
    parser.add_argument("--log", type=Path)
    given = parser.parse_args(argv)
    log = given.log or paths.LOGS / "setup" / f"ovirt-engine-remove-{timestamp()}.log"
    with Console(log) as console:
        try:
            return _run(console, given.files, accept=given.accept_defaults)
        except (ToolError, DatabaseError, ConfigurationError, OSError) as problem:
            console.say(f"[ ERROR ] Failed to execute stage: {problem}")
            return 1


def _run(console: Console, files: list[Path], *, accept: bool) -> int:
    console.say("[ INFO  ] Stage: Initializing")
    remove = read_answers(files).flag("OVESETUP_REMOVE/removeAll")
    if remove is None:
        remove = accept or input("Remove the engine with all its data? (Yes, No)[No]: ").lower() in {"y", "yes"}
    if not remove:
        console.say("[ INFO  ] Nothing was removed")
        return 1
    console.say("[ INFO  ] Stopping engine service")
    service.disable()
    if service.active():
        message = "the engine is running and could not be stopped"
        raise ToolError(message)
    for kind in (conf.ENGINE, conf.DWH):
        _drop(conf.database(kind), console)
    console.say("[ INFO  ] Removing files")
    for folder in ("etc/ovirt-engine", "etc/ovirt-engine-dwh", "etc/ovirt-engine-setup.conf.d", "etc/pki/ovirt-engine"):
        shutil.rmtree(paths.ROOT / folder, ignore_errors=True)
    console.say("[ INFO  ] Execution of cleanup completed successfully")
    return 0


def _drop(database: conf.Database | None, console: Console) -> None:
    if database is None:
        return
    if not database.local:
        console.say(f"[WARNING] Database '{database.name}' on '{database.host}' is not ours to remove")
        return
    console.say(f"[ INFO  ] Removing PostgreSQL '{database.name}' database")
    for statement in (
        f"DROP DATABASE IF EXISTS {postgres.identifier(database.name)} WITH (FORCE)",
        f"DROP ROLE IF EXISTS {postgres.identifier(database.user)}",
    ):
        postgres.admin(statement, port=database.port)


if __name__ == "__main__":
    sys.exit(main())
