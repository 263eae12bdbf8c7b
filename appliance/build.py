#!/usr/bin/env python3
"""Build the reference appliance, or name the copy that was built before.

    python3 appliance/build.py            # as root; prints the resulting directory as its last line

The result is cached under ``${HOSTED_ENGINE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/hosted-engine}/appliance/``
by the hash of everything that goes into it. Only the standard library is needed: this runs before any
virtual environment exists.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a file: make the folder above importable instead of this one
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from appliance.recipe.cli import main

if __name__ == "__main__":
    sys.exit(main())
