"""Storage that goes away under a deploy and comes back: told within seconds, waited for, gone on with."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.nfs_server import SERVER, Export, NfsServer
from tests.system.guest import GOOD, Guest
from tests.system.installer import Site
from tests.system.world import inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.system.installer import Installer

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

TOLD_WITHIN: Final = 10.0
WAITS: Final = "The engine VM has to wait for the storage"
RESTORING: Final = "|- Preparing to restore"


@contextmanager
def nfs(lab: Laboratory, name: str) -> Iterator[tuple[NfsServer, Path, dict[str, str]]]:
    """Give a server, the folder behind its export, and the answers that choose it."""
    folder = lab.folder(name)
    os.chown(folder, 36, 36)
    answers = {
        "OVEHOSTED_STORAGE/domainType": "str:nfs",
        "OVEHOSTED_STORAGE/storageDomainConnection": f"str:{SERVER}:/export",
    }
    with NfsServer(lab, {"/export": Export(folder)}) as server:
        yield server, folder, answers


def breaks(installer: Installer, when: str, deed: Callable[[], object]) -> list[str]:
    """Do it when the installer has said `when`; give what is told of it in time."""
    installer.until(when, within=1500)
    begun = time.monotonic()
    deed()
    installer.until(WAITS, within=120)
    assert time.monotonic() - begun < TOLD_WITHIN, installer.text
    return [line for _, line in installer.lines if WAITS in line]


def cleaned(site: Site) -> None:
    """See the engine well, and the run taken away."""
    assert GOOD in Guest.of(site).health()
    done = site.run("cleanup", "--yes")
    assert done.code == 0, done.text


def test_a_server_that_is_started_again_is_waited_for(place: Laboratory, cache: Path) -> None:
    with nfs(place, "export-again") as (server, folder, answers):
        site = Site.make(place, "la", cache / "engine.ova", cache / "sample.backup", answers)
        before = inventory(place, site.root, folder)
        installer = site.start(*site.deploy_words())
        (told,) = breaks(installer, RESTORING, server.stop)
        assert f"nfs://{SERVER}/export" in told
        assert "Connection refused" in told
        server.start()
        assert installer.finish(1500) == 0, installer.text
        assert "The storage is back; the engine VM goes on" in installer.text
        cleaned(site)
        assert inventory(place, site.root, folder) == before
