"""Plugins: the project's own and a third party's come in by the same hooks, in a known order."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from hosted_plugins import COMMANDS, FEATURES
from hosted_setup.command import Command
from hosted_setup.hooks import hookimpl
from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import step, step_of
from hosted_setup.registry import ENTRY_POINTS, Registry
from hosted_setup.storage import StorageBackend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hosted_setup.pipeline.undo import UndoLog
    from hosted_setup.ports.host import Host
    from hosted_setup.ports.locations import Home


@dataclass(frozen=True)
class Moon:
    """A third party's product."""


@step(Stage.SETUP, "Look at the moon")
def look_at_the_moon() -> Moon:
    return Moon()


@section("Storage")
class CloudAnswers:
    """A third party's questions."""

    bucket: str = ask("Bucket", key="CLOUD/bucket")


class Cloud(StorageBackend[CloudAnswers]):
    """A third party's storage."""

    kind = "cloud"
    title = "somebody else's computer"
    answers = CloudAnswers

    def connection(self, want: CloudAnswers) -> str:
        return want.bucket

    def check(self, want: CloudAnswers, host: Host) -> None:
        """Accept anything."""

    def free(self, want: CloudAnswers, host: Host) -> int:
        return 0

    def attach(self, want: CloudAnswers, host: Host, undo: UndoLog) -> Home:
        raise NotImplementedError


class ThirdParty:
    """A plugin that uses every hook."""

    @hookimpl
    def hosted_setup_commands(self) -> Sequence[Command]:
        return (Command("moon", "look at the moon", lambda _: None, lambda _options, _app: 7),)

    @hookimpl
    def hosted_setup_steps(self) -> Sequence[Callable[..., Any]]:
        return (look_at_the_moon,)

    @hookimpl
    def hosted_setup_storage_backends(self) -> Sequence[StorageBackend[Any]]:
        return (Cloud(),)


@dataclass(frozen=True)
class EntryPoint:
    """An installed distribution's announcement."""

    group: str = ENTRY_POINTS
    name: str = "third-party"

    def load(self) -> object:
        return ThirdParty()


@dataclass(frozen=True)
class Distribution:
    """A distribution."""

    entry_points: tuple[EntryPoint, ...] = (EntryPoint(), EntryPoint(group="somebody_elses"))
    metadata: tuple[str, ...] = ()


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.distributions", lambda: [Distribution()])


@pytest.mark.usefixtures("_installed")
def test_a_third_party_adds_commands_steps_and_storage() -> None:
    registry = Registry((*COMMANDS, *FEATURES), third_parties=True)
    assert [command.name for command in registry.commands()][-1] == "moon"
    assert registry.steps()[-1] is look_at_the_moon
    assert list(registry.storage_backends()) == ["localfs", "nfs", "glusterfs", "iscsi", "fc", "cloud"]


@pytest.mark.usefixtures("_installed")
def test_third_parties_are_read_only_where_they_are_wanted() -> None:
    registry = Registry(COMMANDS, third_parties=False)
    assert "moon" not in [command.name for command in registry.commands()]


def test_the_order_is_the_order_of_registration() -> None:
    names = [command.name for command in Registry(COMMANDS, third_parties=False).commands()]
    assert names == [made.name for module in COMMANDS for made in import_module(module).hosted_setup_commands()]
    assert names[0] == "deploy"
    first = step_of(Registry(FEATURES, third_parties=False).steps()[0])
    assert first.name == "deploy.steps.interview"


@pytest.mark.parametrize("hook", ["hosted_setup_command", "hosted_setup_undos"])
def test_a_hook_that_does_not_exist_is_told_at_start(monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    module = ModuleType("mistaken")
    setattr(module, hook, hookimpl(lambda: ()))
    monkeypatch.setitem(sys.modules, "mistaken", module)
    with pytest.raises(pluggy.PluginValidationError, match=hook):
        Registry(("mistaken",), third_parties=False)


def test_a_hook_with_other_parameters_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("mistaken")
    module.hosted_setup_steps = hookimpl(lambda extra: ())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mistaken", module)
    with pytest.raises(pluggy.PluginValidationError, match="extra"):
        Registry(("mistaken",), third_parties=False)
