"""The unit that connects the storage at each boot.

It is wanted by a drop-in of multi-user.target, which is a file like others: what is written can be taken back.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from hosted_setup.domain.templates import render
from hosted_setup.storage.connections import connections_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hosted_setup.ports.host import Host

UNIT: Final = "hosted-engine-storage.service"
_USUAL: Final = "qemu:///system"
_ESCAPED: Final = (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"))


def files(host: Host) -> dict[Path, str]:
    """Give the unit, and what has it started."""
    if not connections_of(host.run_dir) or "systemd" not in host.machine.processes():
        return {}
    folder = host.paths.root / "etc/systemd/system"
    return {
        folder / UNIT: render("hosted-engine-storage.service.j2", command=" ".join(map(_quoted, _command(host)))),
        folder / "multi-user.target.d/hosted-engine-storage.conf": f"[Unit]\nWants={UNIT}\n",
    }


def _command(host: Host) -> Iterator[str]:
    yield from (sys.executable, "-P", "-m", "hosted_setup.cli", "connect-storage")
    if host.paths.root.parent != host.paths.root:
        yield f"--root={host.paths.root}"
    if host.hypervisor.uri != _USUAL:
        yield f"--libvirt-uri={host.hypervisor.uri}"


def _quoted(word: str) -> str:
    """Quote a word for a unit's command line; see systemd.service(5)."""
    for plain, escaped in _ESCAPED:
        word = word.replace(plain, escaped)
    return f'"{word}"'
