"""Follows what the guest says over the channel; the other end is `templates/guest.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hosted_plugins.vm import EngineVm
from hosted_setup.model.events import GuestLine
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.wait import DeadlineExceeded, wait_until
from hosted_setup.ports.host import Host
from hosted_setup.ports.hypervisor import DomainState
from hosted_setup.ports.problems import BUNDLE, COLLECT, RESUME
from hosted_setup.storage.watch import StorageWatch

OUTPUT: Final = "|- "
EVENT: Final = "HE_GUEST "
_ERROR: Final = re.compile(r"\b(FATAL|ERROR|[Ee]rror)\b")
_STATUS: Final = re.compile(r"ended with \d+$")  # our own script's word: it says that, not why


class GuestStopped(Problem):
    """The engine VM is off in the middle of its setup."""

    code = "HE-GUEST-STOPPED"
    title = "The engine VM has stopped"
    exit_code = ExitCode.FAILED


class GuestMute(Problem):
    """The engine VM said nothing within the deadline."""

    code = "HE-GUEST-MUTE"
    title = "The engine VM does not report"
    exit_code = ExitCode.FAILED


class GuestFailed(Problem):
    """Our own part in the guest met something it could not handle."""

    code = "HE-GUEST-FAILED"
    title = "The engine VM could not do its part"
    exit_code = ExitCode.FAILED


class GuestLog:
    """The guest's lines from its first on; lines after the first `seen` are shown to the operator."""

    def __init__(self, host: Host, vm: EngineVm, seen: int = 0) -> None:
        """Open the channel of a running VM."""
        self._host = host
        self._vm = vm
        self._shown = seen
        self._storage = StorageWatch(host, vm.storage, vm.uuid)
        self._channel = host.guests.open(Path(vm.channel), Path(vm.log))
        self.lines: list[str] = []

    @property
    def seen(self) -> int:
        """Give how many lines there were."""
        return len(self.lines)

    def events(self) -> Iterator[dict[str, Any]]:
        """Give the messages meant for the installer, in order."""
        for line in self.lines:
            if line.startswith(EVENT):
                try:
                    message = json.loads(line.removeprefix(EVENT))
                except ValueError:
                    continue  # a guest is not to be trusted to speak well
                if isinstance(message, dict):
                    yield message

    def event(self, name: str) -> dict[str, Any] | None:
        """Give the last message of that name, None if there was none."""
        return next((found for found in reversed(list(self.events())) if found.get("event") == name), None)

    def outcome(self, marker: str) -> bool | None:
        """Tell whether `marker` was reported as a success, or a failure; None while it was not."""
        for suffix, outcome in (("_SUCCESS", True), ("_FAIL", False)):
            if f"{OUTPUT}{marker}{suffix}" in self.lines:
                return outcome
        return None

    def last_error(self) -> str:
        """Give the last line that speaks of an error, else the last line: where tools say why they failed."""
        texts = [line.removeprefix(OUTPUT) for line in self.lines if line.startswith(OUTPUT) and line.strip("|- ")]
        texts = [text for text in texts if not text.endswith("_FAIL") and not _STATUS.search(text)]
        errors = [text for text in texts if _ERROR.search(text)]
        return next(reversed(errors or texts), "")

    def answer(self, what: str, value: str, *, unless: str) -> None:
        """Answer the guest's question, unless it has gone on to the event `unless`."""
        self.pump()
        if self.event(unless) is None:
            self._channel.send(json.dumps({what: value}))

    def pump(self) -> None:
        """Take the lines that came."""
        for line in self._channel.read():
            self.lines.append(line)
            if len(self.lines) > self._shown and line.startswith(OUTPUT):
                self._host.reporter.emit(GuestLine(line.removeprefix(OUTPUT)))

    def wait(self, probe: Any, *, within: float, what: str) -> Any:  # noqa: ANN401 - gives what the probe gives
        """Wait until `probe` of this log gives something; the VM has to stay up meanwhile."""

        def look() -> Any:  # noqa: ANN401 - see above
            self.pump()
            found = probe(self)
            if found is None:
                self._must_go_on()
            return found

        try:
            return wait_until(self._host, look, within=within, what=what)
        except DeadlineExceeded as error:
            hint = _("Its console is in the bundle of logs (console.log); another bundle is made by:")
            why = self.last_error() or _("it has said nothing; on a slow host --timeout-factor=2 waits longer")
            detail = _("waited {limit:.0f} s for {what}", limit=within * self._host.timeout_factor, what=what)
            raise GuestMute(detail, why=why, hint=hint, command=BUNDLE) from error

    def wait_for(self, event: str, *, within: float, what: str) -> dict[str, Any]:
        """Wait for a message."""
        found: dict[str, Any] = self.wait(lambda log: log.event(event), within=within, what=what)
        return found

    def close(self) -> None:
        """Let go of the channel."""
        self._channel.close()

    def _must_go_on(self) -> None:
        failed = self.event("failed")
        if failed is not None:
            raise GuestFailed(_("its setup has stopped"), why=str(failed.get("why")), hint=_(COLLECT), command=BUNDLE)
        domain = self._host.hypervisor.domain(self._vm.uuid)
        if domain is None or domain.state in (DomainState.OFF, DomainState.CRASHED):
            state = domain.state.value if domain else "gone"
            why = self.last_error() or _("its console may tell")
            hint = _("Start it anew from the last good point:")
            raise GuestStopped(
                _("libvirt says: {state}", state=state),
                why=why,
                where=str(self._host.run_dir / "console.log"),
                hint=hint,
                command=RESUME,
            )
        self._storage.go_on()
