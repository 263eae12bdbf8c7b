"""What a shared file system has to be good for, proven before anything is built; a proof leaves nothing behind."""

from __future__ import annotations

import errno
import re
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from hosted_setup.domain.domain_mark import LIMIT, DomainMark
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.ports.mounts import ProvingTree
from hosted_setup.ports.trees import Kind, SlowServerError, Tree, unfinished

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BLOCK: Final = 512  # what sanlock writes for each host at each renewal
_LONGEST: Final = 4 / 3
"""How much longer than one proof another one takes at most, on a server that is evenly slow."""
PROVEN_WITHIN: Final = 7.5
"""Seconds for all proofs of a storage; its check has ten, and looks for the room there is besides."""


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
        """Remove what a proof that failed has left; a server that has not answered in time is not asked for more."""
        for name in (self.file, self.moved, self.direct, unfinished(self.file)):
            try:
                tree.remove(name)
            except TimeoutError:
                return
            except OSError:  # it is not there, for one
                continue


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


class Pace:
    """Whether a server is fast enough for all proofs to end in time; where it is not, they end between two of them.

    So nothing of theirs is left on a server that is slow to remove it, too.

    Args:
        within: seconds from now on until the last proof has to end.
        looks: how many looks at a folder take as long as a proof, which asks the server more often.
    """

    def __init__(self, within: float, looks: float) -> None:
        """Begin."""
        self._within = within
        self._begun = self._last = time.monotonic()
        self._next = looks

    def mark(self) -> None:
        """Measure from here, where the first look begins; a mount before it is not asked for again and again."""
        self._last = time.monotonic()

    def look_again(self, tree: Tree) -> None:
        """Have another look where the first one was too long, and there is time for it: the server may have slept."""
        now = time.monotonic()
        gone, took = now - self._begun, now - self._last
        if gone + took * self._next > self._within >= gone + took:
            self.mark()
            tree.names("")

    def keep(self) -> None:
        """Go on to the next proof where there is time for it, as the look or the proof before it tells.

        Raises:
            SlowServerError: there is none.
        """
        now = time.monotonic()
        gone, more = now - self._begun, (now - self._last) * self._next
        if gone + more > self._within:
            why = _(
                "after {gone:.1f} s the next proof would take {more:.1f} s, and all of them have {within:g} s",
                gone=gone,
                more=more,
                within=self._within,
            )
            raise SlowServerError(errno.ETIMEDOUT, why)
        self._last, self._next = now, _LONGEST


SLOW: Final = 2.0
"""Seconds for one synced block from which sanlock suffers: it gives up a read or write after 10."""


def slowness(looking: AbstractContextManager[Tree], run_id: str, pace: Pace) -> tuple[float, str] | None:
    """Give the seconds and the reason why they are too many; None for what is fast, or cannot be measured in time."""
    probe = Probe(f"{run_id}-latency")
    try:
        with looking as tree:
            pace.mark()
            if domains(tree, run_id):
                return None  # nothing in it is touched
            pace.look_again(tree)
            pace.keep()
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
    """Measure how long a lease's block takes to be written and synced, in a file of its own."""
    begun = time.monotonic()
    tree.make_file(probe.file, 0o600, [bytes(_BLOCK)])
    took = time.monotonic() - begun
    tree.remove(probe.file)
    return took


def _description(content: bytes) -> str:
    """Give what vdsm calls the domain: `DESCRIPTION=` in its metadata."""
    lines = content.decode("utf-8", "replace").splitlines()
    told = [line.partition("=")[2] for line in lines if line.startswith("DESCRIPTION=")]
    return told[0] if told and told[0].isprintable() else _("without a name")
