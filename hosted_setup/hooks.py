"""The whole extension surface: what a plugin can add.

A plugin is a module or object with functions of these names, marked with `hookimpl`. The project's own features are
registered the same way. Third parties announce theirs through the entry-point group `hosted_setup`. Hooks only find
things; types decide the order of work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hosted_setup.command import Command
    from hosted_setup.storage import StorageBackend

PROJECT: Final = "hosted_setup"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The hook specifications."""

    @hookspec
    def hosted_setup_commands(self) -> Sequence[Command]:  # type: ignore[empty-body]
        """Give commands of the `hosted-engine` program."""

    @hookspec
    def hosted_setup_steps(self) -> Sequence[Callable[..., Any]]:  # type: ignore[empty-body]
        """Give functions marked with `step` or `check`; those that a flow's goal needs become part of its plan."""

    @hookspec
    def hosted_setup_storage_backends(self) -> Sequence[StorageBackend[Any]]:  # type: ignore[empty-body]
        """Give storage back ends; the operator chooses one by its kind."""
