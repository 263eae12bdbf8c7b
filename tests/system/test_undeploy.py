"""A reboot, then `hosted-engine cleanup`, of the deployment that the other tests used: the last of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import portrait
from tests.system.on_storage import rebooted
from tests.system.world import inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Deployed

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def test_the_engine_comes_back_after_a_reboot(deployed: Deployed) -> None:
    rebooted(deployed.site)


def test_cleanup_asks_first(deployed: Deployed) -> None:
    asked = deployed.site.run("cleanup")
    assert asked.code == 130, asked.text
    assert deployed.site.vm_name in inventory(deployed.site.lab)["domains"]


def test_cleanup_leaves_nothing(deployed: Deployed, cache: Path) -> None:
    site = deployed.site
    removed = site.run("cleanup", "--yes")
    assert removed.code == 0, removed.text
    assert inventory(site.lab, site.root, site.storage) == deployed.before
    assert {name: portrait(cache / name) for name in deployed.files} == deployed.files


def test_cleanup_again_has_nothing_to_do(deployed: Deployed) -> None:
    again = deployed.site.run("cleanup", "--yes")
    assert again.code == 0, again.text
    assert "nothing to clean up" in again.text
