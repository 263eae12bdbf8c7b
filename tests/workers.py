"""Which tests may run side by side, with `-n 2`: those of different files.

The files that share the one undisturbed deployment are one to that end. What has a VM comes first then, as it takes the
longest, and everything else fills the time that is left beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

VMS: Final = Path(__file__).with_name("system")
FIRST: Final = ("test_deploy", "test_restore", "test_secrets", "test_kill")
LAST: Final = "test_undeploy"
"""The files in `VMS` that share a deployment, the last of which removes it."""


class Files(LoadScopeScheduling):
    """Gives a worker all tests of a file, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        """Name the file, or what stands for several."""
        file = self.config.rootpath / nodeid.partition("::")[0]
        return str(VMS if file.parent == VMS and file.stem in {*FIRST, LAST} else file)


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process runs a part of the tests, for another one that collects what comes of them."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Have them given out by files."""
    return Files(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have those with a VM first."""
    if is_worker(config):
        items.sort(key=lambda item: VMS not in item.path.parents)
