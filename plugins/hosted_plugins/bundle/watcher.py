"""Watches a run, and knows how to reach its engine VM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hosted_plugins.bootstrap import Greeted
from hosted_plugins.bundle.bundle import Bundle, EngineShell
from hosted_plugins.network import EngineNetwork
from hosted_setup.model.events import Warn
from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem
from hosted_setup.pipeline.journal import Past, read_journal
from hosted_setup.pipeline.runner import recall
from hosted_setup.ports.shell import ShellAddress

if TYPE_CHECKING:
    from hosted_setup.app import RunLog
    from hosted_setup.model.secret import Secret
    from hosted_setup.pipeline.plan import Item
    from hosted_setup.ports.host import Host


@dataclass(frozen=True)
class Watcher:
    """Collects the logs when a run fails; `root_password` gives what the operator answered, if he did."""

    host: Host
    log: RunLog
    items: tuple[Item, ...]
    redact: Callable[[str], str]
    root_password: Callable[[], Secret | None]

    def failing(self, journal: Path) -> None:
        """Collect before anything is undone; a failure to do so must not hide the first one."""
        try:
            shell = shell_of(journal, self.items, self.root_password())
            Bundle(self.host, self.redact).collect(shell)
        except (Problem, OSError) as error:
            self.host.reporter.emit(Warn(_("The logs could not be collected: {error}", error=error)))

    def log_traceback(self, text: str) -> str:
        """Write the traceback to the log."""
        self.log.traceback(text)
        return self.log.path


def shell_of(journal: Path, items: tuple[Item, ...], password: Secret | None) -> EngineShell | None:
    """Tell how to reach the engine VM of a run, if that is known by now."""
    have = recall(Past(list(read_journal(journal))), items)
    greeted, network = have.get(Greeted), have.get(EngineNetwork)
    if password is None or network is None or greeted is None or not greeted.host_keys:
        return None
    return EngineShell(ShellAddress(network.address or greeted.address, greeted.host_keys[0]), password)
