"""The wizard on a pretended host beside a file system whose server never answers.

Arguments: the folder that hangs, then those of `wizard_program`. It runs in a mount namespace of its own, as
`unshare --mount` makes one. The file system is a real one, of FUSE: nobody reads the requests of the kernel.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from tests.dialog import wizard_program


def _mount(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    requests = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={requests},rootmode=40000,user_id=0,group_id=0"
    if libc.mount(b"hung", bytes(folder), b"fuse", 0, options.encode()):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    _mount(Path(sys.argv[1]))
    sys.exit(wizard_program.main(Path(sys.argv[2]), *sys.argv[3:]))
