"""Where the hosted engine was, out of backups and dumps that the tools of PostgreSQL make here and now."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.domain.archive import ArchiveFacts, read_archive
from hosted_setup.domain.engine_place import OldDomain, OldEngine, Place, read_engine
from hosted_setup.domain.inflate import CHUNK
from tests.appliance.kit import PG_BIN, REPOSITORY, Cluster, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = REPOSITORY / "tests/unit/domain/data/engine-place.sql"
DUMP = (str(PG_BIN / "pg_dump"), "-w", "-U", "postgres", "-E", "UTF8", "--disable-dollar-quoting", "--disable-triggers")


def facts_of(archive: Path) -> ArchiveFacts:
    with archive.open("rb") as stream:
        return read_archive(stream, name="a", expanded_limit=1 << 30)


@pytest.mark.parametrize("compressor", ["None", "gzip", "bzip2", "xz"])
def test_a_backup_tells_where_the_hosted_engine_was(source: Machine, tmp_path: Path, compressor: str) -> None:
    archive = tmp_path / "engine.backup"
    source.backup(archive, f"--db-compressor={compressor}")
    facts = facts_of(archive)
    assert facts.place == Place("Default", "Default")
    names = ("hosted_storage", "default-master", *(f"data{number}" for number in range(2, 9)))
    assert set(facts.domains) == {
        OldDomain(name, f"nas{number}.example.test:/exports/vm{number}") for number, name in enumerate(names)
    }
    assert len(facts.domains) == len(names)


def test_a_plain_dump_is_not_read(source: Machine, tmp_path: Path) -> None:
    archive = tmp_path / "engine.backup"
    source.backup(archive, "--db-dump-format=plain")
    facts = facts_of(archive)
    assert (facts.place, facts.domains) == (None, ())


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[str]:
    cluster.sql("CREATE DATABASE place;")
    cluster.sql(SCHEMA.read_text(), "place")
    yield "place"
    cluster.sql("DROP DATABASE place;")


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("piped", [True, False])
def test_a_dump_of_each_level_through_a_pipe_or_not(
    cluster: Cluster, database: str, tmp_path: Path, piped: bool, level: int  # noqa: FBT001 - a parameter
) -> None:  # fmt: skip
    command = [*DUMP, "-h", str(cluster.sockets), "--format=custom", f"--compress={level}", database]
    target = tmp_path / "dump"
    with target.open("wb") as file:
        if piped:
            file.write(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        else:
            subprocess.run(command, stdout=file, check=True)
    with target.open("rb") as dump:
        told = read_engine(iter(lambda: dump.read(CHUNK), b""))
    assert told == OldEngine(Place("Vienna", "Racks_2"))
