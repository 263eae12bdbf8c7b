"""The sample backup: made by the appliance's own tools, natively, in a throw-away layer over its tree.

The source databases stay beside the backup, so that a test can compare what was restored with them.
"""

from __future__ import annotations

import json
import pwd
import shutil
import sys
from typing import TYPE_CHECKING

from appliance.recipe.cache import SOURCE
from appliance.recipe.host import isolated, run

if TYPE_CHECKING:
    from pathlib import Path

FQDN = "engine.example.test"

# What PostgreSQL needs to start the copied cluster anywhere: nothing outside the directory, no locale that
# the host may lack, no network.
CLUSTER_CONF = """listen_addresses = ''
unix_socket_directories = '/tmp'
lc_messages = 'C'
timezone = 'UTC'
jit = off
ssl = off
"""
CLUSTER_HBA = "local all all trust\n"

NOTE = """The databases from which ../sample.backup was made, as a PostgreSQL data directory that was shut down
cleanly. Copy it before use (`cp -a`), make the copy belong to the account that runs the server, mode 0700, and
start it with Debian's postgresql-15 and socket and port of your own:

    postgres -D COPY -k SOCKET_DIRECTORY -p PORT

Connections come in through the Unix socket only and are trusted. about.json names versions and databases.
"""


def make_sample(root: Path, work: Path, result: Path) -> None:
    """Write ``sample.backup`` and ``source/`` into ``result``; ``root`` is left as it was."""
    layer = work / "sample"
    for name in ("upper", "overlay", "merged"):
        (layer / name).mkdir(parents=True)
    out = work / "sample-out"
    out.mkdir()
    # Namespaces of its own: no port is shared with the host, and nothing outlives the build.
    run(
        [
            *isolated("net", "ipc", "uts"),
            *(sys.executable, SOURCE / "recipe/inside.py", root, layer, out, SOURCE / "seed"),
        ]
    )
    (out / "sample.backup").rename(result / "sample.backup")
    (result / "sample.backup").chmod(0o600)
    _keep_source(out / "data", result / "source", json.loads((out / "about.json").read_text()))
    shutil.rmtree(layer)


def _keep_source(data: Path, target: Path, about: dict[str, str]) -> None:
    target.mkdir()
    cluster = target / "data"
    data.rename(cluster)
    (cluster / "postgresql.conf").write_text(CLUSTER_CONF)
    (cluster / "pg_hba.conf").write_text(CLUSTER_HBA)
    (cluster / "pg_ident.conf").write_text("")
    (target / "README").write_text(NOTE)
    (target / "about.json").write_text(json.dumps(about, indent=2) + "\n")
    owner = pwd.getpwnam("postgres") if _has_postgres() else pwd.getpwuid(0)
    for path in [cluster, *cluster.rglob("*")]:
        shutil.chown(path, owner.pw_uid, owner.pw_gid)


def _has_postgres() -> bool:
    return any(entry.pw_name == "postgres" for entry in pwd.getpwall())
