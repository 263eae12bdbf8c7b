"""Looks after a VM's storage while somebody waits for the VM: what is wrong there is told, and waited for, at once."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, Final

from hosted_setup.model.events import Info, Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.model.values import MIB
from hosted_setup.pipeline.checking import begun
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.hypervisor import DomainState

if TYPE_CHECKING:
    from concurrent.futures import Future

    from hosted_setup.ports.host import Host
    from hosted_setup.storage.domain import StorageDomain

EVERY: Final = 3.0
"""Seconds between two looks."""

SILENT: Final = 5.0
"""Seconds without an answer, after which the storage counts as silent: with EVERY, it is told within ten."""

PATIENCE: Final = 300.0
"""Seconds that storage may take to come back."""

ROOM: Final = 64 * MIB
"""Free bytes below which a VM that was stopped by its storage is not let go on: it would stop again."""


class StorageLost(Problem):
    """The engine VM's storage went away while the VM worked, and did not come back in time."""

    code = "HE-STORAGE-LOST"
    title = "The engine VM has lost its storage"
    exit_code = ExitCode.FAILED


class StorageWatch:
    """Looks at the storage of a running VM.

    A VM whose storage fails is stopped by the hypervisor, or hangs in a read or a write; either goes on from there.
    """

    def __init__(self, host: Host, domain: StorageDomain, vm: str) -> None:
        """Watch the storage domain in which the disk of the VM with the UUID `vm` lies."""
        self._host = host
        self._layout = domain.on(host)
        self._home = domain.home
        self._vm = vm
        self._asked: Future[int] | None = None
        self._last = -EVERY
        self._why = ""

    def go_on(self) -> None:
        """Return at once while all is well; else tell what is wrong, and wait until the VM goes on.

        Raises:
            StorageLost: it took too long.
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
            where, limit = str(self._home), PATIENCE * self._host.timeout_factor
            detail = _("{storage} did not come back within {limit:.0f} s", storage=where, limit=limit)
            hint = _("Bring the storage back, then go on where the engine VM has stopped; look at it with:")
            raise StorageLost(detail, why=self._why, where=where, hint=hint, command=self._home.command) from error
        self._host.reporter.emit(Info(_("The storage is back; the engine VM goes on")))

    def _trouble(self) -> str:
        """Give what is wrong; have a VM that was stopped go on as soon as nothing is."""
        found = self._host.hypervisor.domain(self._vm)
        stopped = found is not None and found.state is DomainState.STALLED
        if not stopped and not self._why and self._host.clock.monotonic() < self._last + EVERY:
            return ""
        self._why = self._answer(stopped=stopped)
        self._last = self._host.clock.monotonic()
        if stopped and not self._why:
            self._host.hypervisor.go_on(self._vm)
        return self._why

    def _answer(self, *, stopped: bool) -> str:
        asked = self._asked = self._asked or begun(self._layout.free)
        wait([asked], SILENT)  # of real time, as a thread takes
        if not asked.done():
            return _("no answer for {seconds:g} s", seconds=SILENT)
        self._asked = None
        try:
            free = asked.result()
        except Problem as problem:
            return problem.why or problem.detail
        except OSError as error:
            return error.strerror or str(error)
        return _("it is full ({free} MiB free)", free=free // MIB) if stopped and free < ROOM else ""
