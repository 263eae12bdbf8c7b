"""The restored engine holds what its source held, table by table; what may differ is listed with its reason."""
# ruff: noqa: S608 - names of tables and keys come from the catalogue, and psql takes no parameters

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests.appliance.kit import PG_BIN, Cluster, short_folder
from tests.system.guest import GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Deployed
    from tests.system.guest import Guest

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

ENGINE, HISTORY = "engine", "ovirt_engine_history"
TABLES: Final = """
SELECT format('%I.%I', n.nspname, c.relname),
       string_agg(format('%I::text COLLATE "C"', a.attname), ', ' ORDER BY array_position(i.indkey::int2[], a.attnum))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1 ORDER BY 1;
"""
SETTINGS: Final = "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 3; SET bytea_output = 'hex';\n"


EMPTIED: Final = ("async_tasks", "async_tasks_entities", "business_entity_snapshot", "command_entities", "job", "step")
OLD_VM: Final = "the previous hosted-engine VM is removed with what belongs to it"
NEW_HOST: Final = "this host is registered"
NEW_DOMAIN: Final = "the new storage domain is registered"


@dataclass(frozen=True)
class Differs:
    """A table that a restore changes: why, and the part of it that has to be the same all the same."""

    why: str
    same: str = ""


DIFFERS: Final[dict[str, Differs]] = {
    **{f"public.{name}": Differs("engine-backup empties it: nobody would end that work") for name in EMPTIED},
    "public.engine_backup_log": Differs("the backup notes its own success after it was taken"),
    "aaa_jdbc.users": Differs("the administrator's password is set anew", "to_jsonb(t) - 'password' FROM {table} t"),
    "public.vdc_options": Differs("DbJustRestored is set", "* FROM {table} WHERE option_name <> 'DbJustRestored'"),
    "public.dwh_history_timekeeping": Differs(
        "nobody collects history at once", "* FROM {table} WHERE var_name <> 'DwhCurrentlyRunning'"
    ),
    "public.audit_log": Differs(
        f"{OLD_VM}; setup and registration leave entries",
        "to_jsonb(t) - 'vm_id', nullif(vm_id, '{old_vm}') FROM {table} t WHERE audit_log_id <= {last_entry}",
    ),
    **{
        f"public.{name}": Differs(OLD_VM, f"* FROM {{table}} WHERE {key} <> '{{old_vm}}'")
        for name, key in (
            ("snapshots", "vm_id"), ("vm_device", "vm_id"), ("vm_interface", "vm_guid"), ("vm_static", "vm_guid"),
            ("vm_statistics", "vm_guid"),
        )
    },
    "public.vm_dynamic": Differs(
        f"{OLD_VM}; a highly available VM is down until the engine starts it",
        "to_jsonb(t) - (CASE WHEN s.auto_startup THEN '{{status,run_on_vds}}' ELSE '{{}}' END)::text[] "
        "FROM {table} t JOIN vm_static s USING (vm_guid) WHERE vm_guid <> '{old_vm}'",
    ),
    **{
        f"public.{name}": Differs(
            NEW_HOST, "* FROM {table} WHERE vds_id NOT IN (SELECT vds_id FROM vds_static WHERE vds_name = '{host}')"
        )
        for name in ("vds_static", "vds_dynamic", "vds_statistics")
    },
    "public.storage_domain_static": Differs(
        f"the previous storage domain is renamed; {NEW_DOMAIN}",
        "to_jsonb(t) - 'storage_name', regexp_replace(storage_name, '^hosted_storage_old_[0-9]+T[0-9]+$', "
        "'hosted_storage') FROM {table} t WHERE id <> '{domain}'",
    ),
    "public.storage_domain_dynamic": Differs(NEW_DOMAIN, "* FROM {table} WHERE id <> '{domain}'"),
    "public.storage_pool_iso_map": Differs(NEW_DOMAIN, "* FROM {table} WHERE storage_id <> '{domain}'"),
    "public.storage_server_connections": Differs(NEW_DOMAIN, "* FROM {table} WHERE connection <> '{storage}'"),
}  # fmt: skip


def script(tables: dict[str, str]) -> str:
    """Write the psql script that counts each query's rows and hashes them in order."""
    parts = (
        f"\\echo = {name}\nSELECT count(*) FROM ({query}) q;\n\\copy ({query}) TO PROGRAM 'sha256sum'\n"
        for name, query in tables.items()
    )
    return SETTINGS + "".join(parts)


def read(printed: list[str]) -> dict[str, tuple[int, str]]:
    """Read what the script printed: rows and hash by name."""
    blocks = "\n".join(line for line in printed if line).split("= ")[1:]
    return {name: (int(rows), digest.split()[0]) for name, rows, digest in (block.split("\n")[:3] for block in blocks)}


