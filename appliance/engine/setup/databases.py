"""The databases as engine-setup leaves them: there, ours, and with everything this version needs."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

from .. import conf, options, passwords, paths, postgres
from ..console import ToolError
from ..postgres import literal

if TYPE_CHECKING:
    from pathlib import Path

    from ..answers import Answers
    from ..conf import Database
    from ..console import Console

ADMIN = "admin"
DOMAIN = "internal"
EVERYTHING = "aaa00000-0000-0000-0000-123456789aaa"  # the object that stands for the whole system
SUPER_USER = "00000000-0000-0000-0000-000000000001"


def set_up(answers: Answers, console: Console) -> Database:
    """Bring both databases up to what the engine needs and return the engine's."""
    engine = _one(conf.ENGINE, "OVESETUP_DB", "engine.sql", answers, console)
    _one(conf.DWH, "OVESETUP_DWH_DB", "dwh.sql", answers, console)
    options.add_missing(engine)
    return engine


def _one(where: tuple[str, str, Path], keys: str, script: str, answers: Answers, console: Console) -> Database:
    prefix, default, path = where
    database = conf.database(where)
    if database is None:
        database = conf.Database(
            prefix=prefix,
            title="Engine" if prefix == "ENGINE_DB" else "DWH",
            host=answers.text(f"{keys}/host") or "localhost",
            port=answers.number(f"{keys}/port") or 5432,
            user=answers.text(f"{keys}/user") or default,
            password=answers.text(f"{keys}/password") or secrets.token_urlsafe(16),
            name=answers.text(f"{keys}/database") or default,
        )
        # Written first: a run that dies after creating the role finds its password again.
        paths.write_private(path, database.render(), service=True)
    if not postgres.reachable(database):
        if not database.local:
            message = f"Cannot connect to {database.title} database '{database.name}' on '{database.host}'"
            raise ToolError(message)
        console.say(f"[ INFO  ] Creating PostgreSQL '{database.name}' database")
        postgres.provision(database)
    if postgres.is_empty(database):
        console.say(f"[ INFO  ] Creating/refreshing {database.title} database schema")
        postgres.query(database, "", script=paths.DBSCRIPTS / script)
    elif not _is_ours(database):
        message = f"Database '{database.name}' is not empty and holds something else"
        raise ToolError(message)
    return database


def _is_ours(database: Database) -> bool:
    return postgres.query(database, "SELECT to_regclass('schema_version') IS NOT NULL") == [["t"]]


def has_admin(database: Database) -> bool:
    """Tell whether the administrator has a password already."""
    rows = postgres.query(
        database, f"SELECT 1 FROM aaa_jdbc.users WHERE name = {literal(ADMIN)} AND password <> ''"
    )
    return bool(rows)


def set_admin(database: Database, password: str) -> None:
    """Set the administrator's password, making the account and its permission if they are missing."""
    hashed = literal(passwords.hash_password(password))
    postgres.query(
        database,
        f"INSERT INTO aaa_jdbc.users (name, password) VALUES ({literal(ADMIN)}, {hashed})"
        " ON CONFLICT (name) DO UPDATE SET password = EXCLUDED.password, disabled = false;"
        "INSERT INTO users (name, domain, username, external_id, last_admin_check_status)"
        f" SELECT {literal(ADMIN)}, '{DOMAIN}-authz', '{ADMIN}@{DOMAIN}', uuid::text, true"
        f" FROM aaa_jdbc.users WHERE name = {literal(ADMIN)} ON CONFLICT DO NOTHING;"
        "INSERT INTO permissions (role_id, ad_element_id, object_id, object_type_id)"
        f" SELECT '{SUPER_USER}', u.user_id, '{EVERYTHING}', 1 FROM users u"
        f" WHERE u.username = '{ADMIN}@{DOMAIN}' AND NOT EXISTS (SELECT 1 FROM permissions p"
        f" WHERE p.ad_element_id = u.user_id AND p.role_id = '{SUPER_USER}');",
    )


def note_setup(database: Database, fqdn: str) -> None:
    """Leave a trace in the engine's own log of events."""
    text = literal(f"engine-setup of version {paths.VERSION} on {socket.gethostname()} for {fqdn}")
    postgres.query(
        database,
        "INSERT INTO audit_log (log_type_name, log_type, severity, message, user_name)"
        f" VALUES ('ENGINE_SETUP', 9100, 0, {text}, 'SYSTEM');",
    )
