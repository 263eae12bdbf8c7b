"""The command engine-backup."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..conf import ConfigurationError
from ..console import Console, ToolError
from ..postgres import DatabaseError
from .create import backup
from .options import parse_options
from .restore import restore, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

MODES = {"backup": backup, "restore": restore, "verify": verify}


def main(argv: Sequence[str] | None = None) -> int:
    """Run; the exit code is 0, or 1 after a line that starts with FATAL."""
    try:
        options = parse_options(sys.argv[1:] if argv is None else argv)
        options.file.parent.mkdir(parents=True, exist_ok=True)
        console = Console(options.log)
    except (ToolError, ConfigurationError, OSError) as problem:
        sys.stderr.write(f"FATAL: {problem}\n")
        return 1
    with console:
        console.log(f"Start of engine-backup with mode '{options.mode}', scope: {options.scope_name}")
        console.log(f"archive file: {options.file}, log file: {options.log}")
        try:
            MODES[options.mode](options, console)
        except (ToolError, DatabaseError, ConfigurationError, OSError) as problem:
            console.complain(f"FATAL: {problem}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
