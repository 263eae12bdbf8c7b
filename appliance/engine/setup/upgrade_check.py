"""The command engine-upgrade-check: is there more to set up than was set up?"""

from __future__ import annotations

import sys

from .. import paths
from ..answers import read_answers

NONE, AVAILABLE = 1, 0  # as oVirt's: success means that there is an upgrade


def main() -> int:
    """Compare what is installed with what engine-setup last ran for."""
    was = None
    if paths.SETUP_CONF.exists():
        was = read_answers([paths.SETUP_CONF]).text("OVESETUP_CORE/generatedByVersion")
    if was == paths.VERSION:
        sys.stdout.write("No upgrade\n")
        return NONE
    sys.stdout.write(f"Upgrade available: set up for {was or 'nothing yet'}, installed {paths.VERSION}.\n")
    return AVAILABLE


if __name__ == "__main__":
    sys.exit(main())
