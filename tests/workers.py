"""Which tests may run side by side, with `--dist=loadgroup -n 2`: those of different files.

What has a VM is one file to that end, as two VMs at a time would be too many for two cores. It comes first then,
as it takes the longest, and everything else runs beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

VMS: Final = Path(__file__).with_name("system")


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process runs a part of the tests, for another one that collects what comes of them."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name the group of each test."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(VMS if VMS in item.path.parents else item.path)))
    if is_worker(config):
        items.sort(key=lambda item: VMS not in item.path.parents)
