"""PostgreSQL through its own client programs: creating roles and databases, running scripts, dump, restore."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from . import paths

if TYPE_CHECKING:
    from pathlib import Path

    from .conf import Database

LC_MESSAGES = "en_US.UTF-8"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class DatabaseError(Exception):
    """PostgreSQL refused, or is not there."""


def program(name: str) -> str:
    """Return the path of a client program: Debian's wrappers in /usr/bin cost a Perl start each."""
    return str(paths.PG_BIN / name)


def _environment(database: Database | None) -> dict[str, str]:
    base = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "ovirt-engine-tools"}
    return base | (database.environment() if database else {})


def query(database: Database, sql: str, *, script: Path | None = None, **values: str) -> list[list[str]]:
    """Run SQL as the database's own user, all in one transaction; return rows of text.

    Values stand in the SQL as psql has them: ``:'name'`` for a text, ``:"name"`` for an identifier.
    """
    argv = [program("psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-1", "-w"]
    argv += ["-f", str(script)] if script else ["-f", "-"]
    done = subprocess.run(
        argv,
        input=_fill(sql, values),
        capture_output=True,
        text=True,
        env=_environment(database),
        check=False,
    )
    return _rows(done)


def admin(sql: str, *, port: int = 5432, **values: str) -> list[list[str]]:
    """Run SQL as PostgreSQL's superuser through its socket, by becoming its account for that one program."""
    argv = [program("psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-w", "-f", "-"]
    environment = _environment(None) | {
        "PGHOST": str(paths.POSTGRES_SOCKETS),
        "PGPORT": str(port),
        "PGUSER": "postgres",
        "PGDATABASE": "postgres",
    }
    root = os.geteuid() == 0
    done = subprocess.run(
        argv,
        input=_fill(sql, values),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd="/",
        user="postgres" if root else None,
        group="postgres" if root else None,
        extra_groups=[] if root else None,
    )
    return _rows(done)


def _fill(sql: str, values: dict[str, str]) -> str:
    """Put the values in, quoted."""
    return re.sub(
        r""":(?P<mark>['"])(?P<name>\w+)(?P=mark)""",
        lambda found: (literal if found["mark"] == "'" else identifier)(values[found["name"]]),
        sql,
    )


def _rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    if done.returncode != 0:
        raise DatabaseError(done.stderr.strip() or f"psql ended with exit code {done.returncode}")
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def reachable(database: Database) -> bool:
    """Tell whether a connection with these credentials works."""
    try:
        return query(database, "SELECT 1") == [["1"]]
    except DatabaseError:
        return False


def literal(text: str) -> str:
    """Quote a value for SQL."""
    if "\0" in text:
        message = "a value cannot hold a NUL character"
        raise DatabaseError(message)
    escaped = text.replace("'", "''")
    return f" E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{escaped}'"


def identifier(text: str) -> str:
    """Quote a name for SQL, refusing what nobody calls a role or database."""
    if not _NAME.fullmatch(text):
        message = f"'{text}' is not a usable name for a role or database"
        raise DatabaseError(message)
    return f'"{text}"'


def provision(database: Database) -> None:
    """Create the role and the database, or bring the existing role's password in line."""
    port, role, name = database.port, database.user, database.name
    known = admin("SELECT 1 FROM pg_roles WHERE rolname = :'role'", port=port, role=role)
    # The statement goes through standard input, so the password is in no process list; the server logs it
    # only if it fails, which is why error statements are kept out of the log for this session.
    change = "ALTER" if known else "CREATE"
    admin(
        f"SET log_min_error_statement = panic;\n{change} ROLE :\"role\" LOGIN ENCRYPTED PASSWORD :'password';",
        port=port,
        role=role,
        password=database.password,
    )
    if not admin("SELECT 1 FROM pg_database WHERE datname = :'name'", port=port, name=name):
        admin(
            'CREATE DATABASE :"name" OWNER :"role" TEMPLATE template0 ENCODING \'UTF8\';',
            port=port,
            name=name,
            role=role,
        )


def is_empty(database: Database) -> bool:
    """Tell whether nothing was put into the database yet."""
    rows = query(
        database,
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'",
    )
    return rows == [["0"]]


def lc_messages(database: Database) -> str:
    """Return the language PostgreSQL speaks to this user."""
    return query(database, "SHOW lc_messages")[0][0]


def dump(database: Database, target: int, *, plain: bool) -> None:
    """Write the database to an open file."""
    argv = [program("pg_dump"), "-w", "-E", "UTF8", "--disable-dollar-quoting", "--disable-triggers"]
    # A plain dump cannot leave owners out when it is restored, and the role there may have another name.
    argv += ["--format=plain", "--no-owner"] if plain else ["--format=custom"]
    done = subprocess.run(
        argv, stdout=target, stderr=subprocess.PIPE, text=True, env=_environment(database), check=False
    )
    if done.returncode != 0:
        raise DatabaseError(done.stderr.strip())


# What a restore by the database's owner, instead of the superuser, cannot do and need not do.
_HARMLESS = (
    re.compile(r'language "plpgsql" already exists'),
    re.compile(r"must be owner of (language|extension) \"?plpgsql\"?"),
    re.compile(r'schema "public" already exists'),
    re.compile(r"must be owner of schema public"),
    re.compile(r'extension "uuid-ossp" already exists'),
    re.compile(r'must be owner of extension "?uuid-ossp"?'),
)


def restore_custom(database: Database, dump_file: Path, *, jobs: int, permissions: bool) -> None:
    """Load a custom-format dump; only errors known to be harmless are let pass."""
    argv = [program("pg_restore"), "-w", "-j", str(jobs), "--no-owner", "-d", database.name]
    if not permissions:
        argv.append("--no-privileges")
    done = subprocess.run(
        [*argv, str(dump_file)], capture_output=True, text=True, env=_environment(database), check=False
    )
    _judge(done)


def _judge(done: subprocess.CompletedProcess[str]) -> None:
    errors = [line for line in done.stderr.splitlines() if re.search(r"\b(ERROR|error|FATAL|fatal):", line)]
    bad = [line for line in errors if not any(known.search(line) for known in _HARMLESS)]
    if bad:
        raise DatabaseError("\n".join(bad[:20]))
    if done.returncode != 0 and not errors:
        raise DatabaseError(done.stderr.strip() or f"exit code {done.returncode}")
