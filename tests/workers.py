"""Which tests may run side by side, with `-n 2`: those of different files.

What has a VM is one file to that end, and the last: a VM takes three times as long on two cores when anything else runs
beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

VMS: Final = Path(__file__).with_name("system")


class Files(LoadScopeScheduling):
    """Gives a worker all tests of a file, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        """Name the file, or what stands for all files with a VM."""
        file = self.config.rootpath / nodeid.partition("::")[0]
        return str(VMS if VMS in file.parents else file)


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process runs a part of the tests, for another one that collects what comes of them."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Have them given out by files."""
    return Files(config, log)
