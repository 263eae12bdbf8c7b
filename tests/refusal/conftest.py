"""A site in the laboratory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.refusal.site import Program, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.laboratory import Laboratory


@pytest.fixture(scope="session")
def hosted_engine(lab: Laboratory) -> Iterator[Program]:
    program = Program(lab)
    yield program
    program.close()


@pytest.fixture
def site(lab: Laboratory, hosted_engine: Program) -> Site:
    return Site(lab, lab.folder("r"), hosted_engine)


@pytest.fixture
def mounted(site: Site) -> Iterator[Site]:
    """Give a site with a place of its own to mount things at; they are unmounted at the end."""
    place = site.folder / "mounted"
    place.mkdir()
    yield site
    site.inside("umount", place)
