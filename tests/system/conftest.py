"""A real libvirt, a real VM: one deployment for all, made first and taken away last."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from appliance.recipe import cli
from tests.lab.laboratory import Laboratory
from tests.system.guest import Guest
from tests.system.installer import Installer, Site
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

# What needs the deployment comes first, so that its VM takes nothing from the tests after it.
FIRST: Final = (
    "test_deploy", "test_restore", "test_secrets", "test_kill", "test_images", "test_failures", "test_undeploy",
)  # fmt: skip


@dataclass(frozen=True)
class Deployed:
    """The undisturbed deployment, and what was seen while it was made."""

    site: Site
    installer: Installer
    files: dict[str, tuple[int, int, int, str]]
    before: dict[str, list[str]]

    @property
    def guest(self) -> Guest:
        """Give the way into the engine VM."""
        return Guest.of(self.site)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put this folder last, and in it the deployment, what uses it, and what removes it, first."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.path.parent != Path(__file__).parent:
        return 0
    name = item.path.stem
    return 1 + (FIRST.index(name) if name in FIRST else len(FIRST))


def portrait(path: Path) -> tuple[int, int, int, str]:
    """Give owner, group, mode and hash of a file."""
    status = path.stat()
    with path.open("rb") as file:
        return status.st_uid, status.st_gid, status.st_mode, hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="session")
def cache() -> Path:
    """Give the folder of the reference appliance."""
    return cli.find_or_build()


@pytest.fixture(scope="session")
def place() -> Iterator[Laboratory]:
    """Give a laboratory of these tests' own: others tidy theirs up after each test."""
    with Laboratory() as laboratory:
        yield laboratory


@pytest.fixture(scope="session")
def deployed(place: Laboratory, cache: Path) -> Deployed:
    """Deploy once, undisturbed; how it ended is for the tests to say."""
    site = Site.make(place, "good", cache / "engine.ova", cache / "sample.backup")
    files = {name: portrait(cache / name) for name in ("engine.ova", "sample.backup")}
    before = inventory(place, site.root, site.storage)
    return Deployed(site, site.run(*site.deploy_words()), files, before)
