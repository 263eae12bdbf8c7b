"""Run in namespaces of its own by ``sample``: puts a layer over the tree, enters it, makes the backup.

inside.py ROOT LAYER OUT SEED
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FQDN = "engine.example.test"
PG_BIN = "/usr/lib/postgresql/15/bin"
DATA = "/var/lib/postgresql/15/main"
SEED = "/srv/seed"
START_SECONDS = 60
ANSWERS = """[environment:default]
OVESETUP_CONFIG/fqdn=str:{fqdn}
OVESETUP_CONFIG/adminPassword=str:{password}
OVESETUP_PKI/organization=str:example.test
"""


def main(root: Path, layer: Path, out: Path, seed: Path) -> None:
    """Make the layer, work in it, and copy out what is wanted."""
    tree = layer / "merged"
    _mount(root, layer, tree)
    inside = tree / SEED.lstrip("/")
    shutil.copytree(seed, inside)
    # Nobody needs this password: whoever restores sets another one.
    (inside / "answers").touch(mode=0o600)
    (inside / "answers").write_text(ANSWERS.format(fqdn=FQDN, password=secrets.token_urlsafe(16)))
    with _postgres(tree):
        _in(tree, "/usr/bin/engine-setup", "--accept-defaults", "--offline", f"--config-append={SEED}/answers")
        psql = "/usr/share/ovirt-engine/dbscripts/engine-psql.sh"
        _in(tree, psql, "-q", "-1", "-f", f"{SEED}/engine.sql")
        history = ("-d", "ovirt_engine_history", "-f", f"{SEED}/dwh.sql")
        _as_postgres(tree, "psql", "-q", "-1", "-v", "ON_ERROR_STOP=1", *history)
        for database in ("engine", "ovirt_engine_history"):
            _as_postgres(tree, "vacuumdb", "-q", "-z", "-d", database)
        backup = ("--mode=backup", "--scope=all", "--file=/tmp/sample.backup", "--log=/tmp/sample.log")
        _in(tree, "/usr/bin/engine-backup", *backup)
        about = {
            "engine": (tree / "usr/share/ovirt-engine/version").read_text().strip(),
            "postgresql": _as_postgres(tree, "postgres", "--version").strip(),
            "fqdn": FQDN,
            "databases": "engine ovirt_engine_history",
        }
    shutil.copyfile(tree / "tmp/sample.backup", out / "sample.backup")
    shutil.copytree(f"{tree}{DATA}", out / "data")
    (out / "about.json").write_text(json.dumps(about))


def _mount(root: Path, layer: Path, tree: Path) -> None:
    def run(*argv: str) -> None:
        subprocess.run(argv, check=True)

    run("mount", "--make-rprivate", "/")
    options = f"lowerdir={root},upperdir={layer / 'upper'},workdir={layer / 'overlay'}"
    run("mount", "-t", "overlay", "-o", options, "overlay", str(tree))
    run("mount", "-t", "proc", "proc", str(tree / "proc"))
    run("mount", "--rbind", "/dev", str(tree / "dev"))
    run("mount", "-t", "tmpfs", "tmpfs", str(tree / "run"))
    run("ip", "link", "set", "lo", "up")
    run("hostname", FQDN)


def _in(tree: Path, *argv: str) -> str:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    done = subprocess.run(["chroot", str(tree), *argv], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{argv[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def _as_postgres(tree: Path, program: str, *argv: str) -> str:
    return _in(tree, "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", f"{PG_BIN}/{program}", *argv)


@contextmanager
def _postgres(tree: Path) -> Iterator[None]:
    sockets = tree / "run/postgresql"
    sockets.mkdir()
    owner = (tree / DATA.lstrip("/")).stat()
    os.chown(sockets, owner.st_uid, owner.st_gid)
    server = subprocess.Popen(
        [
            *("chroot", str(tree), "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"),
            *(f"{PG_BIN}/postgres", "-F", "-D", DATA),
            *("-c", "config_file=/etc/postgresql/15/main/postgresql.conf"),
        ],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        stderr=(tree / "tmp/postgres.log").open("w"),
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (sockets / ".s.PGSQL.5432").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"PostgreSQL did not start: {(tree / 'tmp/postgres.log').read_text()}")
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        if server.wait(60) != 0:
            sys.exit("PostgreSQL did not stop cleanly")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
