"""What a host connects to reach its storage, and lets go of again; by the journal and in the name of a run.

The journal keeps what it needs (`Disconnect`), so that a later process can connect it anew. What of it this host has
connected, and was not so before, is kept in the run's own folder; it is all that is ever taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.codec import decode
from hosted_setup.pipeline.journal import Intent, Past, read_journal
from hosted_setup.pipeline.session import JOURNAL
from hosted_setup.pipeline.undo import Undo
from hosted_setup.ports.connections import Connection, MountAt
from hosted_setup.ports.problems import CLEANUP
from hosted_setup.storage import connecting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hosted_setup.pipeline.journal import AnyRecord
    from hosted_setup.pipeline.undo import UndoLog
    from hosted_setup.ports.host import Host


class StillNeeded(Problem):
    """What was made on the storage is still there."""

    code = "HE-STORAGE-NEEDED"
    title = "The storage is still needed"
    exit_code = ExitCode.UNFINISHED


@dataclass(frozen=True)
class Disconnect(Undo, name="storage.disconnect"):
    """Lets go of the storage that a run has connected; what was so before stays.

    It is recorded for whatever has to be connected, so that it tells what to connect after a reboot.
    """

    what: Connection

    def apply(self, host: Host) -> None:
        """Let go of it, unless something that was made after it is still there."""
        if not connecting.is_there(self.what, host):
            disconnect(self.what, host)  # what comes in its place from now on is somebody else's
        refuse_while_needed(self, host)
        disconnect(self.what, host)

    def describe(self) -> str:
        """Name it."""
        return str(self.what)


def attach(what: Connection, host: Host, undo: UndoLog) -> None:
    """Connect it for a run; see `connect`."""
    undo.before(Disconnect(what))
    connect(what, host)


def connect(what: Connection, host: Host) -> bool:
    """Connect what is not connected; tell whether there was anything.

    Raises:
        OSError: a server of files refuses it, or does not answer.
        Problem: anything else; see `ports.initiator` and `connecting`.
    """
    return connecting.mount(what, host) if isinstance(what, MountAt) else connecting.log_in(what, host)


def disconnect(what: Connection, host: Host) -> bool:
    """Let go of what `connect` has connected in this run's name; tell whether there was anything.

    Raises:
        OSError, Problem: it is in use, or the server does not let go.
    """
    return connecting.unmount(what, host) if isinstance(what, MountAt) else connecting.log_out(what, host)


def refuse_while_needed(undo: Undo, host: Host) -> None:
    """Go no further while something that the run has made after `undo` was recorded is still to be taken back.

    Raises:
        StillNeeded: see the class.
    """
    intents = Past(list(_records(host.run_dir))).open_intents()
    first = min((one.number for one in intents if one.undo == undo.name), default=len(intents))
    later = [one for one in reversed(intents) if one.number > first and one.undo != undo.name]
    if later:
        what = ", ".join(decode(one.data, Undo.registry[one.undo]).describe() for one in later)
        why, hint = _("still there: {what}", what=what), _("Remove what is left first:")
        raise StillNeeded(undo.describe(), why=why, hint=hint, command=CLEANUP)


def connections_of(run: Path) -> tuple[Connection, ...]:
    """Give what the run with that folder needs to have connected."""
    intents = (one for one in _records(run) if isinstance(one, Intent) and one.undo == Disconnect.name)
    return tuple(dict.fromkeys(decode(one.data, Disconnect).what for one in intents))


def _records(run: Path) -> Sequence[AnyRecord]:
    path = run / JOURNAL
    return list(read_journal(path)) if path.exists() else []
