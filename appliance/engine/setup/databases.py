"""The databases as engine-setup leaves them: there, ours, and with everything this version needs."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

from .. import conf, options, passwords, paths, postgres
from ..console import ToolError

if TYPE_CHECKING:
    from pathlib import Path

    from ..answers import Answers
    from ..conf import Database
    from ..console import Console

ADMIN = "admin"
DOMAIN = "internal"


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
    return bool(
        postgres.query(database, "SELECT 1 FROM aaa_jdbc.users WHERE name = :'admin' AND password <> ''", admin=ADMIN)
    )


SET_ADMIN = """
INSERT INTO aaa_jdbc.users (name, password) VALUES (:'admin', :'hashed')
    ON CONFLICT (name) DO UPDATE SET password = EXCLUDED.password, disabled = false;
INSERT INTO users (name, domain, username, external_id, last_admin_check_status)
    SELECT name, 'internal-authz', :'full', uuid::text, true FROM aaa_jdbc.users WHERE name = :'admin'
    ON CONFLICT DO NOTHING;
INSERT INTO permissions (role_id, ad_element_id, object_id, object_type_id)
    SELECT r.id, u.user_id, 'aaa00000-0000-0000-0000-123456789aaa', 1  -- the object that stands for the whole system
    FROM users u, roles r
    WHERE u.username = :'full' AND r.name = 'SuperUser'
    AND NOT EXISTS (SELECT 1 FROM permissions p WHERE p.ad_element_id = u.user_id AND p.role_id = r.id);
"""


def set_admin(database: Database, password: str) -> None:
    """Set the administrator's password, making the account and its permission if they are missing."""
    hashed = passwords.hash_password(password)
    postgres.query(database, SET_ADMIN, admin=ADMIN, full=f"{ADMIN}@{DOMAIN}", hashed=hashed)


def note_setup(database: Database, fqdn: str) -> None:
    """Leave a trace in the engine's own log of events."""
    postgres.query(
        database,
        "INSERT INTO audit_log (log_type_name, log_type, severity, message, user_name)"
        " VALUES ('ENGINE_SETUP', 9100, 0, :'message', 'SYSTEM');",
        message=f"engine-setup of version {paths.VERSION} on {socket.gethostname()} for {fqdn}",
    )
