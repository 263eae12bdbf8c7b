"""The build host: running programs, telling what is missing, timing steps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NEEDED = {  # program or file: the Debian package that brings it
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "qemu-img": "qemu-utils",
    "grub-mkimage": "grub-common",
    "/usr/lib/grub/i386-pc/boot.img": "grub-pc-bin",
    "/usr/lib/grub/x86_64-efi/kernel.img": "grub-efi-amd64-bin",
    "mformat": "mtools",
    "cpio": "cpio",
    "unshare": "util-linux",
    "ip": "iproute2",
}

# Debian keeps some of these in sbin, which is not everywhere in root's PATH.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    **{key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")},
}


class BuildError(Exception):
    """The build cannot go on; the text is the one line the operator gets."""


def check() -> None:
    """Refuse early, naming everything that is missing at once."""
    if os.geteuid() != 0:
        message = "the appliance must be built by root (it makes a file tree with other owners)"
        raise BuildError(message)
    missing = {package for tool, package in NEEDED.items() if not _present(tool)}
    if missing:
        message = f"missing tools; install them with: apt-get install {' '.join(sorted(missing))}"
        raise BuildError(message)


def _present(tool: str) -> bool:
    if tool.startswith("/"):
        return Path(tool).exists()
    return shutil.which(tool, path=ENVIRONMENT["PATH"]) is not None


def run(
    argv: Sequence[str | Path],
    *,
    text_input: str | None = None,
    cwd: Path | None = None,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return what it printed; its errors become ours."""
    done = subprocess.run(
        [str(item) for item in argv],
        input=text_input,
        cwd=cwd,
        env={**ENVIRONMENT, **(extra or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-12:]
        message = f"{Path(argv[0]).name} failed with exit code {done.returncode}: " + " | ".join(last)
        raise BuildError(message)
    return done.stdout


def isolated(*namespaces: str) -> list[str]:
    """Return the words before a command that run it in namespaces which end with us, however we end."""
    kinds = [f"--{name}" for name in ("mount", "pid", *namespaces)]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *kinds, "--fork", "--kill-child", "--"]


@contextmanager
def lap(what: str) -> Iterator[None]:
    """Tell on standard error what is going on and how long it took."""
    start = time.monotonic()
    sys.stderr.write(f"appliance: {what} ...\n")
    sys.stderr.flush()
    yield
    sys.stderr.write(f"appliance: {what}: {time.monotonic() - start:.1f} s\n")
    sys.stderr.flush()
