"""Runs of this host: their state, and taking them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hosted_setup.app import App


def abort(app: App, dialect: str = "auto") -> int:
    """Take the unfinished run back; give the exit code."""
    from hosted_plugins.runs import work  # noqa: PLC0415 - commands are light until they run

    return work.abort(app, dialect)
