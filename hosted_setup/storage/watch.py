"""Looks after storage while somebody waits for what works on it: what is wrong is told at once, and waited for."""

from __future__ import annotations

import shlex
from concurrent.futures import wait
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from hosted_setup.model.events import Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.model.values import MIB
from hosted_setup.pipeline.checking import begun
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.hypervisor import DomainState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from hosted_setup.ports.host import Host
    from hosted_setup.storage.domain import StorageDomain
    from hosted_setup.storage.layout import Layout

EVERY: Final = 3.0
"""Seconds between two looks."""

SILENT: Final = 5.0
"""Seconds without an answer, after which the storage counts as silent: with EVERY, it is told within ten."""

PATIENCE: Final = 300.0
"""Seconds that storage may take to come back."""

ROOM: Final = 64 * MIB
"""Free bytes below which a VM that was stopped by its storage is not let go on: it would stop again."""

_STOPS: Final = 3
"""How often in a row a VM may be let go on and be found stopped again, while all is well with its storage."""


class StorageLost(Problem):
    """The engine VM's storage went away while the VM worked, and did not come back in time."""

    code = "HE-STORAGE-LOST"
    title = "The engine VM has lost its storage"
    exit_code = ExitCode.FAILED


class StorageFilled(Problem):
    """The engine VM's storage has no room left, and got none in time."""

    code = "HE-STORAGE-FULL"
    title = "The engine VM's storage is full"
    exit_code = ExitCode.FAILED


class StorageWatch:
    """Looks at the storage of a running VM.

    A VM whose storage fails is stopped by the hypervisor, or hangs in a read or a write; either goes on from there.
    """

    def __init__(self, host: Host, domain: StorageDomain, vm: str) -> None:
        """Watch the storage domain in which the disk of the VM with the UUID `vm` lies."""
        self._host = host
        self._look = _Look(domain.on(host))
        self._home = domain.home
        self._vm = vm
        self._last = -EVERY
        self._why = ""
        self._full = False
        self._stops = 0

    def go_on(self) -> None:
        """Return at once while all is well; else tell what is wrong, and wait until the VM goes on.

        Raises:
            StorageLost, StorageFilled: it took too long.
        """
        why = self._trouble()
        if not why:
            return

        def well() -> bool | None:
            return None if self._trouble() else True

        what = _("the storage {storage} to come back: {why}", storage=self._home, why=why)
        self._host.reporter.emit(Warn(_("The engine VM has to wait for {what}", what=what)))
        try:
            wait_until(self._host, well, within=PATIENCE, what=what)
        except DeadlineExceeded as error:
            where, limit, command = str(self._home), PATIENCE * self._host.timeout_factor, self._home.command
            if self._full:
                detail = _("{storage} got no room within {limit:.0f} s", storage=where, limit=limit)
                hint = _("Make room, then go on where the engine VM has stopped; look at it with:")
                raise StorageFilled(detail, why=self._why, where=where, hint=hint, command=command) from error
            if self._stops > _STOPS:
                detail = _("the engine VM did not go on within {limit:.0f} s", limit=limit)
                hint = _("Switch the engine VM off, then resume: it is made anew.")
                command = f"virsh -c {shlex.quote(self._host.hypervisor.uri)} destroy {self._vm}"
                raise StorageLost(detail, why=self._why, where=where, hint=hint, command=command) from error
            detail = _("{storage} did not come back within {limit:.0f} s", storage=where, limit=limit)
            hint = _("Bring the storage back, then go on where the engine VM has stopped; look at it with:")
            raise StorageLost(detail, why=self._why, where=where, hint=hint, command=command) from error
        self._host.reporter.emit(Info(_("The storage is back; the engine VM goes on")))

    def _trouble(self) -> str:
        """Give what is wrong; have a VM that was stopped go on as soon as nothing is."""
        found = self._host.hypervisor.domain(self._vm)
        stopped = found is not None and found.state is DomainState.STALLED
        if not stopped and not self._why and self._host.clock.monotonic() < self._last + EVERY:
            return ""
        self._why = self._answer(stopped=stopped)
        self._last = self._host.clock.monotonic()
        self._stops = self._stops + 1 if stopped and not self._why else 0
        if self._stops:
            self._host.hypervisor.go_on(self._vm)
        if self._stops > _STOPS:  # as after a failed sync of a disk that the page cache is used for
            self._why = _("it answers, and yet an error of it stops the engine VM again and again")
        return self._why

    def _answer(self, *, stopped: bool) -> str:
        free = self._look.free()
        self._full = stopped and isinstance(free, int) and free < ROOM
        if self._full:
            return _("it is full ({free} MiB free)", free=int(free) // MIB)
        return "" if isinstance(free, int) else free


class _Look:
    """Asks a storage domain for its room, one question at a time: one that hangs is not asked again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._asked: Future[int] | None = None

    def free(self) -> int | str:
        """Give the free bytes, or why there is no answer; it takes SILENT seconds of real time, as a thread does."""
        asked = self._asked = self._asked or begun(self._layout.free)
        wait([asked], SILENT)
        if not asked.done():
            return _("no answer for {seconds:g} s", seconds=SILENT)
        self._asked = None
        try:
            return asked.result()
        except Problem as problem:
            return problem.why or problem.detail
        except OSError as error:
            return error.strerror or str(error)


@contextmanager
def told_meanwhile(host: Host, domain: StorageDomain) -> Iterator[None]:
    """Tell when the storage does not answer while a disk is written here, and when it does again.

    A thread tells it, as the writing may hang; that ends by the deadline of what writes.
    """
    look, over = _Look(domain.on(host)), Event()
    Thread(target=_tell, args=(host, domain, look, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _tell(host: Host, domain: StorageDomain, look: _Look, over: Event) -> None:
    lost = False
    while not over.wait(EVERY):
        why = look.free()
        if over.is_set():
            return
        if isinstance(why, str) and not lost:
            what = _("the storage {storage} to come back: {why}", storage=domain.home, why=why)
            host.reporter.emit(Warn(_("The copy of the disk has to wait for {what}", what=what)))
        elif lost and not isinstance(why, str):
            host.reporter.emit(Info(_("The storage is back; the copy of the disk goes on")))
        lost = isinstance(why, str)
