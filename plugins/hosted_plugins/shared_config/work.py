"""Reads and changes the configuration key by key; a file is written whole or not at all."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hosted_plugins.additional_host import HostId
from hosted_setup.app import refused
from hosted_setup.domain.settings import changed, settings
from hosted_setup.files import put as replace
from hosted_setup.interview.answer_file import is_plain
from hosted_setup.model.events import Info
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem
from hosted_setup.pipeline.codec import decode
from hosted_setup.pipeline.deployed import deployed, not_deployed
from hosted_setup.pipeline.journal import Journal, Past, RunLock
from hosted_setup.pipeline.runner import Intents, recall
from hosted_setup.pipeline.step import step_of
from hosted_setup.pipeline.writing import RemoveFile, write
from hosted_setup.storage.domain import StorageDomain

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.app import App

_HA = "local_maintenance=False\nlocal_maintenance_manual=False\n"
"""What `ha.conf` says where nobody has written it yet."""


class ConfigKey(Problem):
    """The configuration has no such key, or several have it."""

    code = "HE-CONFIG-KEY"
    title = "The configuration key is not known"
    exit_code = ExitCode.USAGE


class ConfigValue(Problem):
    """The value cannot be written."""

    code = "HE-CONFIG-VALUE"
    title = "The configuration value is not accepted"
    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class _Kind:
    """One type of configuration; `quoted` tells whether its values are quoted for a shell."""

    read: Callable[[], str]
    write: Callable[[str], None]
    quoted: bool

    def values(self) -> dict[str, str]:
        return settings(self.read(), quoted=self.quoted)


class _Kinds:
    """The configuration of a host on which an engine was deployed."""

    def __init__(self, app: App) -> None:
        self._journal, domain = _deployed(app)
        self._host = app.host(self._journal.parent.name, app.frontend("auto"))
        self._layout = domain.on(self._host)
        here = self._host.paths.etc / "hosted-engine.conf"
        self.by_type = {
            "he_local": self._of_host(here, ""),
            "he_shared": self._shared("hosted-engine.conf", quoted=True),
            "ha": self._of_host(self._host.paths.ha_state / "ha.conf", _HA, quoted=False),
            "broker": self._shared("broker.conf", quoted=False),
        }

    def find(self, key: str, kind: str) -> str:
        """Tell which type has the key: the given one, or the only one; he_local goes before its shared twin."""
        values = {name: self.by_type[name].values() for name in ([kind] if kind else self.by_type)}
        having = [name for name, found in values.items() if key in found]
        if having:
            return having[0]
        known = {one for found in values.values() for one in found}
        near = difflib.get_close_matches(key, known, n=1)
        hint = _("Did you mean {key}? Show it with:", key=near[0]) if near else _("Show one that there is with:")
        command = f"hosted-engine get-shared-config {shlex.quote(near[0] if near else min(known))}"
        command += f" --type={kind}" if kind else ""
        why = _("there are: {keys}", keys=", ".join(sorted(known)))
        raise ConfigKey(key, why=why, where=kind, hint=hint, command=command)

    def _shared(self, name: str, *, quoted: bool) -> _Kind:
        return _Kind(
            lambda: self._layout.read_conf().get(name, ""), lambda text: self._layout.write_conf({name: text}), quoted
        )

    def _of_host(self, path: Path, default: str, *, quoted: bool = True) -> _Kind:
        def put(text: str) -> None:
            with Journal(self._journal) as journal:
                past = Past(journal.records)
                if path.exists() and not _written_by(past, path):  # an agent's: no cleanup removes it
                    replace(path, text.encode(), 0o600, beside=path.with_name(f".{path.name}.new"), new=False)
                else:
                    undo = Intents(journal, "shared_config.set", past)
                    write(path, text.encode(), 0o600, self._host, undo, anew=True)

        return _Kind(lambda: path.read_text() if path.exists() else default, put, quoted)


def _written_by(past: Past, path: Path) -> bool:
    """Tell whether the run has written this file."""
    written = (decode(one.data, RemoveFile) for one in past.open_intents() if one.undo == RemoveFile.name)
    return any(one.path == path for one in written)


def get(app: App, key: str, kind: str) -> int:
    """Show a value, in the words that operators know."""
    try:
        kinds = _Kinds(app)
        name = kinds.find(key, kind)
        value = kinds.by_type[name].values()[key]
    except Problem as problem:
        return refused(app.frontend("auto"), problem)
    app.frontend("auto").emit(Info(_("{key} : {value}, type : {name}", key=key, value=value, name=name)))
    return ExitCode.DONE


def change(app: App, key: str, value: str, kind: str) -> int:
    """Change a value."""
    try:
        kinds = _Kinds(app)
        lock = RunLock(app.paths.runs)
        try:
            name = kinds.find(key, kind)
            chosen = kinds.by_type[name]
            if not is_plain(value):
                why = _("a value is one line of text")
                hint = _("Give it without control characters; what it is now:")
                command = f"hosted-engine get-shared-config {key} --type={name}"
                raise ConfigValue(key, why=why, hint=hint, command=command)
            chosen.write(changed(chosen.read(), key, value, quoted=chosen.quoted))
        finally:
            lock.release()
    except Problem as problem:
        return refused(app.frontend("auto"), problem)
    app.frontend("auto").emit(Info(_("{key} : {value}, type : {name}", key=key, value=value, name=name)))
    return ExitCode.DONE


def _deployed(app: App) -> tuple[Path, StorageDomain]:
    """Give the journal of the run that made this host what it is, and the storage domain that it knows.

    Raises:
        NotDeployed: there is none.
    """
    steps = [step_of(one) for one in app.registry().steps()]
    for path, past in deployed(app.paths):
        have = recall(past, steps)
        if HostId in have:
            return path, have[HostId].domain
        if StorageDomain in have:
            return path, have[StorageDomain]
    raise not_deployed(app.paths)
