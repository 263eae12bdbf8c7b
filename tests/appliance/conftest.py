"""Fixtures: one PostgreSQL server for the folder, appliances under prefixes."""

from __future__ import annotations

import itertools
import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.appliance.kit import REPOSITORY, Cluster, Machine, short_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEEDS = REPOSITORY / "appliance/seed"
_numbers = itertools.count()


@contextmanager
def running() -> Iterator[Cluster]:
    """Run a database server of its own."""
    folder = short_folder()
    server = Cluster(folder)
    server.initialize()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def own_cluster() -> Iterator[Cluster]:
    """A server that tests may stop."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def make_machine() -> Iterator[Callable[[Cluster, str | None], Machine]]:
    """Make appliances; a name given again stands for the same databases on another machine."""
    with ExitStack() as made:

        def make(server: Cluster, name: str | None = None) -> Machine:
            root = short_folder()
            machine = Machine(root, server, name or f"m{next(_numbers)}")
            made.callback(shutil.rmtree, root)
            return machine

        yield make


@pytest.fixture
def machine(cluster: Cluster, make_machine: Callable[[Cluster], Machine]) -> Machine:
    """A machine on which nothing was set up."""
    return make_machine(cluster)


@pytest.fixture(scope="session")
def source(cluster: Cluster, make_machine: Callable[[Cluster], Machine]) -> Machine:
    """A machine that is set up and has data; tests only read it."""
    engine = make_machine(cluster)
    engine.setup()
    seeds = engine.root / "seed.sql"
    seeds.write_text((SEEDS / "engine.sql").read_text())
    engine.psql("-q", "-1", "-f", str(seeds))
    return engine


@pytest.fixture(scope="session")
def archive(source: Machine) -> Path:
    """A backup of ``source``."""
    file = source.root / "engine.backup"
    source.backup(file)
    return file
