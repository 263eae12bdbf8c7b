"""Backup, restore, compare; and everything a restore refuses. Long: each rule of the restore has its case."""

from __future__ import annotations

import gzip
import hashlib
import io
import ssl
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.appliance.kit import PG_BIN, Cluster, Machine

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[Cluster, str], Machine]

TRUNCATED = ("async_tasks", "async_tasks_entities", "business_entity_snapshot", "command_entities", "job", "step")
CHANGED = ("vdc_options", "dwh_history_timekeeping", "vm_dynamic", "engine_backup_log")


def dump(cluster: Cluster, database: str, *without: str) -> list[str]:
    """Return a database's content as sorted lines, whoever owns it."""
    command = [str(PG_BIN / "pg_dump"), "-h", str(cluster.sockets), "-U", "postgres", "--no-owner", "--no-acl"]
    command += [f"--exclude-table-data={name}" for name in without]
    done = subprocess.run([*command, database], capture_output=True, text=True, check=True)
    return sorted(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as outer:
        return {
            entry.name.removeprefix("./"): content.read()
            for entry in outer
            if (content := outer.extractfile(entry)) is not None
        }


def write(target: Path, content: dict[str, bytes], *, hashes: bool = True) -> Path:
    """Write an archive from its members, with right hashes unless told otherwise."""
    content = dict(content)
    if hashes:
        lines = [
            f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items() if name != "sha256sum"
        ]
        content["sha256sum"] = "".join(lines).encode()
    with tarfile.open(target, "w:gz", compresslevel=1) as outer:
        for name, data in content.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(data)
            outer.addfile(entry, io.BytesIO(data))
    return target


@pytest.fixture
def fresh(machine: Machine, source: Machine, cluster: Cluster, make_machine: Make) -> Machine:
    """A machine to restore on: its archives name databases that are not there."""
    del cluster, make_machine, source
    return machine


class Pair:
    """A machine with data, and the archive of it, whose databases a test may remove."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.archive = machine.root / "a.backup"


def _clone(source: Machine, make_machine: Make, name: str) -> Machine:
    """Copy a machine: its databases under other names, its files with those names in them."""
    copy = make_machine(source.cluster, name)
    copy.setup()
    copy.psql("-q", "-1", "-f", str(source.root / "seed.sql"))
    return copy


@pytest.fixture(scope="session")
def lost(source: Machine, make_machine: Make) -> Pair:
    """A machine that was backed up and then lost: only the archive and what it held are left."""
    machine = _clone(source, make_machine, "lost")
    pair = Pair(machine)
    said = machine.backup(pair.archive)
    engine, history = machine.databases
    assert said.splitlines() == [
        "Backing up:",
        "Notifying engine",
        "- Files",
        f"- Engine database '{engine}'",
        f"- DWH database '{history}'",
        f"Packing into file '{pair.archive}'",
        "Notifying engine",
        "Done.",
    ]
    return pair


@pytest.fixture
def target(lost: Pair, make_machine: Make) -> Machine:
    """A fresh machine for the archive of ``lost``: the server has none of its databases."""
    lost.machine.drop()
    # The restored configuration names the socket folder of the lost machine, which is still there.
    return make_machine(lost.machine.cluster, "lost")


def test_backup_writes_the_shape_that_others_read(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(f"{archive}.log").stat().st_mode) == 0o600
    assert archive.read_bytes()[:2] == b"\x1f\x8b"
    content = members(archive)
    expected = {"files", "version", "os_version", "config", "sha256sum", "db/engine_backup.db", "db/dwh_backup.db"}
    assert set(content) == expected
    assert content["files"].startswith(b"\xfd7zXZ")
    assert content["config"].decode().splitlines() == [
        "DB_DUMP_COMPRESSOR=",
        "DB_DUMP_FORMAT=custom",
        "DWH_DB_DUMP_COMPRESSOR=",
        "DWH_DB_DUMP_FORMAT=custom",
    ]
    assert content["os_version"].decode().strip() == "debian12"
    with tarfile.open(archive) as outer:
        assert all(name == "." or name.startswith("./") for name in outer.getnames())
    with tarfile.open(fileobj=io.BytesIO(content["files"])) as inner:
        names = inner.getnames()
    assert "etc/pki/ovirt-engine/ca.pem" in names
    assert not any(name.startswith(("/", "./")) for name in names)


def test_restore_says_and_brings_back_everything(lost: Pair, target: Machine) -> None:
    engine, history = lost.machine.databases
    code, said = target.restore(lost.archive, "--provision-all-databases", "--restore-permissions")
    assert code == 0, said
    with tarfile.open(lost.archive) as outer:
        moment = outer.getmember("./db/engine_backup.db").mtime
    when = subprocess.run(
        ["date", "-u", "-d", f"@{int(moment)}", "+%Y-%m-%d %H:%M:%S.000000000 +0000"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    rule = "-" * 78
    assert said.splitlines() == [
        "Preparing to restore:",
        f"- Unpacking file '{lost.archive}'",
        "Restoring:",
        "- Files",
        "Provisioning PostgreSQL users/databases:",
        f"- user '{engine}', database '{engine}'",
        f"- user '{history}', database '{history}'",
        "Restoring:",
        f"- Engine database '{engine}'",
        f"  - Cleaning up temporary tables in engine database '{engine}'",
        "  - Resetting DwhCurrentlyRunning in dwh_history_timekeeping in engine database",
        rule,
        "Please note:",
        f"The engine database was backed up at {when} .",
        "Objects that were added, removed or changed after this date, such as virtual",
        "machines, disks, etc., are missing in the engine, and will probably require",
        "recovery or recreation.",
        rule,
        f"- DWH database '{history}'",
        "You should now run engine-setup.",
        "Done.",
    ]
    for table in TRUNCATED:
        assert target.psql("-c", f"TABLE {table}") == ""
    assert target.psql("-c", "SELECT option_value FROM vdc_options WHERE option_name = 'DbJustRestored'") == "1"
    running = "SELECT var_value FROM dwh_history_timekeeping WHERE var_name = 'DwhCurrentlyRunning'"
    assert target.psql("-c", running) == "0"
    up = "SELECT count(*) FROM vms WHERE auto_startup AND origin <> 6 AND (status <> 0 OR run_on_vds IS NOT NULL)"
    assert target.psql("-c", up) == "0"
    assert target.psql("-c", "SELECT count(*) FROM vms WHERE NOT auto_startup AND status = 1") != "0"
    ca = "etc/pki/ovirt-engine/ca.pem"
    assert (target.root / ca).read_text() == (lost.machine.root / ca).read_text()
    assert stat.S_IMODE((target.root / "etc/pki/ovirt-engine/private/ca.pem").stat().st_mode) == 0o600


def test_what_a_restore_does_not_touch_is_the_same(source: Machine, lost: Pair, target: Machine) -> None:
    code, said = target.restore(lost.archive, "--provision-all-databases", "--restore-permissions")
    assert code == 0, said
    own = (*CHANGED, *TRUNCATED, "users", "permissions", "audit_log", "aaa_jdbc.users", "schema_version")
    (engine, history) = (
        (dump(source.cluster, ours, *own), dump(source.cluster, theirs, *own))
        for ours, theirs in zip(source.databases, lost.machine.databases, strict=True)
    )
    assert len(engine[0]) > 2000
    assert engine[0] == engine[1]
    assert history[0] == history[1]


def test_temporary_data_can_be_kept(lost: Pair, target: Machine) -> None:
    code, said = target.restore(lost.archive, "--provision-all-databases", "--keep-temporary-data")
    assert code == 0, said
    assert "Cleaning up" not in said
    assert target.psql("-c", "SELECT count(*) FROM job") == "40"


def test_setup_after_restore_keeps_the_ca_and_the_old_password(lost: Pair, target: Machine) -> None:
    code, said = target.restore(lost.archive, "--provision-all-databases")
    assert code == 0, said
    before = (target.root / "etc/pki/ovirt-engine/ca.pem").read_text()
    said = target.setup(OVESETUP_CONFIG__adminPassword="", OVESETUP_CONFIG__fqdn="str:new.example.test")
    assert "Creating CA" not in said
    assert "database" not in said
    assert ssl.PEM_cert_to_DER_cert(before) == ssl.PEM_cert_to_DER_cert(
        (target.root / "etc/pki/ovirt-engine/ca.pem").read_text()
    )


def test_all_local_and_all_missing_provisions_without_being_told(lost: Pair, target: Machine) -> None:
    code, said = target.restore(lost.archive, "--restore-permissions")
    assert code == 0, said
    assert "Provisioning PostgreSQL users/databases:" in said


def test_hosted_engine_options(lost: Pair, target: Machine) -> None:
    code, said = target.restore(
        lost.archive, "--provision-all-databases", "--he-remove-storage-vm", "--he-remove-hosts"
    )
    assert code == 0, said
    assert target.psql("-c", "SELECT count(*) FROM vms WHERE origin = 6") == "0"
    assert target.psql("-c", "SELECT count(*) FROM storage_domains WHERE storage_name = 'hosted_storage'") == "0"
    assert target.psql("-c", "SELECT count(*) FROM vds WHERE ha_configured") == "0"
    assert target.psql("-c", "SELECT count(*) FROM vds") == "12"
    assert target.psql("-c", "SELECT count(*) FROM vms") == "300"


def test_a_database_that_is_not_empty_is_refused(lost: Pair, target: Machine) -> None:
    assert target.restore(lost.archive, "--provision-all-databases")[0] == 0
    code, said = target.restore(lost.archive, "--provision-all-databases")
    assert code == 1
    assert said.splitlines()[-1] == f"FATAL: Database '{lost.machine.databases[0]}' is not empty"


def test_an_active_engine_is_refused(lost: Pair, target: Machine) -> None:
    assert target.restore(lost.archive, "--provision-all-databases")[0] == 0
    with target.serving():
        code, said = target.restore(lost.archive, "--provision-all-databases")
    assert (code, said) == (1, "FATAL: Engine service is active - can not restore backup\n")


def test_permissions_must_be_chosen(lost: Pair, target: Machine) -> None:
    code, said = target.restore(lost.archive)
    assert code == 1
    assert "FATAL: '--restore-permissions' or '--no-restore-permissions' is required" in said
    assert not (target.root / "etc").exists()


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        ("4.5.0", True),
        ("4.5.7", True),
        ("4.5.8", False),
        ("4.5.10", False),
        ("4.4.10", True),
        ("4.3.11", False),
        ("4.6.0", False),
        ("5", False),
    ],
)
def test_the_version_rule(archive: Path, machine: Machine, version: str, taken: bool) -> None:  # noqa: FBT001 a case
    changed = write(machine.root / "x.backup", members(archive) | {"version": f"{version}\n".encode()})
    code, said = machine.run("backup.cli", "--mode=verify", f"--file={changed}", f"--log={machine.root}/v.log")
    assert code == (0 if taken else 1), said
    if not taken:
        assert f"FATAL: Backup version '{version}' doesn't match installed version '4.5.7'" in said


def _verify(machine: Machine, file: Path) -> str:
    code, said = machine.run("backup.cli", "--mode=verify", f"--file={file}", f"--log={machine.root}/v.log")
    assert code == 1, said
    return said.splitlines()[-1]


def test_verify_takes_a_good_archive(machine: Machine, archive: Path) -> None:
    said = machine.well("backup.cli", "--mode=verify", f"--file={archive}", f"--log={machine.root}/v.log")
    assert said.splitlines()[-1] == "Done."


def test_verify_refuses_damage(machine: Machine, archive: Path) -> None:
    good = members(archive)
    bad = machine.root / "bad.backup"
    whole = archive.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as a backup archive" in _verify(machine, bad)
    bad.write_bytes(whole[:-6])
    assert "cannot be read as a backup archive" in _verify(machine, bad)
    bad.write_bytes(b"not an archive")
    assert "cannot be read as a backup archive" in _verify(machine, bad)
    plain = bytearray(gzip.decompress(whole))
    plain[plain.index(b"PGDMP") + 20000] ^= 1
    bad.write_bytes(gzip.compress(bytes(plain), 1))
    assert "does not have the stated hash" in _verify(machine, bad)
    write(bad, {name: data for name, data in good.items() if name != "sha256sum"}, hashes=False)
    assert "has no hash file" in _verify(machine, bad)
    write(bad, {name: data for name, data in good.items() if name != "db/dwh_backup.db"}, hashes=False)
    assert "'db/dwh_backup.db' is not in the archive" in _verify(machine, bad)
    write(bad, good | {"sha256sum": good["sha256sum"].split(b"\n", 1)[1]}, hashes=False)
    assert "has no hash" in _verify(machine, bad)


def test_an_md5_archive_and_a_plain_tar_are_read(machine: Machine, archive: Path) -> None:
    content = {name: data for name, data in members(archive).items() if name != "sha256sum"}
    lines = [f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {name}\n" for name, data in content.items()]
    old = write(machine.root / "old.backup", content | {"md5sum": "".join(lines).encode()}, hashes=False)
    machine.well("backup.cli", "--mode=verify", f"--file={old}", f"--log={machine.root}/v.log")
    plain = machine.root / "plain.backup"
    plain.write_bytes(gzip.decompress(old.read_bytes()))
    machine.well("backup.cli", "--mode=verify", f"--file={plain}", f"--log={machine.root}/v.log")


def test_a_sparse_archive_is_read(machine: Machine, archive: Path) -> None:
    folder = machine.root / "sparse"
    (folder / "db").mkdir(parents=True)
    for name, data in members(archive).items():
        (folder / name).write_bytes(data)
    with (folder / "db/dwh_backup.db").open("ab") as holes:
        holes.truncate(32 << 20)
    names = sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "sha256sum"
    )
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "sha256sum").write_text("".join(lines))
    file = machine.root / "sparse.backup"
    subprocess.run(["tar", "-C", folder, "-cpSf", file, "."], check=True)
    assert file.stat().st_size < 16 << 20
    machine.well("backup.cli", "--mode=verify", f"--file={file}", f"--log={machine.root}/v.log")


def test_hostile_members_are_refused(machine: Machine, archive: Path, tmp_path: Path) -> None:
    good = members(archive)
    bad = machine.root / "bad.backup"
    assert "unexpected member" in _verify(machine, write(bad, good | {"../evil": b"x"}))
    assert "unexpected member" in _verify(machine, write(bad, good | {"db/more.db": b"x"}))
    with tarfile.open(bad, "w") as outer:
        link = tarfile.TarInfo("./files")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        outer.addfile(link)
    assert "unexpected member" in _verify(machine, bad)
    with tarfile.open(bad, "w") as outer:
        for _ in range(2):
            outer.addfile(tarfile.TarInfo("./version"))
    assert "is there twice" in _verify(machine, bad)
    assert "unknown key 'PATH'" in _verify(machine, write(bad, good | {"config": b"PATH=/evil\n"}))
    mark = tmp_path / "mark"
    for line in (f"DB_DUMP_FORMAT=$(touch {mark})", f"DB_DUMP_FORMAT=custom; touch {mark}", f"touch {mark}"):
        assert "not a KEY=value line" in _verify(machine, write(bad, good | {"config": f"{line}\n".encode()}))
    assert not mark.exists()


def _inner(*entries: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as inner:
        for entry in entries:
            inner.addfile(entry, io.BytesIO(b"x" * entry.size))
    return buffer.getvalue()


def _entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = kind, link, mode
    entry.size = 1 if kind == tarfile.REGTYPE else 0
    return entry


def test_hostile_files_are_refused(machine: Machine, archive: Path) -> None:
    good = members(archive)
    bad = machine.root / "bad.backup"
    for entry in (
        _entry("/etc/absolute"),
        _entry("etc/../../up"),
        _entry("etc/device", tarfile.CHRTYPE),
        _entry("etc/hard", tarfile.LNKTYPE, "etc/shadow"),
        _entry("etc/link", tarfile.SYMTYPE, "../../up"),
    ):
        assert "the archive's files hold" in _verify(machine, write(bad, good | {"files": _inner(entry)}))


def test_files_are_not_written_through_links_nor_with_setuid(machine: Machine, archive: Path) -> None:
    good = members(archive)
    outside = machine.root / "outside"
    outside.mkdir()
    tricky = _inner(
        _entry("etc/suid", mode=0o4755), _entry("etc/out", tarfile.SYMTYPE, str(outside)), _entry("etc/out/evil")
    )
    bad = write(machine.root / "bad.backup", good | {"files": tricky})
    code, said = machine.restore(bad, "--scope=files")
    assert code == 1
    assert "is a link; the backup's files are not written through it" in said
    assert not list(outside.iterdir())
    assert stat.S_IMODE((machine.root / "etc/suid").stat().st_mode) == 0o755


def test_files_of_the_installed_version_are_kept(machine: Machine, archive: Path) -> None:
    packaging = "etc/ovirt-engine-setup.conf.d/10-packaging.conf"
    (machine.root / packaging).parent.mkdir(parents=True)
    (machine.root / packaging).write_text("installed")
    changed = write(
        machine.root / "x.backup", members(archive) | {"files": _inner(_entry(packaging), _entry("etc/other"))}
    )
    assert machine.restore(changed, "--scope=files")[0] == 0
    assert (machine.root / packaging).read_text() == "installed"
    assert (machine.root / "etc/other").read_text() == "x"


def test_hooks_add_paths(machine: Machine) -> None:
    machine.setup()
    hooks = machine.root / "etc/ovirt-engine-backup/engine-backup-config.d"
    hooks.mkdir(parents=True)
    (machine.root / "etc/chrony.conf").write_text("pool example.test\n")
    (hooks / "10-chrony.sh").write_text('# time\nBACKUP_PATHS="${BACKUP_PATHS}\n/etc/chrony.conf\n/etc/not-there"\n')
    file = machine.root / "x.backup"
    machine.backup(file, "--scope=files")
    (machine.root / "etc/chrony.conf").unlink()
    assert machine.restore(file, "--scope=files")[0] == 0
    assert (machine.root / "etc/chrony.conf").read_text() == "pool example.test\n"
    (hooks / "20-evil.sh").write_text(f"touch {machine.root}/mark\n")
    code, said = machine.run("backup.cli", f"--file={file}", f"--log={file}.log", "--scope=files")
    assert code == 1
    assert "is supported" in said
    assert not (machine.root / "mark").exists()


@pytest.mark.parametrize("preset", ["--fast-restore", "--small-size", "--fast-backup"])
def test_presets_and_scopes_go_round(source: Machine, machine: Machine, preset: str) -> None:
    file = machine.root / "x.backup"
    source.backup(file, preset, "--scope=files", "--scope=dwhdb")
    content = members(file)
    assert "db/engine_backup.db" not in content
    name = f"change{preset.strip('-').replace('-', '')}"
    source.cluster.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'; ")
    source.cluster.sql(f"CREATE DATABASE {name} OWNER {name};")
    words = [
        "--change-dwh-db-credentials",
        f"--dwh-db-host={source.cluster.sockets}",
        f"--dwh-db-user={name}",
        f"--dwh-db-name={name}",
    ]
    files = (f"--file={file}", f"--log={machine.root}/r.log")
    words = ["--mode=restore", *files, "--no-restore-permissions", *words]
    code, said = machine.run("backup.cli", *words, OVIRT_DWH_DATABASE_PASSWORD="secret")
    assert code == 0, said
    assert dump(source.cluster, name) == dump(source.cluster, source.databases[1])
    conf = next(machine.root.rglob("etc/ovirt-engine-dwh/**/10-setup-database.conf"))
    assert f'DWH_DB_DATABASE="{name}"' in conf.read_text()
    assert "secret" not in (machine.root / "r.log").read_text()


def test_a_plain_dump_cannot_run_programs(machine: Machine, archive: Path) -> None:
    mark = machine.root / "mark"
    hostile = f"SELECT 1;\n\\! touch {mark}\n".encode()
    config = b"DB_DUMP_FORMAT=plain\nDB_DUMP_COMPRESSOR=\nDWH_DB_DUMP_FORMAT=plain\n"
    changed = write(machine.root / "x.backup", members(archive) | {"db/dwh_backup.db": hostile, "config": config})
    machine.setup()
    name = machine.databases[1]
    machine.cluster.sql(f'DROP DATABASE "{name}" WITH (FORCE);')
    machine.cluster.sql(f'CREATE DATABASE "{name}" OWNER "{name}";')
    code, said = machine.restore(changed, "--scope=dwhdb")
    assert code == 1
    assert "syntax error" in said
    assert not mark.exists()


def test_wrong_options_are_refused(machine: Machine, archive: Path) -> None:
    for words, message in (
        (["--db-host=x"], "--db-* options need --change-db-credentials"),
        (["--change-db-credentials", "--provision-db", "--db-host=x"], "exclude each other"),
        (["--change-db-credentials", "--db-host=x"], "--change-db-credentials needs --db-user"),
        (["--provision-keycloak-db"], "this engine has no keycloak database"),
        (["--db-restore-jobs=0"], "must be at least 1"),
        (["--scope=nothing"], "invalid choice: 'nothing'"),
    ):
        code, said = machine.restore(archive, *words)
        assert (code, message in said) == (1, True), said
    code, said = machine.run("backup.cli", f"--file={machine.root}/x", f"--log={machine.root}/x")
    assert "--file and --log must differ" in said
    code, said = machine.run("backup.cli", "--he-remove-hosts", f"--file={machine.root}/x", f"--log={machine.root}/y")
    assert "--he-remove-hosts is for mode restore only" in said
    assert code == 1
    assert [path.name for path in machine.root.iterdir()] == ["run"]