class Source:
    """The databases the sample backup was made from."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def sql(self, database: str, text: str) -> list[str]:
        """Run SQL."""
        command = [
            str(PG_BIN / "psql"),
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(self.cluster.sockets),
        ]
        command += ["-U", "postgres", "-d", database]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def source(cache: Path) -> Iterator[Source]:
    """Start a copy of the source's data directory: a Unix socket, no network."""
    folder = short_folder()
    server = Cluster(folder)
    server.adopt(cache / "source/data")
    server.start()
    try:
        yield Source(server)
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def guest(deployed: Deployed) -> Guest:
    """Give the restored engine."""
    assert deployed.installer.code == 0, deployed.installer.text
    return deployed.guest


def compare(source: Source, guest: Guest, database: str, queries: dict[str, str]) -> set[str]:
    """Give the names of the queries whose rows differ."""
    there, here = (read(one.sql(database, script(queries))) for one in (source, guest))
    assert there.keys() == here.keys() == queries.keys()
    return {name for name in queries if there[name] != here[name]}


def columns(source: Source, guest: Guest, database: str) -> dict[str, str]:
    """Give every table with its key; they are the same in both."""
    found, restored = (dict(line.split("|", 1) for line in one.sql(database, TABLES)) for one in (source, guest))
    assert found == restored
    return found


@pytest.mark.parametrize(("database", "tables"), [(ENGINE, 38), (HISTORY, 6)])
def test_every_table_holds_what_it_held(source: Source, guest: Guest, database: str, tables: int) -> None:
    keys = columns(source, guest, database)
    assert len(keys) == tables
    assert all(keys.values()), "every table has a key to order by"
    whole = {name: f"SELECT * FROM {name} ORDER BY {key}" for name, key in keys.items()}
    assert compare(source, guest, database, whole) == (DIFFERS.keys() if database == ENGINE else set())


def test_what_differs_differs_only_as_far_as_it_says(source: Source, guest: Guest, deployed: Deployed) -> None:
    names = {
        "old_vm": source.sql(ENGINE, "SELECT vm_guid FROM vm_static WHERE origin = 6")[0],
        "last_entry": source.sql(ENGINE, "SELECT max(audit_log_id) FROM audit_log")[0],
        "host": "lab-host",
        "domain": deployed.site.domain_folder.name,
        "storage": str(deployed.site.storage),
    }
    parts = {table: one.same.format(table=table, **names) for table, one in DIFFERS.items() if one.same}
    queries = {
        table: f'SELECT q::text FROM (SELECT {part}) q ORDER BY q::text COLLATE "C"' for table, part in parts.items()
    }
    assert compare(source, guest, ENGINE, queries) == set()


def test_what_is_no_longer_true_is_put_right(source: Source, guest: Guest) -> None:
    questions = {
        **{f"{name} is empty": f"NOT EXISTS (TABLE {name})" for name in EMPTIED},
        "the previous VM is gone": "NOT EXISTS (SELECT FROM vms WHERE origin = 6)",
        "highly available VMs are down": "NOT EXISTS (SELECT FROM vms WHERE auto_startup AND status <> 0)",
        "the previous domain is renamed": (
            "EXISTS (SELECT FROM storage_domain_static WHERE storage_name ~ '^hosted_storage_old_[0-9]{8}T[0-9]{6}$')"
        ),
        "this host is there": "EXISTS (SELECT FROM vds_static WHERE vds_name = 'lab-host')",
        "it is told": "EXISTS (SELECT FROM vdc_options WHERE option_name = 'DbJustRestored' AND option_value = '1')",
    }
    query = "SELECT " + ",\n".join(questions.values())
    there, here = (one.sql(ENGINE, query)[0].split("|") for one in (source, guest))
    assert dict(zip(questions, there, strict=True)) == dict.fromkeys(questions, "f")
    assert dict(zip(questions, here, strict=True)) == dict.fromkeys(questions, "t")


def test_a_change_would_be_seen(source: Source, guest: Guest) -> None:
    keys = columns(source, guest, HISTORY)
    table = "public.vm_samples_history"
    key = f"FROM {table} ORDER BY {keys[table]} LIMIT 1"
    changed = f"BEGIN; UPDATE {table} SET vm_status = vm_status + 1 WHERE ctid = (SELECT ctid {key});\n"
    query = {table: f"SELECT * FROM {table} ORDER BY {keys[table]}"}
    before = read(source.sql(HISTORY, script(query)))
    during = read(source.sql(HISTORY, changed + script(query)))
    assert before != during
    assert [rows for rows, _ in before.values()] == [rows for rows, _ in during.values()]
    assert read(source.sql(HISTORY, script(query))) == before, "it was taken back"


def test_health_follows_the_database(guest: Guest) -> None:
    assert GOOD in guest.health()
    guest.output("systemctl", "stop", "postgresql")
    try:
        stopped = time.monotonic()
        while GOOD in guest.health():
            assert time.monotonic() - stopped < 10
        assert time.monotonic() - stopped < 10
    finally:
        guest.output("systemctl", "start", "postgresql")
    started = time.monotonic()
    while GOOD not in guest.health():
        assert time.monotonic() - started < 30
        time.sleep(0.5)
