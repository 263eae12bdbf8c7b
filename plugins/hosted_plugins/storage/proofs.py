"""What a shared file system has to be good for, proven before anything is built; a proof leaves nothing behind."""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final

from hosted_setup.domain.domain_mark import LIMIT, DomainMark
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.ports.mounts import ProvingTree
from hosted_setup.ports.trees import Kind, Tree, unfinished

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BLOCK: Final = 512  # what sanlock writes for each host at each renewal


class StorageTaken(Problem):
    """There is a storage domain of another engine, or of another run, in it."""

    code = "HE-STORAGE-TAKEN"
    title = "The storage holds a storage domain already"


@dataclass(frozen=True)
class Probe:
    """The names of the files of a run's proofs."""

    run_id: str

    @property
    def file(self) -> str:
        """Give the file that is written."""
        return f".hosted-engine-probe-{self.run_id}"

    @property
    def moved(self) -> str:
        """Give its second name."""
        return f"{self.file}-moved"

    @property
    def direct(self) -> str:
        """Give the file that is written past the cache."""
        return f"{self.file}-direct"

    def clear(self, tree: Tree) -> None:
        """Remove what a proof that failed has left."""
        for name in (self.file, self.moved, self.direct, unfinished(self.file)):
            with suppress(OSError):
                tree.remove(name)


def domains(tree: Tree, run_id: str) -> tuple[str, ...]:
    """Give the words for each storage domain in it that is not this run's own, ours or oVirt's."""
    found = []
    for name in tree.names(""):
        if not _UUID.fullmatch(name) or tree.kind(f"{name}/dom_md/metadata") is not Kind.FILE:
            continue
        content = tree.read(f"{name}/dom_md/metadata", LIMIT)
        try:
            mark = DomainMark.decode(content)
        except ValueError:
            found.append(_("{name}, of oVirt or another program: {words}", name=name, words=_description(content)))
            continue
        if mark.run != run_id:
            found.append(_("{name} ({words}), made by run {run}", name=name, words=mark.name, run=mark.run))
    return tuple(found)


def write(tree: Tree, probe: Probe) -> None:
    """Write a file, sync it, and read it again."""
    content = probe.run_id.encode()
    tree.make_file(probe.file, 0o600, [content])
    if tree.read(probe.file, LIMIT) != content:
        raise OSError(_("what was written is not what is read"))
    tree.remove(probe.file)


def rename(tree: Tree, probe: Probe) -> None:
    """Write a file whole by its second name, never over another, and move it."""
    tree.write(probe.file, b"1", 0o600, new=True)
    tree.rename(probe.file, probe.moved)
    tree.remove(probe.moved)


def direct(tree: ProvingTree, probe: Probe) -> None:
    """Write past the page cache, as QEMU and sanlock do."""
    tree.write_directly(probe.direct)
    tree.remove(probe.direct)


def lock(tree: ProvingTree, probe: Probe) -> None:
    """Lock a file against another process, as QEMU does."""
    tree.make_file(probe.file, 0o600)
    tree.lock(probe.file)
    tree.remove(probe.file)


SLOW: Final = 2.0
"""Seconds for one synced block from which sanlock suffers: it gives up a read or write after 10."""


def slowness(looking: AbstractContextManager[Tree], run_id: str) -> tuple[float, str] | None:
    """Give the seconds and the reason why they are too many; None for what is fast, or cannot be measured now."""
    probe = Probe(f"{run_id}-latency")
    try:
        with looking as tree:
            if domains(tree, run_id):
                return None  # nothing in it is touched
            try:
                took = seconds(tree, probe)
            except OSError:
                probe.clear(tree)
                return None
    except (Problem, OSError):
        return None
    return (took, lost_leases()) if took > SLOW else None


def lost_leases() -> str:
    """Give the reason why it must not be slow."""
    return _("sanlock loses a lease whose storage does not answer within 10 s")


def seconds(tree: Tree, probe: Probe) -> float:
    """Measure how long a lease's block takes to be written and synced; the first look is not counted."""
    tree.make_file(probe.file, 0o600)
    begun = time.monotonic()
    tree.write(probe.file, bytes(_BLOCK), 0o600)
    took = time.monotonic() - begun
    tree.remove(probe.file)
    return took


def _description(content: bytes) -> str:
    """Give what vdsm calls the domain: `DESCRIPTION=` in its metadata."""
    lines = content.decode("utf-8", "replace").splitlines()
    told = [line.partition("=")[2] for line in lines if line.startswith("DESCRIPTION=")]
    return told[0] if told and told[0].isprintable() else _("without a name")
