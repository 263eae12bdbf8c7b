"""Deploy: the program's main flow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeployRequest:
    """What the command line asked for; `restore_from` is the archive's path, None for a fresh engine."""

    restore_from: str | None = None


@dataclass(frozen=True)
class Interviewed:
    """Every question of a deploy is answered."""
