"""The installer's own step that makes the management bridge, on a machine of which nothing else is wanted.

    python tests/system/bridge_step.py make|cut|undo

`make` runs the step with a journal, `undo` takes back what the journal holds. `cut` cuts the power while the bridge is
on trial.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hosted_plugins.network import (
    EngineNetwork,
    LinkName,
    NetworkAnswers,
    NetworkChoice,
    NetworkMode,
    Subnet,
    default_nic,
)
from hosted_plugins.network.bridge import make_bridge
from hosted_setup.adapters.netlink_network import BridgeTrial, NetlinkNetwork
from hosted_setup.adapters.system_clock import SystemClock
from hosted_setup.interview.frontend import Confirm
from hosted_setup.model.events import Info, Warn
from hosted_setup.model.values import VmName
from hosted_setup.pipeline.journal import Journal, Past
from hosted_setup.pipeline.plan import plan
from hosted_setup.pipeline.rollback import roll_back
from hosted_setup.pipeline.runner import Runner
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step, step_of
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host, Paths

if TYPE_CHECKING:
    from hosted_setup.model.events import Event

RUN = "20260102030405-abcdef"
BRIDGE = "ovirtmgmt"


@step(Stage.TRANSACTION, "Make the bridge")
def bridge(choice: NetworkChoice, answers: NetworkAnswers, host: Host, undo: UndoLog) -> EngineNetwork:
    """Make it as a deploy does."""
    return make_bridge(choice, answers, host, undo)


class Willing:
    """Asks nothing, and goes ahead."""

    def review(self, *_: object) -> Confirm:
        return Confirm()


class Printer:
    """Prints what an operator would read."""

    def emit(self, event: Event) -> None:
        if isinstance(event, Info | Warn):
            tell(event.text)


def tell(text: str) -> None:
    """Write a line for the test at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def this_host() -> Host:
    """Give this machine, as far as the step needs it."""
    ports: dict[str, Any] = {one.name: None for one in fields(Host)}
    mine = {"network": NetlinkNetwork(), "clock": SystemClock(), "reporter": Printer()}
    return Host(**ports | mine | {"paths": Paths(), "run_id": RUN, "timeout_factor": 3.0})


def make(host: Host, journal: Journal, past: Past) -> None:
    """Run the step over the NIC of the default route."""
    choice = NetworkChoice(mode=NetworkMode.BRIDGE, bridge=LinkName(BRIDGE))
    answers = NetworkAnswers(
        name=VmName("unused"),
        subnet=Subnet("192.168.222.0/24"),
        nic=LinkName(default_nic(host.network.facts())),
        gateway=None,
    )
    items = plan(EngineNetwork, [step_of(bridge)], (NetworkChoice, NetworkAnswers))
    Runner(items, host, journal, cast("Any", Willing()), past).run(choice, answers)


def power_cut(trial: BridgeTrial) -> bool:
    """End the machine as it is: nothing is shut down, nothing more is written."""
    tell(f"{trial} ends here")
    Path("/proc/sysrq-trigger").write_text("b")
    return False


def main(verb: str) -> None:
    """See the module."""
    host = this_host()
    host.run_dir.mkdir(parents=True, exist_ok=True)
    with Journal(host.run_dir / "journal.jsonl") as journal:
        past = Past(journal.records)
        if verb == "undo":
            roll_back(journal, past, host)
            return
        if verb == "cut":
            setattr(BridgeTrial, "proven", power_cut)  # noqa: B010 - mypy forbids the other form
        make(host, journal, past)


if __name__ == "__main__":
    main(sys.argv[1])
