"""The typed plugin manager: finds commands, steps and storage back ends."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pluggy

from hosted_setup.hooks import PROJECT, Hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hosted_setup.command import Command
    from hosted_setup.storage import StorageBackend

ENTRY_POINTS: Final = "hosted_setup"


class Registry:
    """Holds the plugins of one process."""

    def __init__(self, modules: Iterable[str], *, third_parties: bool) -> None:
        """Register the project's own `modules` by name, then, if asked, those that entry points announce.

        Third parties are left out where only the program's own help is wanted: reading entry points costs half of it.

        Raises:
            pluggy.PluginValidationError: a plugin implements a hook that does not exist, or with other parameters.
        """
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        for name in modules:
            self._manager.register(import_module(name), name)
        if third_parties:
            self._manager.load_setuptools_entrypoints(ENTRY_POINTS)
        self._manager.check_pending()

    def commands(self) -> tuple[Command, ...]:
        """Give every command, in the order of registration."""
        return self._flat(self._manager.hook.hosted_setup_commands())

    def steps(self) -> tuple[Callable[..., Any], ...]:
        """Give every function marked as a step or a check."""
        return self._flat(self._manager.hook.hosted_setup_steps())

    def storage_backends(self) -> dict[str, StorageBackend[Any]]:
        """Give the storage back ends by kind."""
        found: tuple[StorageBackend[Any], ...] = self._flat(self._manager.hook.hosted_setup_storage_backends())
        return {backend.kind: backend for backend in found}

    @staticmethod
    def _flat(results: list[Any]) -> tuple[Any, ...]:
        # pluggy calls the last registered first; people expect the order of registration
        return tuple(one for result in reversed(results) for one in result)
