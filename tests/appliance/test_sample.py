"""The built result: its sample backup restores to what its source databases hold. Built first, if it is not there."""

from __future__ import annotations

import json
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from appliance.recipe import cli
from tests.appliance.kit import Cluster, Machine, short_folder
from tests.appliance.test_restore import CHANGED, TRUNCATED, dump

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def result() -> Path:
    return cli.find_or_build()


@pytest.fixture(scope="module")
def origin(result: Path) -> Iterator[Cluster]:
    """The source databases, running from a copy."""
    folder = short_folder()
    server = Cluster(folder)
    server.adopt(result / "source/data")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_the_sample_restores_to_its_source(result: Path, origin: Cluster, machine: Machine) -> None:
    words = ["--no-restore-permissions"]
    for prefix, name in zip(("", "dwh-"), machine.databases, strict=True):
        machine.cluster.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'; ")
        machine.cluster.sql(f"CREATE DATABASE {name} OWNER {name};")
        words += [f"--change-{prefix}db-credentials", f"--{prefix}db-host={machine.root}/run/postgresql"]
        words += [f"--{prefix}db-user={name}", f"--{prefix}db-name={name}", f"--{prefix}db-password=secret"]
    code, said = machine.restore(result / "sample.backup", *words)
    assert code == 0, said
    for ours, theirs in zip(machine.databases, ("engine", "ovirt_engine_history"), strict=True):
        different = (*CHANGED, *TRUNCATED)
        assert dump(machine.cluster, ours, *different) == dump(origin, theirs, *different)
    for table in TRUNCATED:
        assert origin.sql(f"TABLE {table} LIMIT 1", "engine")
        assert not machine.cluster.sql(f"TABLE {table} LIMIT 1", machine.databases[0])
    samples = "SELECT (SELECT count(*) FROM host_samples_history) + (SELECT count(*) FROM vm_samples_history)"
    assert origin.sql(samples, "ovirt_engine_history") == ["225000"]
    assert origin.sql("SELECT vm_name, status FROM vms WHERE origin = 6", "engine") == ["HostedEngine|1"]
    assert origin.sql("SELECT status FROM storage_domains WHERE storage_name = 'hosted_storage'", "engine") == ["3"]


def test_the_result_is_complete(result: Path) -> None:
    names = {path.name for path in result.iterdir()}
    assert names == {"engine.qcow2", "engine.ova", "engine-gz.ova", "engine-appliance.conf", "sample.backup", "source"}
    about = json.loads((result / "source/about.json").read_text())
    assert about["engine"] == "4.5.7"
    conf = dict(line.split("=", 1) for line in (result / "engine-appliance.conf").read_text().splitlines())
    assert conf["path"] == str(result / "engine.ova")
    with tarfile.open(result / "engine.ova") as ova:
        sizes = {member.size for member in ova}
    assert (result / "engine.qcow2").stat().st_size in sizes
