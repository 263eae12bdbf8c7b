"""What the tests of the pipeline share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.pipeline.kit import make_host

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host that is a folder."""
    return make_host(tmp_path)
