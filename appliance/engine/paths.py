"""Where everything is. One prefix moves all of it, so that nothing but a real appliance touches ``/etc``."""

from __future__ import annotations

import os
import pwd
import shutil
from contextlib import suppress
from pathlib import Path

PREFIX = os.environ.get("ENGINE_ROOT", "")
ROOT = Path(PREFIX or "/")

PROGRAM = Path(__file__).resolve().parent.parent
DBSCRIPTS = PROGRAM / "dbscripts"
VERSION = (PROGRAM / "version").read_text().strip()
PG_BIN = Path(os.environ.get("ENGINE_PG_BIN", "/usr/lib/postgresql/15/bin"))

ENGINE_CONF_D = ROOT / "etc/ovirt-engine/engine.conf.d"
ENGINE_DB_CONF = ENGINE_CONF_D / "10-setup-database.conf"
ENGINE_PROTOCOLS_CONF = ENGINE_CONF_D / "10-setup-protocols.conf"
DWH_DB_CONF = ROOT / "etc/ovirt-engine-dwh/ovirt-engine-dwhd.conf.d/10-setup-database.conf"
SETUP_CONF = ROOT / "etc/ovirt-engine-setup.conf.d/20-setup-ovirt-post.conf"
BACKUP_CONF_D = ROOT / "etc/ovirt-engine-backup/engine-backup-config.d"

PKI = ROOT / "etc/pki/ovirt-engine"
CA_CERT = PKI / "ca.pem"
CA_KEY = PKI / "private/ca.pem"
SERVER_CERT = PKI / "certs/apache.cer"
SERVER_KEY = PKI / "keys/apache.key.nopass"

LOGS = ROOT / "var/log/ovirt-engine"
STATE = ROOT / "var/lib/ovirt-engine"
BACKUPS = ROOT / "var/lib/ovirt-engine-backup"
RUN = ROOT / "run/ovirt-engine"
POSTGRES_SOCKETS = ROOT / "run/postgresql"

SERVICE_USER = "ovirt"


def write_private(path: Path, text: str, *, mode: int = 0o600, service: bool = False) -> None:
    """Replace a file in one step, never readable by others meanwhile; ``service`` lets the engine read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(descriptor)
        os.fchmod(descriptor, mode)
    if service:
        give_to_service(beside)
    beside.replace(path)


def give_to_service(path: Path) -> None:
    """Make the engine's own user the owner, where that user exists (not in a tree under a prefix)."""
    if PREFIX or os.geteuid() != 0:
        return
    with suppress(KeyError):
        pwd.getpwnam(SERVICE_USER)
        shutil.chown(path, SERVICE_USER, SERVICE_USER)
