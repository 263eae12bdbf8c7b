"""Logs of host and engine in one file, secrets removed; collected when a run fails, and on demand."""

from typing import Final

from hosted_plugins.bundle.bundle import Bundle, EngineShell
from hosted_plugins.bundle.watcher import Watcher, shell_of

ROOT_PASSWORD: Final = "OVEHOSTED_VM/cloudinitRootPwd"  # noqa: S105 - the key of an answer
"""The key of the answer that opens the engine VM's shell."""

__all__ = ["ROOT_PASSWORD", "Bundle", "EngineShell", "Watcher", "shell_of"]
